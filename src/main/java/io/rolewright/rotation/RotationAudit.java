package io.rolewright.rotation;

import io.rolewright.access.Caller;
import io.rolewright.access.LiveCaller;
import io.rolewright.access.RateLimits;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.credential.Actor;
import io.rolewright.credential.NotChanged;
import io.rolewright.store.ReadsWithoutAudit;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/** What the audit says about rotations: successes in the transaction that made them true, failures after the fact. */
@ApplicationScoped
class RotationAudit {

    static final String KIND = "secret-rotation";

    private static final Logger log = Logger.getLogger(RotationAudit.class);

    private final AuditLog audit;
    private final ReadsWithoutAudit store;

    RotationAudit(AuditLog audit, ReadsWithoutAudit store) {
        this.audit = audit;
        this.store = store;
    }

    /** Who asks, and in which request. */
    record Act(Caller caller, LiveCaller live, String requestId) {
        /**
         * The same by whoever the caller is now, after something was waited for.
         *
         * @param require throws when he may not do it any more
         * @return fails with what it throws, or as {@link LiveCaller#again} does
         */
        Uni<Act> again(Consumer<Caller> require) {
            return live.again().invoke(require).map(now -> new Act(now, live, requestId));
        }

        /** For work that asks {@link #again} after each wait. */
        Deadline asking(Deadline deadline, Consumer<Caller> require) {
            return deadline.asking(() -> again(require).replaceWithVoid());
        }

        Actor actor() {
            return new Actor(caller.id(), caller.name(), caller.address(), requestId);
        }
    }

    Uni<Void> success(Act act, String type, Rotation row, Map<String, Object> facts) {
        return record(AuditEvent.success(type), act.actor(), row, facts);
    }

    /**
     * Records that credentials are given out; not within a transaction.
     *
     * @return whether the store has the row: false where the log has it alone, because the store cannot write and reads go on without
     */
    Uni<Boolean> given(Act act, String type, Rotation row) {
        AuditEvent event = event(AuditEvent.success(type), act.actor(), row, Map.of());
        return audit.record(event).replaceWith(true).onFailure(store::mayFollow).recoverWithItem(() -> {
            audit.note(event.with("audit", ReadsWithoutAudit.LOG_ONLY));
            return false;
        });
    }

    /** Joins the running transaction. */
    Uni<Void> record(AuditEvent event, Actor actor, Rotation row, Map<String, Object> facts) {
        return audit.record(event(event, actor, row, facts));
    }

    private static AuditEvent event(AuditEvent event, Actor actor, Rotation row, Map<String, Object> facts) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("type", RotationWire.TYPE);
        all.put("rotationId", row.id);
        all.put("name", row.name);
        all.put("connectionId", row.connectionId);
        all.put("environment", row.environment);
        all.put("secretPath", row.secretPath);
        all.put("strategy", row.strategy.wireName());
        all.putAll(facts);
        AuditEvent full = event.by(actor.id(), actor.name())
                .from(actor.address(), actor.requestId())
                .in(row.project.id)
                .on(KIND, row.id);
        for (Map.Entry<String, Object> fact : all.entrySet()) {
            full = full.with(fact.getKey(), fact.getValue());
        }
        return full;
    }

    /**
     * Records what was refused or failed, but for want of a turn, and lets the failure through. That the audit itself cannot be written must not hide the
     * reason from the caller. How an attempt ended is not recorded here: {@code credential} does, whoever waited for it.
     *
     * @param subject id or name of the rotation as the caller gave it
     */
    <T> Uni<T> failures(Uni<T> act, Act who, String type, String project, String subject) {
        return act.onFailure(failure -> !(failure instanceof NotChanged) && !RateLimits.isRefusal(failure))
                .call(failure -> {
                    AuditEvent event = AuditEvent.ended(type, failure)
                            .by(who.caller().id(), who.caller().name())
                            .from(who.caller().address(), who.requestId())
                            .on(KIND, subject)
                            .with("type", RotationWire.TYPE);
                    if (project != null) {
                        event = event.with("projectId", project);
                    }
                    if (StoreFault.isOutage(
                            failure)) { // it would not take that either, and the caller would wait for it
                        audit.note(event);
                        return Uni.createFrom().voidItem();
                    }
                    return audit.record(event).onFailure().recoverWithUni(unwritten -> {
                        StoreFault.warn(log, "Could not record the failure of " + type + " in the audit", unwritten);
                        return Uni.createFrom().voidItem();
                    });
                });
    }
}
