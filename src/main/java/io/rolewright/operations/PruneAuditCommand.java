package io.rolewright.operations;

import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import io.rolewright.audit.AuditConfig;
import io.rolewright.audit.AuditType;
import io.rolewright.store.Schema;
import io.rolewright.store.StartupStep;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.SqlConnection;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Arrays;

/**
 * {@code --prune-audit}: deletes audit rows that are older than {@link AuditConfig#retention}, as the migration role (the
 * running service's may not), and ends. Itself recorded.
 */
@ApplicationScoped
class PruneAuditCommand {

    private static final String OPTION = "--prune-audit";

    private static final Duration SHORTEST = Duration.ofDays(1);

    private final String[] arguments;
    private final Schema schema;
    private final AuditConfig config;

    PruneAuditCommand(@CommandLineArguments String[] arguments, Schema schema, AuditConfig config) {
        this.arguments = arguments;
        this.schema = schema;
        this.config = config;
    }

    void run(@Observes @Priority(1) StartupEvent event) {
        if (!Arrays.asList(arguments).contains(OPTION)) {
            return;
        }
        if (config.retention().compareTo(SHORTEST) < 0) {
            end(1, "ROLEWRIGHT_AUDIT_RETENTION must be a day or longer.", System.err);
        } else {
            try {
                long gone = prune(schema, config.retention()).await().atMost(schema.limit());
                end(0, "Audit rows deleted: " + gone + ".", System.out);
            } catch (StartupStep.NotReady refused) {
                end(1, "The audit could not be pruned: " + refused.getMessage(), System.err);
            } catch (RuntimeException fault) {
                end(1, "The audit could not be pruned: " + StoreFault.describe(fault), System.err);
            }
        }
        throw new PreventFurtherStepsException();
    }

    /** In steps, each a transaction: whatever ends the command halfway loses nothing, and it holds no lock for long. */
    static Uni<Long> prune(Schema schema, Duration retention) {
        return schema.asOwner(session -> step(session, retention, 0));
    }

    private static Uni<Long> step(SqlConnection session, Duration retention, long before) {
        return session.preparedQuery("""
                        with gone as (
                            delete from audit_event where id in (
                                select id from audit_event where at < now() - make_interval(secs => $1)
                                order by at limit 10000)
                            returning 1),
                        said as (
                            insert into audit_event (type, outcome, actor_name, facts)
                            select $2, 'SUCCESS', current_user, jsonb_build_object('rows', count(*))
                            from gone having count(*) > 0)
                        select count(*) from gone""")
                .execute(Tuple.of((double) retention.toSeconds(), AuditType.PRUNE_AUDIT_LOGS))
                .map(rows -> rows.iterator().next().getLong(0))
                .chain(gone -> gone == 0 ? Uni.createFrom().item(before) : step(session, retention, before + gone));
    }

    private static void end(int exitCode, String sentence, PrintStream stream) {
        stream.println(sentence);
        Quarkus.asyncExit(exitCode);
    }
}
