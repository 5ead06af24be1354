package io.rolewright.rotation;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.credential.PasswordRequirements;
import io.rolewright.credential.Schedule;
import io.rolewright.request.CoercedInteger;
import io.rolewright.request.RemovableText;
import io.rolewright.target.RoleName;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** The shapes of the wire of rotations. Only {@link GeneratedCredentials} has a field for a password. */
class RotationWire {

    static final String TYPE = "postgres-credentials";
    static final String APP = "postgres";

    private static final String SLUG = "[a-z0-9]+(-[a-z0-9]+)*";
    private static final String SLUG_RULE = "Must be lower-case letters and digits, with single hyphens between them";
    private static final String SLUG_LENGTH = "Must have 1 to 64 characters";
    private static final String SECRET_NAME = "[^:/\\x00]*";
    private static final String SECRET_NAME_RULE = "Must not contain a colon, a slash or NUL";
    private static final String SECRET_NAME_LENGTH = "Must have 1 to 255 characters";
    private static final String ID_LENGTH = "Must have 1 to 36 characters";
    private static final String ROLE_LENGTH = "Must have 1 to 63 characters";
    private static final int LONGEST_STATEMENT = 1000;
    private static final String STATEMENT_LENGTH = "Must have at most 1000 characters";
    private static final String UUID_FORM = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
    private static final String PATH_RULE =
            "Must be a path such as /payments/database: letters, digits, dots, hyphens and underscores between single slashes";
    private static final String VAULT_PATH = "[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*";
    private static final String VAULT_PATH_RULE =
            "Must be letters, digits, dots, hyphens and underscores between single slashes; no part begins with a dot";
    private static final String DAYS_RULE = "Must be a number of days from 1 to 365";
    private static final String DESCRIPTION_LENGTH = "Must have at most 256 characters";

    private static final String LOOK_RULE = "Must be a number of minutes from 1 to 1440";
    private static final String LOOK =
            "After so many minutes it is tried again whether the password is still valid, to find what others"
                    + " have changed: one login, which fails only if they have. 15 unless the service is set otherwise"
                    + " (ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL).";

    private RotationWire() {}

    // ---- Requests -------------------------------------------------------------------------------------------------

    @Schema(
            name = "CreatePostgresCredentialsRotation",
            requiredProperties = {
                "name",
                "projectId",
                "connectionId",
                "environment",
                "secretPath",
                "rotationInterval",
                "parameters",
                "secretsMapping"
            })
    record NewRotation(
            @NotNull(message = "Required")
            @Size(min = 1, max = 64, message = SLUG_LENGTH)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(description = "Unique at its path.", examples = "orders-db")
            String name,

            @NotNull(message = "Required") @Size(min = 1, max = 36, message = ID_LENGTH) @Schema(format = "uuid")
            String projectId,

            @Size(max = 256, message = DESCRIPTION_LENGTH) @Schema(nullable = true)
            String description,

            @NotNull(message = "Required")
            @Pattern(regexp = UUID_FORM, message = "Must be a UUID")
            @Schema(
                    description =
                            "The connection through which passwords are changed: one of the project or of the organisation.",
                    format = "uuid")
            String connectionId,

            @NotNull(message = "Required")
            @Size(min = 1, max = 64, message = SLUG_LENGTH)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(description = "Any slug.", examples = "production")
            String environment,

            @NotNull(message = "Required")
            @Size(max = Place.LONGEST_PATH, message = "Must have at most 1000 characters")
            @Pattern(regexp = Place.PATH_FORM, message = PATH_RULE)
            @Schema(description = "Any well-formed path.", examples = "/payments")
            String secretPath,

            @JsonProperty("isAutoRotationEnabled")
            @Schema(
                    description = "Whether it rotates on schedule or only on request.",
                    defaultValue = "true",
                    nullable = true)
            Boolean isAutoRotationEnabled,

            @NotNull(message = "Required")
            @Min(value = 1, message = DAYS_RULE)
            @Max(value = Schedule.LONGEST_INTERVAL_DAYS, message = DAYS_RULE)
            @JsonDeserialize(using = CoercedInteger.class)
            @Schema(description = "Days from one rotation to the next.", examples = "30")
            Integer rotationInterval,

            @Valid @Schema(description = "Absent: 00:00.", nullable = true)
            TimeOfDay rotateAtUtc,

            @NotNull(message = "Required") @Valid NewParameters parameters,
            @NotNull(message = "Required") @Valid SecretsMapping secretsMapping,

            @Pattern(regexp = "dual|single", message = "Must be dual or single")
            @Schema(
                    description =
                            "dual: two roles take turns, and the replaced password is left alone until the rotation after."
                                    + " single: one role, whose old password ends a moment before the new one is served.",
                    type = SchemaType.STRING,
                    enumeration = {"dual", "single"},
                    defaultValue = "dual",
                    nullable = true)
            String strategy,

            @Pattern(regexp = "report|reassert", message = "Must be report or reassert")
            @Schema(
                    description =
                            "What to do when somebody else has changed a password: report it, or set the managed password"
                                    + " again.",
                    type = SchemaType.STRING,
                    enumeration = {"report", "reassert"},
                    defaultValue = "report",
                    nullable = true)
            String driftPolicy,

            @Schema(
                    description = "Take over roles that another installation or rotation has marked as its own.",
                    defaultValue = "false",
                    nullable = true)
            Boolean takeover,

            @Schema(description = "Allow superuser and replication roles.", defaultValue = "false", nullable = true)
            Boolean allowPrivileged,

            @Schema(
                    description = "When to rotate next, instead of the time that follows from the schedule.",
                    nullable = true)
            Instant nextRotationAt,

            @Valid
            @Schema(
                    description =
                            "Where each proven credential is written in Vault (KV engine, version 2). Requires the right to"
                                    + " read generated credentials.",
                    nullable = true)
            VaultPlace vaultKv,

            @Size(min = 1, max = 1000, message = "Must have 1 to 1000 characters")
            @Pattern(regexp = "[^\\x00]*", message = "Must not contain NUL")
            @Schema(
                    description =
                            "The password that the role username1 has. A login proves it by SCRAM, and the rotation begins with"
                                    + " it: nothing is changed on the server before the first rotation. Used exactly as sent."
                                    + " Absent: the role gets a new password immediately.",
                    format = "password",
                    writeOnly = true,
                    nullable = true,
                    examples = "correct-horse-battery-staple")
            @Nullable
            String initialPassword,

            @Min(value = 1, message = LOOK_RULE)
            @Max(value = 1440, message = LOOK_RULE)
            @JsonDeserialize(using = CoercedInteger.class)
            @Schema(description = LOOK, nullable = true, examples = "5")
            @Nullable
            Integer lookIntervalMinutes) {

        @Override
        public String toString() {
            return "NewRotation[" + name + "]";
        }

        NewRotation {
            name = trimmed(name);
            projectId = trimmed(projectId);
            description = trimmed(description);
            connectionId = trimmed(connectionId);
            environment = trimmed(environment);
            secretPath = Place.normalised(secretPath);
        }
    }

    @Schema(name = "UpdatePostgresCredentialsRotation", description = "Fields that are absent remain unchanged.")
    record ChangedRotation(
            @Size(min = 1, max = 64, message = SLUG_LENGTH)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(nullable = true, examples = "orders-db")
            String name,

            @Schema(description = "Null removes it.", maxLength = 256, nullable = true, implementation = String.class)
            @JsonDeserialize(using = RemovableText.class)
            Optional<@Size(max = 256, message = DESCRIPTION_LENGTH) String> description,

            @Size(max = 36, message = ID_LENGTH)
            @Schema(description = "May be repeated but not changed.", format = "uuid", nullable = true)
            String connectionId,

            @Size(max = 64, message = SLUG_LENGTH)
            @Schema(description = "May be repeated but not changed.", nullable = true)
            String environment,

            @Size(max = Place.LONGEST_PATH, message = "Must have at most 1000 characters")
            @Schema(description = "May be repeated but not changed.", nullable = true)
            String secretPath,

            @JsonProperty("isAutoRotationEnabled") @Schema(nullable = true)
            Boolean isAutoRotationEnabled,

            @Min(value = 1, message = DAYS_RULE)
            @Max(value = Schedule.LONGEST_INTERVAL_DAYS, message = DAYS_RULE)
            @JsonDeserialize(using = CoercedInteger.class)
            @Schema(nullable = true, examples = "30")
            Integer rotationInterval,

            @Valid @Schema(nullable = true) TimeOfDay rotateAtUtc,
            @Valid @Schema(nullable = true) ChangedParameters parameters,
            @Valid @Schema(nullable = true) SecretsMapping secretsMapping,

            @Pattern(regexp = "dual|single", message = "Must be dual or single")
            @Schema(
                    description = "May be repeated but not changed.",
                    type = SchemaType.STRING,
                    enumeration = {"dual", "single"},
                    nullable = true)
            String strategy,

            @Pattern(regexp = "report|reassert", message = "Must be report or reassert")
            @Schema(
                    type = SchemaType.STRING,
                    enumeration = {"report", "reassert"},
                    nullable = true)
            String driftPolicy,

            @Schema(nullable = true) Boolean takeover,
            @Schema(nullable = true) Boolean allowPrivileged,

            @Schema(
                    description = "When to rotate next, instead of the time that follows from the schedule; requires"
                            + " isAutoRotationEnabled.",
                    nullable = true)
            Instant nextRotationAt,

            @Schema(
                    description =
                            "null stops the deliveries; what is in Vault remains. Sending the present place again writes the"
                                    + " credential again immediately.",
                    nullable = true)
            @JsonDeserialize(using = RemovablePlace.class)
            Optional<@Valid VaultPlace> vaultKv,

            @Min(value = 1, message = LOOK_RULE)
            @Max(value = 1440, message = LOOK_RULE)
            @JsonDeserialize(using = CoercedInteger.class)
            @Schema(description = LOOK, nullable = true, examples = "5")
            @Nullable
            Integer lookIntervalMinutes,

            @Schema(hidden = true) @Size(max = 64) @JsonProperty("Provider")
            String provider,

            @Schema(hidden = true) @Size(max = 64) @JsonProperty("ID")
            String clientsId) {

        ChangedRotation {
            if (provider != null && clientsId != null && isAutoRotationEnabled == null) {
                // The reference's Terraform provider, and nobody else, sends these keys: it leaves false out, never
                // true.
                isAutoRotationEnabled = false;
            }
            name = trimmed(name);
            connectionId = trimmed(connectionId);
            environment = trimmed(environment);
            secretPath = Place.normalised(secretPath);
        }
    }

    @Schema(
            name = "PreflightPostgresCredentialsRotation",
            requiredProperties = {"connectionId", "parameters"})
    record PreflightRequest(
            @Size(max = 36, message = ID_LENGTH)
            @Schema(description = "The project that the rotation is to belong to.", format = "uuid", nullable = true)
            String projectId,

            @NotNull(message = "Required")
            @Pattern(regexp = UUID_FORM, message = "Must be a UUID")
            @Schema(format = "uuid")
            String connectionId,

            @NotNull(message = "Required") @Valid NewParameters parameters,

            @Pattern(regexp = "dual|single", message = "Must be dual or single")
            @Schema(
                    type = SchemaType.STRING,
                    enumeration = {"dual", "single"},
                    defaultValue = "dual",
                    nullable = true)
            String strategy,

            @Schema(defaultValue = "false", nullable = true) Boolean takeover,
            @Schema(defaultValue = "false", nullable = true) Boolean allowPrivileged) {

        PreflightRequest {
            projectId = trimmed(projectId);
            connectionId = trimmed(connectionId);
        }
    }

    /** Checked further in {@code Parameters}: lengths in bytes, what is equal, what a single rotation takes. */
    @Schema(
            name = "PostgresCredentialsParameters",
            requiredProperties = {"username1", "username2"})
    record NewParameters(
            @NotNull(message = "Required")
            @Size(min = 1, max = RoleName.LONGEST, message = ROLE_LENGTH)
            @Schema(description = "The role that is served first.", examples = "app_a")
            String username1,

            @Size(max = RoleName.LONGEST, message = ROLE_LENGTH)
            @Schema(
                    description =
                            "The other role. It gets its first password at the first rotation. A single rotation has"
                                    + " none: leave it out, or repeat username1.",
                    examples = "app_b",
                    nullable = true)
            String username2,

            @Size(max = LONGEST_STATEMENT, message = STATEMENT_LENGTH)
            @Schema(
                    description = "Only the default: passwords are set by ALTER ROLE with a SCRAM secret.",
                    nullable = true,
                    examples = RotationOptions.STATEMENT)
            String rotationStatement,

            @Valid @Schema(nullable = true) PasswordRequirements passwordRequirements) {

        NewParameters {
            username1 = trimmed(username1);
            username2 = trimmed(username2);
        }
    }

    @Schema(name = "ChangedPostgresCredentialsParameters")
    record ChangedParameters(
            @Size(max = RoleName.LONGEST, message = ROLE_LENGTH)
            @Schema(description = "May be repeated but not changed.", nullable = true, examples = "app_a")
            String username1,

            @Size(max = RoleName.LONGEST, message = ROLE_LENGTH)
            @Schema(description = "May be repeated but not changed.", nullable = true, examples = "app_b")
            String username2,

            @Size(max = LONGEST_STATEMENT, message = STATEMENT_LENGTH)
            @Schema(description = "Only the default is accepted.", nullable = true)
            String rotationStatement,

            @Valid
            @Schema(
                    description =
                            "Apply from the next password on. Making passwords easier to guess requires the right to read"
                                    + " the generated credentials.",
                    nullable = true)
            PasswordRequirements passwordRequirements) {

        ChangedParameters {
            username1 = trimmed(username1);
            username2 = trimmed(username2);
        }
    }

    @RegisterForReflection
    @Schema(
            name = "PostgresCredentialsSecretsMapping",
            requiredProperties = {"username", "password"})
    record SecretsMapping(
            @NotNull(message = "Required")
            @Size(min = 1, max = 255, message = SECRET_NAME_LENGTH)
            @Pattern(regexp = SECRET_NAME, message = SECRET_NAME_RULE)
            @Schema(description = "Secret name under which the role's name is served.", examples = "DB_USER")
            String username,

            @NotNull(message = "Required")
            @Size(min = 1, max = 255, message = SECRET_NAME_LENGTH)
            @Pattern(regexp = SECRET_NAME, message = SECRET_NAME_RULE)
            @Schema(description = "Secret name under which the password is served.", examples = "DB_PASSWORD")
            String password,

            @Size(max = 255, message = "Must have at most 255 characters")
            @Pattern(regexp = SECRET_NAME, message = SECRET_NAME_RULE)
            @Schema(
                    description =
                            "Secret name under which one URI with all that a login takes is served, `postgresql://role:password@host:port/"
                                    + "database?sslmode=…`, percent-encoded. Absent: there is none; in a change: it stays. An empty text"
                                    + " in a change takes it away.",
                    examples = "DATABASE_URL")
            @JsonInclude(JsonInclude.Include.NON_NULL)
            @Nullable
            String uri) {

        SecretsMapping {
            username = trimmed(username);
            password = trimmed(password);
            uri = trimmed(uri);
        }

        /** What comes of it where this was the third name; null for none. */
        SecretsMapping over(@Nullable String before) {
            String after = uri == null ? before : uri;
            return new SecretsMapping(username, password, after == null || after.isEmpty() ? null : after);
        }
    }

    /** No segment begins with a dot, so none leads out of where it stands. */
    @RegisterForReflection
    @Schema(
            name = "VaultKvPlace",
            requiredProperties = {"mount", "path"})
    record VaultPlace(
            @NotNull(message = "Required")
            @Size(min = 1, max = 128, message = "Must have 1 to 128 characters")
            @Pattern(regexp = VAULT_PATH, message = VAULT_PATH_RULE)
            @Schema(description = "Mount of the KV engine.", examples = "secret")
            String mount,

            @NotNull(message = "Required")
            @Size(min = 1, max = 512, message = "Must have 1 to 512 characters")
            @Pattern(regexp = VAULT_PATH, message = VAULT_PATH_RULE)
            @Schema(description = "Path of the secret in the engine.", examples = "rolewright/default/orders-db")
            String path,

            @Schema(
                    description =
                            "Confirms, once for the mount, that Vault or its engine is meant to be another one than before, or was"
                                    + " restored (lastFailure vault_engine_replaced or vault_went_back). Requires an administrator of the"
                                    + " organisation. Not stored.",
                    defaultValue = "false",
                    nullable = true)
            @Nullable
            Boolean confirmAnotherVault) {

        boolean confirms() {
            return Boolean.TRUE.equals(confirmAnotherVault);
        }

        VaultPlace {
            mount = unslashed(mount);
            path = unslashed(path);
        }

        /** Vault's own tools take them with and without. */
        private static String unslashed(String text) {
            return text == null ? null : text.strip().replaceAll("^/|/$", "");
        }
    }

    /** Absent (null here) keeps what there is, JSON's null (empty here) removes it. */
    static class RemovablePlace extends StdDeserializer<Optional<VaultPlace>> {

        RemovablePlace() {
            super(Optional.class);
        }

        @Override
        public Optional<VaultPlace> deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            return Optional.of(context.readValue(parser, VaultPlace.class));
        }

        @Override
        public Optional<VaultPlace> getNullValue(DeserializationContext context) {
            return Optional.empty();
        }

        @Override
        public Object getAbsentValue(DeserializationContext context) {
            return null;
        }
    }

    @RegisterForReflection
    @Schema(
            name = "TimeOfDayUtc",
            requiredProperties = {"hours", "minutes"})
    record TimeOfDay(
            @NotNull(message = "Required")
            @Min(value = 0, message = "Must be between 0 and 23")
            @Max(value = 23, message = "Must be between 0 and 23")
            @Schema(examples = "2")
            Integer hours,

            @NotNull(message = "Required")
            @Min(value = 0, message = "Must be between 0 and 59")
            @Max(value = 59, message = "Must be between 0 and 59")
            @Schema(examples = "30")
            Integer minutes) {

        static TimeOfDay of(int minuteOfDay) {
            return new TimeOfDay(minuteOfDay / 60, minuteOfDay % 60);
        }

        int minuteOfDay() {
            return hours * 60 + minutes;
        }
    }

    // ---- Responses ------------------------------------------------------------------------------------------------

    /** Registered because a reply to an idempotent request is read back from the store. */
    @RegisterForReflection
    @Schema(name = "PostgresCredentialsRotation")
    record SecretRotation(
            UUID id,
            @Schema(examples = "orders-db") String name,
            @Schema(nullable = true) String description,
            @Schema(examples = TYPE) String type,
            UUID projectId,
            UUID connectionId,
            ConnectionRef connection,
            EnvironmentRef environment,
            UUID folderId,
            FolderRef folder,
            @JsonProperty("isAutoRotationEnabled") boolean isAutoRotationEnabled,

            @Schema(description = "Days.", examples = "30") int rotationInterval,

            TimeOfDay rotateAtUtc,

            @Schema(description = "Which of the two roles is served: 0 or 1.", examples = "0")
            int activeIndex,

            @Schema(description = "How the last finished attempt ended; null before the first.", nullable = true)
            String rotationStatus,

            @Schema(nullable = true) Instant lastRotationAttemptedAt,
            @Schema(nullable = true) Instant lastRotatedAt,

            @Schema(description = "Always null.", nullable = true)
            String lastRotationJobId,

            @Schema(
                    description = "When the service rotates next, or tries again; null when it rotates only by hand.",
                    nullable = true)
            Instant nextRotationAt,

            @JsonProperty("isLastRotationManual") boolean isLastRotationManual,

            @Schema(description = "Why the last attempt did not succeed.", nullable = true)
            String lastRotationMessage,

            Parameters parameters,
            SecretsMapping secretsMapping,
            Instant createdAt,
            Instant updatedAt,

            @Schema(
                    enumeration = {"dual", "single"},
                    type = SchemaType.STRING)
            String strategy,

            @Schema(
                    enumeration = {"report", "reassert"},
                    type = SchemaType.STRING)
            String driftPolicy,

            boolean takeover,
            boolean allowPrivileged,

            @Schema(
                    description =
                            "ok; in_doubt: a change was sent and its answer is missing, the service asks again; parked:"
                                    + " something stands in the way, see stateReason; revoking: deleted, and waiting"
                                    + " for its roles to get passwords that nobody is given.",
                    examples = "ok")
            String state,

            @Schema(
                    description =
                            "Stable code, as in docs/errors.md. With state ok: the password is proven, and yet the server refuses"
                                    + " sessions of the role for this reason, such as role_full; else null.",
                    nullable = true)
            String stateReason,

            @Schema(
                    description =
                            "When the served password was last seen to be valid on its server; null if that is not known.",
                    nullable = true)
            Instant verifiedAt,

            @Schema(description = LOOK + " Null: as the service is set.", nullable = true, examples = "5")
            Integer lookIntervalMinutes,

            @Schema(
                    description = "Grows by one each time another password is served; 0 before the first.",
                    examples = "3")
            long credentialVersion,

            @Schema(description = "Where in Vault it is written, and the state of the delivery.", nullable = true)
            VaultKv vaultKv,

            @Schema(
                    description = "How it is, in one word: what lists are filtered by.",
                    enumeration = {"revoking", "in_doubt", "parked", "failed", "overdue", "ok", "manual"})
            String status) {}

    @RegisterForReflection
    @Schema(
            name = "VaultKvDelivery",
            requiredProperties = {"mount", "path", "deliveredVersion", "failures"})
    record VaultKv(
            @Schema(examples = "secret") String mount,

            @Schema(examples = "rolewright/default/orders-db")
            String path,

            @Schema(description = "credentialVersion of the last delivery; 0 before the first.", examples = "3")
            long deliveredVersion,

            @Schema(nullable = true) Instant deliveredAt,

            @Schema(
                    description = "Stable code of the last failure; null after a successful delivery.",
                    nullable = true,
                    examples = "vault_unavailable")
            String lastFailure,

            @Schema(description = "Consecutive failures since the last successful delivery.", examples = "0")
            int failures,

            @Schema(description = "When the next try is; null if nothing is pending.", nullable = true)
            Instant nextTryAt,

            @Schema(
                    description =
                            "Since when it is known that what was written is not there, or was changed; lastFailure says how. Null otherwise.",
                    nullable = true)
            @Nullable
            Instant lostSince,

            @Schema(
                    description = "Stable code of what did not hold the last delivery up; null for nothing.",
                    nullable = true,
                    examples = "vault_mark_forbidden")
            @Nullable
            String warning) {}

    @RegisterForReflection
    @Schema(name = "AppConnectionReference")
    record ConnectionRef(@Schema(examples = APP) String app, String name, UUID id) {}

    @RegisterForReflection
    @Schema(name = "EnvironmentReference")
    record EnvironmentRef(@Schema(examples = "production") String slug, String name, UUID id) {}

    @RegisterForReflection
    @Schema(name = "FolderReference")
    record FolderRef(
            UUID id, @Schema(examples = "/payments") String path) {}

    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "StoredPostgresCredentialsParameters",
            requiredProperties = {"username1"})
    record Parameters(
            @Schema(examples = "app_a") String username1,
            @Schema(examples = "app_b") String username2,
            PasswordRequirements passwordRequirements) {}

    /** The one shape with passwords; its answer is never cached. */
    @Schema(name = "GeneratedCredential")
    record Credential(
            @Schema(examples = "app_a") String username,

            @Schema(examples = "generated-and-shown-to-those-who-may")
            String password) {

        @Override
        public String toString() {
            return "Credential[" + username + "]";
        }
    }

    @Schema(name = "PostgresGeneratedCredentialsResponse")
    record GeneratedCredentials(
            @Schema(
                    description =
                            "By index: the credential of username1, and of username2 once it has one. Both work until the"
                                    + " next rotation replaces the inactive one.")
            List<Credential> generatedCredentials,

            @Schema(description = "Index of the credential that is served.", examples = "0")
            int activeIndex,

            UUID rotationId,
            @Schema(examples = TYPE) String type,

            @Schema(description = "The credential to use, without looking at the index.")
            Credential active,

            @Schema(examples = "1") long credentialVersion) {}

    // ---- Envelopes ------------------------------------------------------------------------------------------------

    @RegisterForReflection
    @Schema(name = "PostgresCredentialsRotationResponse")
    record One(SecretRotation secretRotation) {}

    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "DeletedPostgresCredentialsRotationResponse",
            requiredProperties = {"secretRotation"})
    record Deleted(
            SecretRotation secretRotation,

            @Schema(description = "Who read it, and gets it no longer; absent if that could not be found out.")
            @Nullable
            RotationUsage usage) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(name = "PostgresCredentialsRotationListResponse")
    record Many(
            List<SecretRotation> secretRotations,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.")
            String nextCursor,

            @Schema(description = "Number of rows that match, on this page or not; only with search, sort or offset.")
            @Nullable
            Long totalCount) {}

    private static String trimmed(String text) {
        return text == null ? null : text.strip();
    }
}
