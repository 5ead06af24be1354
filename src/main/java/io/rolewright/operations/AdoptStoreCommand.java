package io.rolewright.operations;

import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import io.rolewright.audit.AuditLog;
import io.rolewright.credential.Adoption;
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
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * {@code --command adopt-store}: makes a copy of the store the one whose work is done, and shows how the running service looks at every role
 * then, as long as that goes on. It opens no port and wants the settings of the store and no other; the service notices within {@code
 * ROLEWRIGHT_SCHEDULER_POLL_INTERVAL}. Killed and given again, it shows the rest. With {@code --rotate-behind}, which may also be given later,
 * credentials that their servers refuse are rotated.
 *
 * <p>Exit code: 0 adopted, or it was no copy; 1 not done.
 */
@ApplicationScoped
class AdoptStoreCommand {

    static final String WORD = "adopt-store";

    static final String ROTATE_BEHIND = "--rotate-behind";

    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(30);
    private static final Duration LOOK = Duration.ofMillis(500);

    /** Without news for so long, no service is at work on it, or what is left has servers that do not answer. */
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final String[] arguments;
    private final Schema schema;
    private final StoreOrigin origin;
    private final AuditLog audit;
    private final Adoption adoption;
    private final Vertx vertx;

    AdoptStoreCommand(
            @CommandLineArguments String[] arguments,
            Schema schema,
            StoreOrigin origin,
            AuditLog audit,
            Adoption adoption,
            Vertx vertx) {
        this.adoption = adoption;
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
            boolean rotateBehind = Arrays.asList(arguments).contains(ROTATE_BEHIND);
            StoreOrigin.Standing before = answer(origin::look, ANSWERS_WITHIN);
            if (before.copy() || rotateBehind) {
                answer(
                        () -> audit.record(StoreResource.event(before, rotateBehind)
                                        .by(null, "--command " + WORD))
                                .chain(() -> before.copy()
                                        ? adoption.begin(rotateBehind).replaceWithVoid()
                                        : adoption.rotateBehind()),
                        ANSWERS_WITHIN);
            }
            System.out.println(
                    before.copy()
                            ? "The store has been adopted. What is due begins with the next look for due work."
                            : "The store is no copy: there is nothing to adopt.");
            end(0, watched(), System.out);
        } catch (StartupStep.NotReady refused) {
            end(1, "The store was not adopted: " + refused.getMessage(), System.err);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            end(0, "Stopped. The service goes on; give the command again to see how far it is.", System.out);
        } catch (RuntimeException fault) {
            end(1, "The store was not adopted: " + StoreFault.describe(fault), System.err);
        }
        // Ends the start quietly, before any port is open.
        throw new PreventFurtherStepsException();
    }

    /** @return how the look at the roles has ended, or stands */
    private String watched() throws InterruptedException {
        ProgressBar bar = new ProgressBar(System.out, KeyCommandLine.isTerminal());
        Adoption.Progress progress = answer(adoption::progress, ANSWERS_WITHIN);
        if (progress == null) {
            return "";
        }
        long begun = System.nanoTime();
        long news = begun;
        long before = progress.looked();
        while (!progress.done() && System.nanoTime() - news < PATIENCE.toNanos()) {
            Duration elapsed = Duration.ofNanos(System.nanoTime() - begun);
            bar.show(progress.looked(), progress.roles(), before, null, elapsed);
            Thread.sleep(LOOK.toMillis());
            long last = progress.looked();
            progress = Objects.requireNonNull(answer(adoption::progress, ANSWERS_WITHIN));
            news = progress.looked() == last ? news : System.nanoTime();
        }
        bar.end();
        StringBuilder said = new StringBuilder("%,d of %,d roles were looked at: the passwords of %,d open them."
                .formatted(progress.looked(), progress.roles(), progress.good()));
        progress.behind()
                .forEach(each -> said.append(
                        "\n  %s (%s %s): %s".formatted(each.role(), each.ownerKind(), each.ownerId(), each.reason())));
        return progress.done()
                ? said.toString()
                : said
                        + "\nThe rest is looked at while the service runs and their servers answer; GET /api/v1/store shows how"
                        + " far it is.";
    }

    private <T> T answer(Supplier<Uni<? extends T>> question, Duration limit) {
        return OwnContext.on(vertx.getOrCreateContext(), question).await().atMost(limit);
    }

    private static void end(int exitCode, String sentence, PrintStream stream) {
        if (!sentence.isEmpty()) {
            stream.println(sentence);
        }
        Quarkus.asyncExit(exitCode);
    }
}
