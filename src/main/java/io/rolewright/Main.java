package io.rolewright;

import io.quarkus.runtime.ApplicationLifecycleManager;
import io.quarkus.runtime.ImageMode;
import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.eclipse.microprofile.config.ConfigProvider;

/**
 * Where the process starts, and where it ends with one sentence if it cannot: a setting that is missing or malformed is the
 * operator's to mend, so it gets no stack trace. A store that is down, a key that does not fit or a missing bootstrap
 * identity are matters of the world: they leave the process running and not ready.
 */
@QuarkusMain
public class Main {

    public static void main(String... args) {
        // Until the log is set up: libraries that introduce themselves would stand before the sentence of a start that
        // fails.
        Logger.getLogger("").setLevel(Level.WARNING);
        if (!ImageMode.current().isNativeImage()) {
            // An executable has, until Quarkus runs, the configuration of the machine that built it: end() looks then.
            Settings.complaintBeforeStart(ConfigProvider.getConfig()).ifPresent(Main::refuse);
        }
        Quarkus.run(null, Main::end, args);
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
        StartFailure.sentence(failure, ConfigProvider.getConfig()).ifPresentOrElse(Main::refuse, () -> {
            // A bug. The log may not be set up yet, and would swallow it then.
            failure.printStackTrace();
            System.exit(1);
        });
    }

    private static void refuse(String sentence) {
        System.err.println("rolewright: " + sentence);
        System.exit(1);
    }
}
