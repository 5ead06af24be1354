package io.rolewright.development;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import java.nio.file.Path;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.ConfigProvider;

/**
 * What {@code ./mvnw quarkus:dev} starts instead of {@link io.rolewright.Main}: the embedded PostgreSQL with the sample
 * target, then the service on it. It runs anew at every live reload; the server and what was made up stay.
 */
public class DevelopmentMain {

    private static final String RUNNING = "io.rolewright.development.running";

    public static void main(String... args) {
        if (System.getProperty(RUNNING) == null) {
            try {
                Workbench workbench = Workbench.open(Path.of(".rolewright").toAbsolutePath());
                workbench.settings().forEach(DevelopmentMain::setUnlessSet);
                System.setProperty(RUNNING, workbench.folder().toString());
            } catch (IllegalStateException e) {
                System.err.println("rolewright: " + e.getMessage());
                Quarkus.asyncExit(1);
                return;
            }
        }
        Quarkus.run(Service.class, args);
    }

    private static void setUnlessSet(String name, String value) {
        String variable = name.replaceAll("[^A-Za-z0-9]", "_").toUpperCase(java.util.Locale.ROOT);
        if (System.getProperty(name) == null && System.getenv(variable) == null) {
            System.setProperty(name, value);
        }
    }

    /** Says how to go on, once the port is open; the first time only. */
    public static class Service implements QuarkusApplication {

        private static final String GREETED = "io.rolewright.development.greeted";

        @Override
        public int run(String... args) {
            if (System.getProperty(GREETED) == null) {
                System.setProperty(GREETED, "true");
                Config config = ConfigProvider.getConfig();
                Path folder = Path.of(System.getProperty(RUNNING));
                System.out.println(
                        Welcome.text(Workbench.reopen(folder), config.getValue("quarkus.http.port", Integer.class)));
            }
            Quarkus.waitForExit();
            return 0;
        }
    }
}
