package io.rolewright.rotation;

import io.rolewright.access.Caller;
import io.rolewright.access.RateLimits;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.credential.Actor;
import io.rolewright.credential.NotChanged;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jboss.logging.Logger;

/** What the audit says about rotations: successes in the transaction that made them true, failures after the fact. */
@ApplicationScoped
class RotationAudit {

    static final String KIND = "secret-rotation";

    private static final Logger log = Logger.getLogger(RotationAudit.class);

    private final AuditLog audit;

    RotationAudit(AuditLog audit) {
        this.audit = audit;
    }

    /** Who asks, and in which request. */
    record Act(Caller caller, String requestId) {

        Actor actor() {
            return new Actor(caller.id(), caller.name(), caller.address(), requestId);
        }
    }

    Uni<Void> success(Act act, String type, Rotation row, Map<String, Object> facts) {
        return record(AuditEvent.success(type), act.actor(), row, facts);
    }

    /** Joins the running transaction. */
    Uni<Void> record(AuditEvent event, Actor actor, Rotation row, Map<String, Object> facts) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("type", RotationWire.TYPE);
        all.put("rotationId", row.id);
        all.put("name", row.name);
        all.put("connectionId", row.connectionId);
        all.put("environment", row.environment);
        all.put("secretPath", row.secretPath);
        all.putAll(facts);
        AuditEvent full = event.by(actor.id(), actor.name())
                .from(actor.address(), actor.requestId())
                .in(row.project.id)
                .on(KIND, row.id);
        for (Map.Entry<String, Object> fact : all.entrySet()) {
            full = full.with(fact.getKey(), fact.getValue());
        }
        return audit.record(full);
    }

    /**
     * Records what was refused or failed, but for want of a turn, and lets the failure through. That the audit itself cannot be written must not hide the
     * reason from the caller. How an attempt ended is not recorded here: {@code RotationOwner} does, whoever waited for it.
     *
     * @param subject id or name of the rotation as the caller gave it
     */
    <T> Uni<T> failures(Uni<T> act, Act who, String type, String project, String subject) {
        return act.onFailure(failure -> !(failure instanceof NotChanged) && !RateLimits.isRefusal(failure))
                .call(failure -> {
                    AuditEvent event = event(type, failure)
                            .by(who.caller().id(), who.caller().name())
                            .from(who.caller().address(), who.requestId())
                            .on(KIND, subject)
                            .with("type", RotationWire.TYPE);
                    if (project != null) {
                        event = event.with("projectId", project);
                    }
                    return audit.record(event).onFailure().recoverWithUni(unwritten -> {
                        log.warnf(
                                "Could not record the failure of %s in the audit log: %s",
                                type, unwritten.getClass().getSimpleName());
                        return Uni.createFrom().voidItem();
                    });
                });
    }

    private static AuditEvent event(String type, Throwable failure) {
        if (failure instanceof Problem problem) {
            return problem.status() == 403
                    ? AuditEvent.refused(type, problem.code())
                    : AuditEvent.failed(type, problem.code());
        }
        return AuditEvent.failed(type, failure instanceof ValidationProblem ? "validation_failed" : "internal_error");
    }
}
