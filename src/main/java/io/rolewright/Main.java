package io.rolewright;

import io.quarkus.runtime.ApplicationLifecycleManager;
import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import org.eclipse.microprofile.config.ConfigProvider;

/**
 * Where the process starts, and where it ends with one sentence if it cannot: a setting that is missing or malformed is the
 * operator's to mend, so it gets no stack trace. A store that is down, a key that does not fit or a missing bootstrap
 * identity are matters of the world: they leave the process running and not ready.
 */
@QuarkusMain
public class Main {

    public static void main(String... args) {
        Settings.complaintBeforeStart(ConfigProvider.getConfig())
                .ifPresentOrElse(Main::refuse, () -> Quarkus.run(null, Main::end, args));
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
        StartFailure.sentence(failure).ifPresentOrElse(Main::refuse, () -> {
            // A bug. The log may not be set up yet, and would swallow it then.
            failure.printStackTrace();
            System.exit(1);
        });
    }

    private static void refuse(String sentence) {
        System.err.println("rolewright: " + sentence);
        // Nothing is open yet. An orderly exit would pour out what the log, not set up yet, has kept back.
        Runtime.getRuntime().halt(1);
    }
}
