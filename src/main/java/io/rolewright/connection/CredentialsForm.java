package io.rolewright.connection;

import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.problem.ValidationProblem.Issue;
import io.rolewright.request.CoercedInteger;
import io.rolewright.target.RoleName;
import io.rolewright.target.SslMode;
import io.rolewright.target.TlsSettings;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The {@code credentials} object as callers send it. Texts are trimmed as the reference does, the password is not. */
@Schema(
        name = "PostgresCredentialsInput",
        requiredProperties = {"host", "database", "username", "password"})
record CredentialsForm(
        @NotNull(message = "Required")
        @Size(min = 1, max = 255, message = "Must have 1 to 255 characters")
        @Schema(description = "Host name, IPv4 or IPv6 address (brackets allowed).", examples = "db.example.com")
        String host,

        @Min(value = 1, message = "Must be between 1 and 65535")
        @Max(value = 65535, message = "Must be between 1 and 65535")
        @JsonDeserialize(using = CoercedInteger.class)
        @Schema(description = "TCP port; 5432 when absent.", defaultValue = "5432", examples = "5432")
        Integer port,

        @NotNull(message = "Required")
        @Size(min = 1, max = 63, message = "Must have 1 to 63 characters")
        @Schema(examples = "app")
        String database,

        @NotNull(message = "Required")
        @Size(min = 1, max = 63, message = "Must have 1 to 63 characters")
        @Schema(description = "The role that logs in.", examples = "rotator")
        String username,

        @NotNull(message = "Required")
        @Size(min = 1, max = 1000, message = "Must have 1 to 1000 characters")
        @Schema(
                description = "Used exactly as sent; never returned.",
                format = "password",
                writeOnly = true,
                examples = "correct-horse-battery-staple")
        String password,

        @Schema(description = "Whether to use TLS; true when absent.", defaultValue = "true")
        Boolean sslEnabled,

        @Schema(
                description = "Whether to verify the server's certificate and name; true when absent.",
                defaultValue = "true")
        Boolean sslRejectUnauthorized,

        @Size(max = 262_144, message = "Must have at most 262144 characters")
        @Schema(
                description =
                        "CA certificates (PEM, at most 300) to trust instead of the system's; an empty string means none, as does"
                                + " absence unless sslMode, sslClientCertificate or sslClientKey is sent.",
                nullable = true)
        String sslCertificate,

        @Schema(
                type = SchemaType.STRING,
                enumeration = {"disable", "require", "verify-ca", "verify-full"},
                description = "TLS by libpq's words. When sent together with the two booleans, they must agree.")
        String sslMode,

        @Size(max = 100_000, message = "Must have at most 100000 characters")
        @Schema(description = "Client certificate (PEM) with its chain; goes with sslClientKey.", nullable = true)
        String sslClientCertificate,

        @Size(max = 100_000, message = "Must have at most 100000 characters")
        @Schema(
                description = "The client certificate's key (PKCS#8 PEM); never returned.",
                writeOnly = true,
                nullable = true)
        String sslClientKey) {

    /** NAMEDATALEN - 1: PostgreSQL cuts longer names silently, and would then act on another database. */
    private static final int NAME_BYTES = 63;

    CredentialsForm {
        host = trimmed(host);
        database = trimmed(database);
        username = trimmed(username);
        sslMode = trimmed(sslMode);
        sslCertificate = trimmed(sslCertificate);
        sslClientCertificate = trimmed(sslClientCertificate);
        sslClientKey = trimmed(sslClientKey);
    }

    /**
     * What to log in with.
     *
     * @param stored what the connection has now, whose port and TLS settings stay where this form is silent; null when it
     *     is new
     * @throws ValidationProblem naming every field that does not fit
     */
    Credentials resolve(Credentials stored) {
        List<Issue> issues = new ArrayList<>();
        checkText(issues, "host", host, Integer.MAX_VALUE);
        checkText(issues, "database", database, NAME_BYTES);
        RoleName.fault(username).ifPresent(fault -> issues.add(issue("username", "invalid_string", fault)));
        checkText(issues, "password", password, Integer.MAX_VALUE);
        SslMode mode = mode(stored, issues);
        boolean inOurWords = sslMode != null || sslClientCertificate != null || sslClientKey != null;
        // The reference's clients send all that counts: what they leave out is gone. Only ours say more than its words
        // can.
        String ca = pem(sslCertificate, stored == null || !inOurWords ? null : stored.caPem());
        String certificate = pem(sslClientCertificate, stored == null ? null : stored.clientCertificatePem());
        String key = pem(sslClientKey, stored == null ? null : stored.clientKeyPem());
        if (mode != null) {
            new TlsSettings(mode, ca, certificate, key)
                    .faults()
                    .forEach(fault -> issues.add(issue(wireField(fault.field()), "custom", fault.message())));
        }
        if (!issues.isEmpty()) {
            throw new ValidationProblem(issues);
        }
        int resolvedPort = port != null ? port : stored != null ? stored.port() : 5432;
        return new Credentials(
                host, resolvedPort, database, username, password, mode, ca, certificate, key, verifies(stored));
    }

    /** Without TLS: as it was sent, as it was, or true. */
    private boolean verifies(Credentials stored) {
        return sslRejectUnauthorized != null
                ? sslRejectUnauthorized
                : stored == null || stored.sslMode() != SslMode.DISABLE || stored.verifies();
    }

    private SslMode mode(Credentials stored, List<Issue> issues) {
        if (sslMode == null) {
            return modeByBooleans(stored);
        }
        SslMode mode = SslMode.ofWireName(sslMode).orElse(null);
        if (mode == null) {
            issues.add(issue("sslMode", "invalid_enum_value", "Must be disable, require, verify-ca or verify-full"));
            return null;
        }
        if (sslEnabled != null && sslEnabled != isEncrypted(mode)) {
            issues.add(issue("sslEnabled", "custom", "Contradicts sslMode " + sslMode + "; send one of the two"));
        }
        if (sslRejectUnauthorized != null && isEncrypted(mode) && sslRejectUnauthorized != isVerifying(mode)) {
            issues.add(issue(
                    "sslRejectUnauthorized", "custom", "Contradicts sslMode " + sslMode + "; send one of the two"));
        }
        return mode;
    }

    /** The two booleans cannot say verify-ca: a stored mode that they describe stays. */
    private SslMode modeByBooleans(Credentials stored) {
        SslMode kept = stored == null ? SslMode.VERIFY_FULL : stored.sslMode();
        boolean encrypted = sslEnabled != null ? sslEnabled : isEncrypted(kept);
        boolean verifying = sslRejectUnauthorized != null ? sslRejectUnauthorized : isVerifying(kept);
        if (encrypted == isEncrypted(kept) && (!encrypted || verifying == isVerifying(kept))) {
            return kept;
        }
        if (!encrypted) {
            return SslMode.DISABLE;
        }
        return verifying ? SslMode.VERIFY_FULL : SslMode.REQUIRE;
    }

    static boolean isEncrypted(SslMode mode) {
        return mode != SslMode.DISABLE;
    }

    /** What the mode says, with TLS. */
    static boolean isVerifying(SslMode mode) {
        return mode != SslMode.REQUIRE;
    }

    private static void checkText(List<Issue> issues, String field, String text, int maxBytes) {
        if (text.indexOf('\0') >= 0) {
            issues.add(issue(field, "invalid_string", "Must not contain a NUL character"));
        } else if (text.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
            issues.add(
                    issue(field, "too_big", "Must have at most " + maxBytes + " bytes: PostgreSQL cuts longer names"));
        }
    }

    /** Empty means none, absent means what there was, if there was anything that counts. */
    private static String pem(String sent, String stored) {
        if (sent == null) {
            return stored;
        }
        return sent.isEmpty() ? null : sent;
    }

    private static String wireField(TlsSettings.Field field) {
        return switch (field) {
            case CA -> "sslCertificate";
            case CLIENT_CERTIFICATE -> "sslClientCertificate";
            case CLIENT_KEY -> "sslClientKey";
        };
    }

    private static Issue issue(String field, String code, String message) {
        return new Issue(code, List.of("credentials", field), message);
    }

    private static String trimmed(String text) {
        return text == null ? null : text.strip();
    }

    @Override
    public String toString() {
        return "CredentialsForm[" + username + "@" + host + ":" + port + "/" + database + "]";
    }
}
