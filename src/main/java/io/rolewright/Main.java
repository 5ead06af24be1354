package io.rolewright;

import io.quarkus.runtime.ApplicationLifecycleManager;
import io.quarkus.runtime.ImageMode;
import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.eclipse.microprofile.config.ConfigProvider;

/**
 * Where the process starts, and where it ends with one sentence if it cannot or was asked for what there is not: a setting that is missing or malformed is the
 * operator's to mend, so it gets no stack trace. A store that is down, a key that does not fit or a missing bootstrap
 * identity are matters of the world: they leave the process running and not ready.
 */
@QuarkusMain
public class Main {

    public static void main(String... args) {
        // Until the log is set up: libraries that introduce themselves would stand before the sentence of a start that
        // fails.
        Logger.getLogger("").setLevel(Level.WARNING);
        try {
            String[] ours = ImageMode.current().isNativeImage() ? CommandLine.withoutThoseOfTheRuntime(args) : args;
            switch (CommandLine.order(ours)) {
                case HELP -> say(CommandLine.HELP);
                case VERSION -> say("rolewright " + version());
                default -> start(args);
            }
        } catch (UnknownInput unknown) {
            refuse(unknown.getMessage(), UnknownInput.EXIT_CODE);
        }
    }

    private static void start(String... args) {
        refuseUnknown(
                KnownSettings.complaint(System.getenv(), System.getProperties().stringPropertyNames()));
        if (!ImageMode.current().isNativeImage()) {
            // An executable has, until Quarkus runs, the configuration of the machine that built it: Settings and end()
            // look
            // then.
            refuseUnknown(KnownSettings.complaint(ConfigProvider.getConfig()));
            Settings.complaintBeforeStart(ConfigProvider.getConfig()).ifPresent(sentence -> refuse(sentence, 1));
        }
        Quarkus.run(null, Main::end, args);
    }

    private static void refuseUnknown(Optional<UnknownInput> complaint) {
        complaint.ifPresent(unknown -> {
            throw unknown;
        });
    }

    private static void say(String text) {
        System.out.println(text);
        System.exit(0);
    }

    /** Written by the build; there is no configuration to ask yet. */
    private static String version() {
        try (InputStream built = Main.class.getResourceAsStream("version")) {
            return new String(built.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param failure what kept the service from starting; null at an ordinary end */
    private static void end(int exitCode, Throwable failure) {
        if (failure == null) {
            System.exit(exitCode);
        }
        if (failure instanceof PreventFurtherStepsException) {
            // --migrate is done and has said so.
            System.exit(ApplicationLifecycleManager.getExitCode());
        }
        StartFailure.sentence(failure, ConfigProvider.getConfig())
                .ifPresentOrElse(
                        sentence -> refuse(sentence, StartFailure.exitCode(failure, ConfigProvider.getConfig())),
                        () -> {
                            // A bug. The log may not be set up yet, and would swallow it then.
                            failure.printStackTrace();
                            System.exit(1);
                        });
    }

    private static void refuse(String sentence, int exitCode) {
        System.err.println("rolewright: " + sentence);
        System.exit(exitCode);
    }
}
