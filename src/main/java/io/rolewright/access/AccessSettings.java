package io.rolewright.access;

import io.rolewright.target.address.Network;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** What a setting of this package must look like, said in one sentence when it does not. */
public final class AccessSettings {

    /** As a pattern for requests too: white space around an id is ignored, as in the reference. */
    static final String CLIENT_ID = "\\s*[!-~]{1,255}\\s*";

    static final int LONGEST_SECRET = 1024;

    /** 32 characters of base64 hold 192 bits; what people make up holds less, and is never all that protects a login. */
    private static final int SHORTEST_SECRET = 32;

    private static final Pattern ID = Pattern.compile(CLIENT_ID);

    private AccessSettings() {}

    /**
     * Reads the secret's file, so it blocks: to be called before the service starts.
     *
     * @return the first thing that is wrong, as a sentence that names the setting and never its value; empty if all is
     *     well, which includes that no bootstrap identity is set
     */
    public static Optional<String> complaint(AccessConfig access, BootstrapConfig bootstrap) {
        try {
            bootstrap(bootstrap);
            check(access);
            return Optional.empty();
        } catch (Malformed malformed) {
            return Optional.of(malformed.sentence);
        }
    }

    /**
     * Blocks while it reads the file.
     *
     * @return empty if none is set
     * @throws Malformed with the sentence
     */
    static Optional<BootstrapIdentity> bootstrap(BootstrapConfig config) {
        var id = config.clientId().map(String::strip).filter(text -> !text.isEmpty());
        var secret = config.clientSecret().map(String::strip).filter(text -> !text.isEmpty());
        // Without an id, a file that is not there is none: the Secret that both came from may be deleted when it was
        // applied.
        var file = config.clientSecretFile().filter(path -> id.isPresent() || Files.exists(path));
        require(
                secret.isEmpty() || file.isEmpty(),
                "Set either ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET or ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE, not both.");
        if (id.isEmpty() && secret.isEmpty() && file.isEmpty()) {
            return Optional.empty();
        }
        require(
                id.isPresent(),
                "A bootstrap client secret is set without an id: set ROLEWRIGHT_BOOTSTRAP_CLIENT_ID too.");
        require(
                secret.isPresent() || file.isPresent(),
                "A bootstrap client id is set without a secret: set ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET or"
                        + " ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE too.");
        require(
                ID.matcher(id.get()).matches(),
                "ROLEWRIGHT_BOOTSTRAP_CLIENT_ID must be 1 to 255 printable ASCII characters without spaces.");
        var value = secret.orElseGet(() -> read(file.get()));
        var setting = file.isPresent()
                ? "The file of ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE must hold "
                : "ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET must be ";
        require(
                value.length() >= SHORTEST_SECRET && value.length() <= LONGEST_SECRET,
                setting + SHORTEST_SECRET + " to " + LONGEST_SECRET + " characters: make one with"
                        + " `openssl rand -base64 32`.");
        return Optional.of(new BootstrapIdentity(id.get(), value));
    }

    private static String read(Path file) {
        try {
            // Four bytes per character at most: nothing sensible is longer, and a device file would never end.
            try (var in = Files.newInputStream(file)) {
                return new String(in.readNBytes(4 * LONGEST_SECRET + 64), StandardCharsets.UTF_8).strip();
            }
        } catch (IOException e) {
            throw new Malformed(
                    "ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE names a file that cannot be read: " + file + ".");
        }
    }

    private static void check(AccessConfig access) {
        within("ROLEWRIGHT_ACCESS_TOKEN_TTL", access.tokenTtl(), Duration.ofSeconds(30), Duration.ofDays(365));
        within("ROLEWRIGHT_ACCESS_TOKEN_MAX_TTL", access.tokenMaxTtl(), access.tokenTtl(), Duration.ofDays(365));
        within(
                "ROLEWRIGHT_ACCESS_REVOCATION_DELAY",
                access.revocationDelay(),
                Duration.ofSeconds(1),
                Duration.ofSeconds(60));
        var lockout = access.lockout();
        require(
                lockout.failures() >= 1 && lockout.failures() <= 30,
                "ROLEWRIGHT_ACCESS_LOCKOUT_FAILURES must be 1 to 30.");
        within("ROLEWRIGHT_ACCESS_LOCKOUT_WINDOW", lockout.window(), Duration.ofSeconds(5), Duration.ofHours(1));
        within("ROLEWRIGHT_ACCESS_LOCKOUT_DURATION", lockout.duration(), Duration.ofSeconds(30), Duration.ofDays(1));
        access.issuers()
                .forEach((name, issuer) -> require(
                        issuer.url().orElse(issuer.issuer()).matches("https://[^/?#@]+(/[^?#]*)?"),
                        "ROLEWRIGHT_ACCESS_ISSUERS_" + name.toUpperCase(Locale.ROOT)
                                + " must be reached by https://: set its URL."));
        var limits = access.limits();
        limit("LOGINS_PER_ADDRESS", limits.loginsPerAddress());
        limit("LOGINS_PER_IDENTITY", limits.loginsPerIdentity());
        limit("TESTS_PER_ADDRESS", limits.testsPerAddress());
        limit("TESTS_PER_IDENTITY", limits.testsPerIdentity());
        limit("ROTATES_PER_ADDRESS", limits.rotatesPerAddress());
        limit("ROTATES_PER_IDENTITY", limits.rotatesPerIdentity());
        for (var network : access.trustedProxies().orElse(List.of())) {
            require(
                    Network.ofCallers(network).isPresent(),
                    "ROLEWRIGHT_ACCESS_TRUSTED_PROXIES has an entry that is no network such as 10.0.0.0/8: " + network
                            + ".");
        }
    }

    private static void limit(String setting, int perMinute) {
        require(
                perMinute >= 0 && perMinute <= 1_000_000,
                "ROLEWRIGHT_ACCESS_LIMITS_" + setting + " must be 0 to 1000000.");
    }

    private static void within(String setting, Duration value, Duration least, Duration most) {
        require(
                value.compareTo(least) >= 0 && value.compareTo(most) <= 0,
                setting + " must be " + least.toSeconds() + " to " + most.toSeconds() + " seconds.");
    }

    private static void require(boolean fulfilled, String sentence) {
        if (!fulfilled) {
            throw new Malformed(sentence);
        }
    }

    /** @param clientSecret in clear, for as long as it takes to hash it */
    record BootstrapIdentity(String clientId, String clientSecret) {
        @Override
        public String toString() {
            return "BootstrapIdentity[" + clientId + "]";
        }
    }

    static final class Malformed extends RuntimeException {
        final String sentence;

        Malformed(String sentence) {
            super(sentence, null, false, false);
            this.sentence = sentence;
        }
    }
}
