package io.rolewright.operations;

import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import io.rolewright.audit.AuditConfig;
import io.rolewright.audit.Pruning;
import io.rolewright.store.Schema;
import io.rolewright.store.StartupStep;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Arrays;

/**
 * {@code --prune-audit}: deletes audit rows that are older than {@link AuditConfig#retention}, as the migration role, and
 * ends. For where the running service's role may not do it ({@link Pruning#byItself}). Itself recorded.
 */
@ApplicationScoped
class PruneAuditCommand {

    private static final String OPTION = "--prune-audit";

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
        if (config.retention().compareTo(Pruning.SHORTEST) < 0) {
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

    static Uni<Long> prune(Schema schema, Duration retention) {
        return schema.asOwner(session -> Pruning.prune(session, retention));
    }

    private static void end(int exitCode, String sentence, PrintStream stream) {
        stream.println(sentence);
        Quarkus.asyncExit(exitCode);
    }
}
