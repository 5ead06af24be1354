package io.rolewright.connection;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.access.Project;
import io.rolewright.credential.Credential;
import io.rolewright.credential.RoleState;
import io.rolewright.credential.RoleStatus;
import io.rolewright.credential.Schedule;
import io.rolewright.request.RemovableText;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.time.Instant;
import java.time.LocalTime;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** The shapes of the wire, as {@code ConnectionResource} takes and gives them. No response has a field for a password. */
class ConnectionWire {

    static final String APP = "postgres";
    static final String METHOD = "username-and-password";

    private static final String SLUG = "[a-z0-9]+(-[a-z0-9]+)*";
    private static final String SLUG_RULE = "Must be lower-case letters and digits, with single hyphens between them";
    private static final String NAME_LENGTH = "Must have 1 to 64 characters";
    private static final String ID_LENGTH = "Must have at most 36 characters";

    private static final String LOOK_RULE = "Must be a number of minutes from 1 to 1440";
    private static final String LOOK =
            "After so many minutes it is tried again whether the password is still valid, to find what others"
                    + " have changed: one login, which fails only if they have. Only of a managed password. 15 unless the service is set otherwise"
                    + " (ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL).";

    private static final String MANAGED =
            "The service replaces the role's password with one that only it knows, and rotates it. Release"
                    + " the connection to end this.";
    private static final String MANAGE = MANAGED
            + " True needs the credentials in the same request (400 credentials_required): they are tried before the password is replaced.";
    private static final String ANOTHER_SERVER =
            "Say that the credentials lead to another server than before, or, without credentials, that another one is where they led"
                    + " before (server_replaced), and that the passwords of the roles of the same names are to be changed there from now"
                    + " on. Once for all that is rotated through the connection: the passwords that are served are put there by the next"
                    + " look, which is due at once. Not needed for another address of the same server, nor where nothing is rotated"
                    + " through the connection. Nothing happens where the server is still the one that the roles are known on.";

    private static final String ALLOW_PRIVILEGED = "Allow the role to be a superuser or to have REPLICATION.";

    private static final String TOTAL =
            "Number of rows that match, on this page or not; only with search, sort or offset.";

    private ConnectionWire() {}

    // ---- Requests -------------------------------------------------------------------------------------------------

    @Schema(
            name = "CreatePostgresAppConnection",
            requiredProperties = {"name", "method", "credentials"})
    record NewConnection(
            @NotNull(message = "Required")
            @Size(min = 1, max = 64, message = NAME_LENGTH)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(description = "Unique within its project.", examples = "my-pg-connection")
            String name,

            @NotNull(message = "Required")
            @Pattern(regexp = METHOD, message = "Must be " + METHOD)
            @Schema(enumeration = METHOD, examples = METHOD)
            String method,

            @Size(max = 256, message = "Must have at most 256 characters") @Schema(nullable = true)
            String description,

            @Size(max = 36, message = ID_LENGTH)
            @Schema(description = "Absent or null: the connection belongs to the organisation.", nullable = true)
            String projectId,

            @JsonProperty("isPlatformManagedCredentials")
            @Schema(description = MANAGED, defaultValue = "false", nullable = true)
            Boolean isPlatformManagedCredentials,

            @Size(max = 64, message = "Must have at most 64 characters")
            @Schema(description = "Gateways are not supported: must be null or absent.", nullable = true)
            String gatewayId,

            @Size(max = 64, message = "Must have at most 64 characters")
            @Schema(description = "Gateways are not supported: must be null or absent.", nullable = true)
            String gatewayPoolId,

            @JsonProperty("isAutoRotationEnabled") @Schema(defaultValue = "false", nullable = true)
            Boolean isAutoRotationEnabled,

            @Valid RotationForm rotation,

            @Schema(description = ALLOW_PRIVILEGED, defaultValue = "false", nullable = true)
            Boolean allowPrivileged,

            @Min(value = 1, message = LOOK_RULE)
            @Max(value = 1440, message = LOOK_RULE)
            @Schema(description = LOOK, nullable = true, examples = "5")
            @Nullable
            Integer lookIntervalMinutes,

            @NotNull(message = "Required") @Valid CredentialsForm credentials) {

        NewConnection {
            name = trimmed(name);
            description = trimmed(description);
            projectId = trimmed(projectId);
        }
    }

    @Schema(name = "UpdatePostgresAppConnection", description = "Fields that are absent remain unchanged.")
    record ChangedConnection(
            @Size(min = 1, max = 64, message = NAME_LENGTH)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(examples = "my-pg-connection")
            String name,

            @Schema(description = "Null removes it.", maxLength = 256, nullable = true, implementation = String.class)
            @JsonDeserialize(using = RemovableText.class)
            Optional<@Size(max = 256, message = "Must have at most 256 characters") String> description,

            @JsonProperty("isPlatformManagedCredentials") @Schema(description = MANAGE, nullable = true)
            Boolean isPlatformManagedCredentials,

            @Size(max = 64, message = "Must have at most 64 characters")
            @Schema(description = "Gateways are not supported: must be null or absent.", nullable = true)
            String gatewayId,

            @Size(max = 64, message = "Must have at most 64 characters")
            @Schema(description = "Gateways are not supported: must be null or absent.", nullable = true)
            String gatewayPoolId,

            @JsonProperty("isAutoRotationEnabled") @Schema(nullable = true)
            Boolean isAutoRotationEnabled,

            @Valid RotationForm rotation,

            @Schema(description = ALLOW_PRIVILEGED, defaultValue = "false", nullable = true)
            Boolean allowPrivileged,

            @Schema(description = ANOTHER_SERVER, defaultValue = "false", nullable = true)
            Boolean confirmAnotherServer,

            @Min(value = 1, message = LOOK_RULE)
            @Max(value = 1440, message = LOOK_RULE)
            @Schema(description = LOOK, nullable = true, examples = "5")
            @Nullable
            Integer lookIntervalMinutes,

            @Valid @Schema(description = "Always the complete object, the password included.")
            CredentialsForm credentials) {

        ChangedConnection {
            name = trimmed(name);
        }
    }

    /** When a managed password is changed by itself. */
    @Schema(
            name = "AppConnectionRotationInput",
            description = "Allowed only with isPlatformManagedCredentials.",
            nullable = true,
            requiredProperties = {"rotationInterval"})
    record RotationForm(
            @NotNull(message = "Required")
            @Min(value = 1, message = "Must be between 1 and 365")
            @Max(value = 365, message = "Must be between 1 and 365")
            @Schema(description = "In days.", examples = "30")
            Integer rotationInterval,

            @Valid @Schema(description = "00:00 when absent.", nullable = true)
            TimeOfDay rotateAtUtc) {

        Schedule schedule() {
            return new Schedule(
                    rotationInterval,
                    rotateAtUtc == null
                            ? LocalTime.MIDNIGHT
                            : LocalTime.of(rotateAtUtc.hours(), rotateAtUtc.minutes()));
        }
    }

    @RegisterForReflection
    @Schema(
            name = "AppConnectionTimeOfDay",
            requiredProperties = {"hours", "minutes"})
    record TimeOfDay(
            @NotNull(message = "Required")
            @Min(value = 0, message = "Must be between 0 and 23")
            @Max(value = 23, message = "Must be between 0 and 23")
            @Schema(examples = "3")
            Integer hours,

            @NotNull(message = "Required")
            @Min(value = 0, message = "Must be between 0 and 59")
            @Max(value = 59, message = "Must be between 0 and 59")
            @Schema(examples = "30")
            Integer minutes) {

        static @Nullable TimeOfDay of(@Nullable Integer minuteOfDay) {
            return minuteOfDay == null ? null : new TimeOfDay(minuteOfDay / 60, minuteOfDay % 60);
        }
    }

    @Schema(
            name = "TestPostgresCredentials",
            requiredProperties = {"credentials"})
    record CredentialsTest(
            @NotNull(message = "Required") @Valid CredentialsForm credentials,

            @Size(max = 36, message = ID_LENGTH) @Schema(nullable = true)
            String projectId,

            @Schema(description = "Roles to report on: whether their passwords could be rotated with this login.")
            @Size(max = 20, message = "At most 20 roles")
            List<
                            @NotNull(message = "Required")
                            @Size(min = 1, max = 63, message = "Must have 1 to 63 characters") String>
                    roles) {}

    @Schema(name = "TestPostgresAppConnection")
    record ConnectionTest(
            @Schema(description = "Roles to report on: whether their passwords could be rotated with this login.")
            @Size(max = 20, message = "At most 20 roles")
            List<
                            @NotNull(message = "Required")
                            @Size(min = 1, max = 63, message = "Must have 1 to 63 characters") String>
                    roles) {}

    // ---- Responses ------------------------------------------------------------------------------------------------

    /** Registered because a reply to an idempotent request is read back from the store. */
    @RegisterForReflection
    @Schema(name = "PostgresAppConnection")
    record AppConnection(
            UUID id,
            @Schema(examples = "my-pg-connection") String name,
            @Schema(nullable = true) String description,

            @Schema(description = "Number of changes, starting at 1.", examples = "1")
            long version,

            UUID orgId,
            Instant createdAt,
            Instant updatedAt,
            @JsonProperty("isPlatformManagedCredentials") boolean isPlatformManagedCredentials,
            @Schema(nullable = true) String gatewayId,
            @Schema(nullable = true) String gatewayPoolId,
            @Schema(nullable = true) UUID projectId,
            @JsonProperty("isAutoRotationEnabled") boolean isAutoRotationEnabled,

            @Schema(description = "Changes if and only if a caller sends other credentials.")
            String credentialsHash,

            @Schema(nullable = true) ProjectRef project,
            @Schema(examples = APP) String app,
            @Schema(examples = METHOD) String method,
            CredentialsView credentials,

            @Schema(
                    description = "State of the managed password; ok if the password is not managed.",
                    enumeration = {"ok", "in_doubt", "parked"},
                    examples = "ok")
            String state,

            @Schema(
                    description =
                            "Why the state is not ok. With state ok: the password is proven, and yet the server refuses sessions"
                                    + " of the role for this reason, such as role_full; else null.",
                    nullable = true)
            String stateReason,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = "Only there if the password is managed.")
            RotationView rotation,

            @Schema(nullable = true) LastTest lastTest) {

        static AppConnection of(Connections.Opened opened, UUID orgId) {
            Connection row = opened.row();
            ManagedCredentials.Managed managed = opened.managed();
            RoleStatus role = managed == null ? null : managed.role();
            return new AppConnection(
                    row.id,
                    row.name,
                    row.description,
                    row.version,
                    orgId,
                    row.createdAt,
                    row.updatedAt,
                    row.platformManaged,
                    null,
                    null,
                    row.projectId(),
                    managed != null && managed.credential().plan().auto(),
                    row.credentialsHash,
                    ProjectRef.of(row.project),
                    APP,
                    METHOD,
                    CredentialsView.of(opened.credentials()),
                    role == null ? RoleState.OK.wireName() : role.state().wireName(),
                    role == null ? null : role.reason(),
                    managed == null ? null : RotationView.of(managed),
                    LastTest.of(row));
        }
    }

    /** The last login that was tried: by a test, or before the connection was stored. */
    @RegisterForReflection
    @Schema(name = "AppConnectionLastTest")
    record LastTest(
            Instant at,
            boolean ok,

            @Schema(description = "Stable code; null when ok.", examples = "password_refused", nullable = true)
            String reason) {

        static LastTest of(Connection row) {
            return row.testedAt == null ? null : new LastTest(row.testedAt, row.testOk, row.testReason);
        }
    }

    /** What is known of the changes of a managed password; under the reference's names where it has some. */
    @RegisterForReflection
    @Schema(name = "AppConnectionRotation")
    record RotationView(
            UUID id,
            UUID connectionId,

            @Schema(description = "Always single: the connection has one role.", examples = "single")
            String strategy,

            @Schema(description = "In days.", nullable = true)
            Integer rotationInterval,

            @Schema(deprecated = true, description = "The former name of rotationInterval.", nullable = true)
            Integer interval,

            @Schema(nullable = true) TimeOfDay rotateAtUtc,

            @Schema(
                    description = "Result of the last finished attempt.",
                    enumeration = {"success", "failed"},
                    nullable = true)
            String rotationStatus,

            @Schema(nullable = true) Instant lastRotationAttemptedAt,
            @Schema(nullable = true) Instant lastRotatedAt,
            @Schema(nullable = true) String lastRotationMessage,
            @Schema(nullable = true) String lastRotationJobId,
            @Schema(nullable = true) Instant nextRotationAt,
            int activeIndex,

            @Schema(description = "Grows with each new password; 1 is the one that was there before.", examples = "2")
            Long credentialVersion,

            @Schema(
                    description =
                            "When the password was last seen to be valid on its server; null if that is not known.",
                    nullable = true)
            Instant verifiedAt,

            @Schema(description = LOOK + " Null: as the service is set.", nullable = true, examples = "5")
            Integer lookIntervalMinutes,

            Instant createdAt,
            Instant updatedAt) {

        static RotationView of(ManagedCredentials.Managed managed) {
            Credential row = managed.credential();
            return new RotationView(
                    row.shownId(),
                    row.id(),
                    "single",
                    row.plan().intervalDays(),
                    row.plan().intervalDays(),
                    TimeOfDay.of(row.plan().rotateAtMinute()),
                    row.plan().lastStatus(),
                    row.plan().lastAttemptedAt(),
                    row.plan().lastRotatedAt(),
                    row.plan().lastMessage(),
                    null,
                    row.plan().nextTryAt(),
                    0,
                    managed.role() == null ? null : managed.role().currentNumber(),
                    managed.role() == null ? null : managed.role().verifiedAt(),
                    managed.role() == null ? null : managed.role().lookMinutes(),
                    row.createdAt(),
                    row.updatedAt());
        }
    }

    /** The one answer of connections that has a password. */
    @Schema(name = "ReleasedPostgresCredentials")
    record ReleasedCredentials(
            @Schema(examples = "rotator") String username,

            @Schema(
                    description = "The password. From now on you keep it yourself.",
                    examples = "kept-by-you-from-now-on")
            String releasedPassword,

            @Schema(
                    required = true,
                    description =
                            "Whether a login has just proven that it is the role's password. Where it is false, look at reason"
                                    + " before you rely on it.",
                    examples = "true")
            boolean proven,

            @Schema(
                    description = "Why it is not proven, as in docs/errors.md; null when it is.",
                    nullable = true,
                    examples = "password_refused")
            @Nullable
            String reason,

            @Schema(description = "The same as a sentence.", nullable = true) @Nullable
            String message) {

        @Override
        public String toString() {
            return "ReleasedCredentials[" + username + "]";
        }
    }

    @Schema(name = "ReleasedPostgresAppConnectionResponse")
    record ReleasedOne(AppConnection appConnection, ReleasedCredentials releasedCredentials) {}

    @RegisterForReflection
    @Schema(name = "ProjectReference")
    record ProjectRef(UUID id, String name, String type, String slug) {

        static ProjectRef of(Project project) {
            return project == null ? null : new ProjectRef(project.id, project.name, project.type, project.slug);
        }
    }

    /** What a connection leads to; neither the password nor the client key has a field here. */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "PostgresCredentials",
            requiredProperties = {
                "host",
                "port",
                "database",
                "username",
                "sslEnabled",
                "sslRejectUnauthorized",
                "sslMode"
            })
    record CredentialsView(
            @Schema(examples = "db.example.com") String host,
            @Schema(examples = "5432") int port,
            @Schema(examples = "app") String database,
            @Schema(examples = "rotator") String username,
            boolean sslEnabled,
            boolean sslRejectUnauthorized,
            @Schema(examples = "verify-full") String sslMode,
            String sslCertificate,
            String sslClientCertificate) {

        static CredentialsView of(Credentials credentials) {
            return new CredentialsView(
                    credentials.host(),
                    credentials.port(),
                    credentials.database(),
                    credentials.username(),
                    CredentialsForm.isEncrypted(credentials.sslMode()),
                    credentials.verifies(),
                    credentials.sslMode().wireName(),
                    credentials.caPem(),
                    credentials.clientCertificatePem());
        }
    }

    @Schema(
            name = "AvailableAppConnection",
            requiredProperties = {"app", "name", "id", "projectId", "orgId"})
    record Available(
            @Schema(examples = APP) String app,
            String name,
            UUID id,
            @Schema(nullable = true) UUID projectId,
            UUID orgId,

            @Schema(description = "Where it leads and as whom, for who may read the connection; else absent.")
            @JsonInclude(JsonInclude.Include.NON_NULL)
            @Nullable
            Server server) {

        static Available of(Connections.Usable usable, UUID orgId) {
            Connection row = usable.row();
            Credentials credentials = usable.credentials();
            return new Available(
                    APP,
                    row.name,
                    row.id,
                    row.projectId(),
                    orgId,
                    credentials == null
                            ? null
                            : new Server(
                                    credentials.host(),
                                    credentials.port(),
                                    credentials.database(),
                                    credentials.username()));
        }
    }

    @Schema(name = "AvailableAppConnectionServer")
    record Server(
            @Schema(examples = "db.example.com") String host,
            @Schema(examples = "5432") int port,
            @Schema(examples = "orders") String database,
            @Schema(examples = "orders_rotator") String username) {}

    @Schema(name = "AppConnectionOption")
    record Option(
            @Schema(examples = "PostgreSQL") String name,
            @Schema(examples = APP) String app,
            List<String> methods,
            boolean supportsPlatformManagement) {}

    // ---- Envelopes: each named, so that generated clients have a name for it ----------------------------------------

    @RegisterForReflection
    @Schema(name = "PostgresAppConnectionResponse")
    record One(AppConnection appConnection) {}

    @Schema(name = "PostgresAppConnectionListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Many(
            List<AppConnection> appConnections,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.")
            String nextCursor,

            @Schema(description = TOTAL) @Nullable Long totalCount) {}

    @Schema(name = "AvailableAppConnectionListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record ManyAvailable(
            List<Available> appConnections,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.")
            String nextCursor,

            @Schema(description = TOTAL) @Nullable Long totalCount) {}

    @Schema(name = "AppConnectionOptionListResponse")
    record Options(List<Option> appConnectionOptions) {}

    @Schema(name = "PostgresConnectionTestResponse")
    record Report(TestReport report) {}

    @Schema(name = "AppConnectionUsageResponse")
    record Usage(List<ConnectionUser.Use> usage) {}

    private static String trimmed(String text) {
        return text == null ? null : text.strip();
    }
}
