package io.rolewright.connection;

import io.rolewright.access.Caller;
import io.rolewright.access.LiveCaller;
import io.rolewright.access.Project;
import io.rolewright.access.RateLimits;
import io.rolewright.access.Readers.Judged;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/** What the audit says about connections: successes in the transaction that made them true, failures after the fact. */
@ApplicationScoped
class ConnectionAudit {

    static final String KIND = "app-connection";

    private static final Logger log = Logger.getLogger(ConnectionAudit.class);

    private final AuditLog audit;

    ConnectionAudit(AuditLog audit) {
        this.audit = audit;
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
    }

    Uni<Void> success(Act act, String type, Connection row, Map<String, Object> facts) {
        AuditEvent event = about(act, AuditEvent.success(type), row.project, row.id)
                .with("app", "postgres")
                .with("name", row.name)
                .with("isPlatformManagedCredentials", row.platformManaged);
        for (Map.Entry<String, Object> fact : facts.entrySet()) {
            event = event.with(fact.getKey(), fact.getValue());
        }
        return audit.record(event);
    }

    Uni<Void> read(Act act, Connection row) {
        return audit.record(about(act, AuditEvent.success(AuditType.GET_APP_CONNECTION), row.project, row.id));
    }

    /** Of a row that {@link ConnectionReads} has inserted. */
    void inserted(Judged reader, Connection row) {
        audit.inserted(about(
                reader.caller(),
                reader.requestId(),
                AuditEvent.success(AuditType.GET_APP_CONNECTION),
                row.project,
                row.id));
    }

    /** Names the first hundred of them. */
    Uni<Void> listed(Act act, String type, List<Connection> rows) {
        return audit.record(about(act, AuditEvent.success(type), null, null)
                .with("app", "postgres")
                .with("count", rows.size())
                .with(
                        "connectionIds",
                        rows.stream().limit(100).map(row -> row.id).toList()));
    }

    /** Of credentials that came with the request. */
    Uni<Void> tested(Act act, Project project, TargetReport report) {
        return audit.record(about(act, tested(report), project, null));
    }

    /** Of a stored connection, in the statement that notes it there: see {@link AuditLog#record(AuditEvent, String, Object...)}. */
    Uni<Void> testedStored(Act act, Connection row, TargetReport report, String change, Object... values) {
        return audit.record(about(act, tested(report), row.project, row.id), change, values);
    }

    private static AuditEvent tested(TargetReport report) {
        return report.ok()
                ? AuditEvent.success(AuditType.TEST_APP_CONNECTION)
                : AuditEvent.failed(
                        AuditType.TEST_APP_CONNECTION,
                        TestReport.failure(report).reason());
    }

    /**
     * Records what was refused or failed, but for want of a turn, and lets the failure through. That the audit itself cannot be written must not
     * hide the reason from the caller.
     *
     * @param subject id or name of the connection as the caller gave it
     */
    <T> Uni<T> failures(Uni<T> act, Act who, String type, String project, String subject) {
        return act.onFailure(failure -> !RateLimits.isRefusal(failure)).call(failure -> {
            AuditEvent event = AuditEvent.ended(type, failure);
            event = event.by(who.caller().id(), who.caller().name())
                    .from(who.caller().address(), who.requestId())
                    .on(KIND, subject);
            if (project != null) {
                event = event.with("projectId", project);
            }
            if (StoreFault.isOutage(failure)) { // it would not take that either, and the caller would wait for it
                audit.note(event);
                return Uni.createFrom().voidItem();
            }
            return audit.record(event).onFailure().recoverWithUni(unwritten -> {
                StoreFault.warn(log, "Could not record the failure of " + type + " in the audit", unwritten);
                return Uni.createFrom().voidItem();
            });
        });
    }

    private static AuditEvent about(Act act, AuditEvent event, Project project, UUID connection) {
        return about(act.caller(), act.requestId(), event, project, connection);
    }

    private static AuditEvent about(
            Caller caller, String requestId, AuditEvent event, Project project, UUID connection) {
        return event.by(caller.id(), caller.name())
                .from(caller.address(), requestId)
                .in(project == null ? null : project.id)
                .on(KIND, connection);
    }
}
