package io.rolewright.operations;

import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import io.rolewright.audit.AuditLog;
import io.rolewright.store.OwnContext;
import io.rolewright.store.Schema;
import io.rolewright.store.StartupStep;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.PrintStream;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * {@code --command adopt-store}: makes a copy of the store the one whose work is done, and ends. It opens no port and wants the settings of
 * the store and no other; the service may be running meanwhile and notices within {@code ROLEWRIGHT_SCHEDULER_POLL_INTERVAL}.
 *
 * <p>Exit code: 0 adopted, or it was no copy; 1 not done.
 */
@ApplicationScoped
class AdoptStoreCommand {

    static final String WORD = "adopt-store";

    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(30);

    private final String[] arguments;
    private final Schema schema;
    private final StoreOrigin origin;
    private final AuditLog audit;
    private final Vertx vertx;

    AdoptStoreCommand(
            @CommandLineArguments String[] arguments, Schema schema, StoreOrigin origin, AuditLog audit, Vertx vertx) {
        this.vertx = vertx;
        this.arguments = arguments;
        this.schema = schema;
        this.origin = origin;
        this.audit = audit;
    }

    void run(@Observes @Priority(1) StartupEvent event) {
        if (!KeyCommandLine.word(arguments).filter(WORD::equals).isPresent()) {
            return;
        }
        try {
            answer(schema::run, schema.limit());
            StoreOrigin.Standing before = answer(origin::look, ANSWERS_WITHIN);
            if (before.copy()) {
                answer(
                        () -> audit.record(StoreResource.event(before).by(null, "--command " + WORD))
                                .chain(origin::adopt),
                        ANSWERS_WITHIN);
                end(0, "The store has been adopted. What is due begins with the next look for due work.", System.out);
            } else {
                end(0, "The store is no copy: there is nothing to adopt.", System.out);
            }
        } catch (StartupStep.NotReady refused) {
            end(1, "The store was not adopted: " + refused.getMessage(), System.err);
        } catch (RuntimeException fault) {
            end(1, "The store was not adopted: " + StoreFault.describe(fault), System.err);
        }
        // Ends the start quietly, before any port is open.
        throw new PreventFurtherStepsException();
    }

    private <T> T answer(Supplier<Uni<? extends T>> question, Duration limit) {
        return OwnContext.on(vertx.getOrCreateContext(), question).await().atMost(limit);
    }

    private static void end(int exitCode, String sentence, PrintStream stream) {
        stream.println(sentence);
        Quarkus.asyncExit(exitCode);
    }
}
