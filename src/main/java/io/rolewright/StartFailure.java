package io.rolewright;

import io.quarkus.runtime.QuarkusBindException;
import io.quarkus.runtime.configuration.ConfigurationException;
import io.rolewright.Settings.Complaint;
import io.smallrye.config.ConfigValidationException;
import java.net.BindException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.Config;

/** Turns a failure of the start into a sentence for the operator, where a setting or the machine is to blame and not a bug. */
final class StartFailure {

    /** SmallRye Config's own: a code, "the config property", the name. Values are left out, they may be secrets. */
    private static final Pattern SMALLRYE = Pattern.compile("[\\w.]*(?:: )?SRCFG\\d+: (.*)", Pattern.DOTALL);

    private static final Pattern PROPERTY = Pattern.compile("(?:property|name) ([\\w.\"-]+)");

    /** SmallRye Config of a property below the prefix of a mapping that has no such member. */
    private static final Pattern UNMAPPED = Pattern.compile("SRCFG00050: ([\\w.\"\\[\\]-]+) ");

    private StartFailure() {}

    /**
     * The cause that names a setting or a port comes first; then what is wrong with the settings without which the service
     * cannot be put together, because what Quarkus says of those does not name them.
     *
     * @return empty if the failure is none of the operator's making
     */
    static Optional<String> sentence(Throwable failure, Config config) {
        return unknown(failure, config)
                .map(Throwable::getMessage)
                .or(() -> specific(failure))
                .or(() -> Settings.complaintBeforeStart(config))
                .or(() -> general(failure));
    }

    /** @return 2 for what there is not, as on the command line; else 1 */
    static int exitCode(Throwable failure, Config config) {
        return unknown(failure, config).isPresent() ? UnknownInput.EXIT_CODE : 1;
    }

    /** In the executable, a setting in a file that there is not fails in a mapping, and there is no configuration to ask then. */
    private static Optional<UnknownInput> unknown(Throwable failure, Config config) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnknownInput unknown) {
                return Optional.of(unknown);
            }
            Optional<UnknownInput> unmapped = unmapped(cause);
            if (unmapped.isPresent()) {
                return unmapped;
            }
        }
        return KnownSettings.complaint(config);
    }

    private static Optional<UnknownInput> unmapped(Throwable cause) {
        StringBuilder said = new StringBuilder(String.valueOf(cause.getMessage()));
        if (cause instanceof ConfigValidationException invalid) {
            for (int i = 0; i < invalid.getProblemCount(); i++) {
                said.append('\n').append(invalid.getProblem(i).getMessage());
            }
        }
        Matcher unmapped = UNMAPPED.matcher(said);
        return unmapped.find() ? Optional.of(KnownSettings.unknownProperty(unmapped.group(1))) : Optional.empty();
    }

    private static Optional<String> specific(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof Complaint complaint) {
                return Optional.of(complaint.getMessage());
            }
            if (cause instanceof QuarkusBindException taken) {
                return Optional.of("Port " + taken.getPort() + " is in use by another process.");
            }
            if (cause.getCause() instanceof BindException) {
                return Optional.of(cause.getMessage() + ": another process may have the port already.");
            }
            if (cause instanceof ConfigValidationException invalid && invalid.getProblemCount() > 0) {
                return Optional.of(readable(invalid.getProblem(0).getMessage()));
            }
            String message = cause.getMessage();
            if (message != null && SMALLRYE.matcher(message).matches()) {
                return Optional.of(readable(message));
            }
        }
        return Optional.empty();
    }

    private static Optional<String> general(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConfigurationException malformed) {
                return Optional.of(readable(malformed.getMessage()));
            }
        }
        return Optional.empty();
    }

    private static String readable(String message) {
        Matcher smallrye = SMALLRYE.matcher(message);
        if (!smallrye.matches()) {
            String line = message.strip().lines().findFirst().orElse("");
            return line.endsWith(".") ? line : line + ".";
        }
        Matcher property = PROPERTY.matcher(message);
        String setting = property.find() ? Settings.variable(property.group(1)) : "A setting";
        return smallrye.group(1).contains("is required")
                ? setting + " is not set."
                : setting + " is malformed: " + kind(smallrye.group(1)) + ".";
    }

    /** What is wrong, without the value. */
    private static String kind(String text) {
        if (text.contains("Expected an integer")) {
            return "it must be a whole number";
        }
        if (text.contains("Invalid duration") || text.contains("Duration")) {
            return "it must be a duration such as 30s, 5m or 1h";
        }
        if (text.contains("boolean")) {
            return "it must be true or false";
        }
        return "its value has not the form that is needed";
    }
}
