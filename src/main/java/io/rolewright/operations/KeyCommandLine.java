package io.rolewright.operations;

import io.quarkus.arc.All;
import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.KeyCommand;
import io.rolewright.sealing.KeyCommands;
import io.rolewright.sealing.KeyRun;
import io.rolewright.sealing.KeyRun.State;
import io.rolewright.store.StartupStep;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * {@code --command <key command>}: gives a key command and stays until it is done, with a progress bar on a terminal. It opens the
 * store like any start, and no port; the service may be running meanwhile. If the command is running already, wherever, it is only
 * watched, and gone on with should that process die.
 *
 * <p>Exit code: 0 done, 1 not done, 2 no such command, 3 done but for records that cannot be opened (they are listed).
 */
@ApplicationScoped
class KeyCommandLine {

    private static final String OPTION = "--command";

    private static final Duration LOOK = Duration.ofMillis(500);

    private static final Duration OUTAGE = Duration.ofMinutes(1);

    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(30);

    /** The steps that a key command needs done: the schema, and the keys themselves. */
    private static final int LAST_STEP = 200;

    private final String[] arguments;
    private final List<StartupStep> steps;
    private final KeyCommands keys;
    private final PrintStream out = System.out;

    KeyCommandLine(@CommandLineArguments String[] arguments, @All List<StartupStep> steps, KeyCommands keys) {
        this.arguments = arguments;
        this.steps = steps.stream()
                .filter(step -> step.order() <= LAST_STEP)
                .sorted(Comparator.comparingInt(StartupStep::order))
                .toList();
        this.keys = keys;
    }

    /** After the settings were checked, before any port is open. */
    void run(@Observes @Priority(20) StartupEvent event) {
        var word = word(arguments);
        if (word.isEmpty()) {
            return;
        }
        Quarkus.asyncExit(exitCode(word.get()));
        throw new PreventFurtherStepsException();
    }

    /** What stands behind {@code --command}, after a blank or an equals sign; empty text if nothing does. */
    static Optional<String> word(String[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals(OPTION)) {
                return Optional.of(i + 1 < arguments.length ? arguments[i + 1] : "");
            }
            if (arguments[i].startsWith(OPTION + "=")) {
                return Optional.of(arguments[i].substring(OPTION.length() + 1));
            }
        }
        return Optional.empty();
    }

    private int exitCode(String word) {
        var command = KeyCommand.of(word);
        if (command.isEmpty()) {
            System.err.println("There is no command \"" + word + "\". There are: "
                    + Arrays.stream(KeyCommand.values()).map(KeyCommand::word).collect(Collectors.joining(", ")) + ".");
            return 2;
        }
        try {
            for (var step : steps) {
                answer(step::run, step.limit());
            }
            try {
                return end(watched(command.get()));
            } finally {
                keys.leave().onFailure().recoverWithNull().await().atMost(ANSWERS_WITHIN);
            }
        } catch (StartupStep.NotReady | Problem refused) {
            System.err.println(refused.getMessage());
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            System.err.println("Stopped. Give the command again to go on.");
        } catch (RuntimeException fault) {
            System.err.println("The command was not done: " + StoreFault.describe(fault) + ". Give it again to go on.");
        }
        return 1;
    }

    /** @return the run at its end */
    private KeyRun watched(KeyCommand command) throws InterruptedException {
        var bar = new ProgressBar(out, isTerminal());
        var run = answer(() -> keys.begin(command), ANSWERS_WITHIN);
        long since = System.nanoTime();
        long doneBefore = run.done();
        while (run.state() == State.RUNNING) {
            bar.show(run.done(), run.total(), doneBefore, run.reason(), Duration.ofNanos(System.nanoTime() - since));
            Thread.sleep(LOOK.toMillis());
            if (run.lapsed()) {
                run = answer(() -> keys.begin(command), ANSWERS_WITHIN);
            }
            run = current(run.id());
        }
        bar.show(run.done(), run.total(), doneBefore, null, Duration.ofNanos(System.nanoTime() - since));
        bar.end();
        return run;
    }

    private KeyRun current(UUID run) throws InterruptedException {
        return answer(() -> keys.run(run), ANSWERS_WITHIN).orElseThrow();
    }

    /** A store that is busy or restarts for a minute ends nothing: the run goes on, so whoever watches it waits. */
    private static <T> T answer(Supplier<Uni<T>> question, Duration limit) throws InterruptedException {
        long end = System.nanoTime() + OUTAGE.toNanos();
        while (true) {
            try {
                return question.get().await().atMost(limit);
            } catch (RuntimeException failure) {
                if (!StoreFault.isOutage(failure) || System.nanoTime() > end) {
                    throw failure;
                }
                Thread.sleep(LOOK.toMillis());
            }
        }
    }

    private int end(KeyRun run) {
        if (run.state() == State.FAILED) {
            System.err.println(run.reason());
            return 1;
        }
        out.println(run.reason());
        if (run.unreadable() == 0) {
            return 0;
        }
        var named = keys.unreadable(run.id()).await().atMost(ANSWERS_WITHIN);
        named.forEach(each -> out.println("  " + each.field() + " " + each.record() + ": " + each.reason()));
        if (named.size() < run.unreadable()) {
            out.println("  … and " + (run.unreadable() - named.size()) + " more");
        }
        return 3;
    }

    static boolean isTerminal() {
        var kind = System.getenv("TERM");
        return System.console() != null && kind != null && !kind.equals("dumb");
    }
}
