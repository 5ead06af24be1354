package io.rolewright.connection;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.access.Project;
import io.rolewright.request.RemovableText;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The shapes of the wire, as {@code ConnectionResource} takes and gives them. No response has a field for a password. */
class ConnectionWire {

    static final String APP = "postgres";
    static final String METHOD = "username-and-password";

    private static final String SLUG = "[a-z0-9]+(-[a-z0-9]+)*";
    private static final String SLUG_RULE = "Must be lower-case letters and digits, with single hyphens between them";
    private static final String NAME_LENGTH = "Must have 1 to 64 characters";

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

            @Schema(description = "Absent or null: a connection of the organisation.", nullable = true)
            String projectId,

            @JsonProperty("isPlatformManagedCredentials") @Schema(defaultValue = "false", nullable = true)
            Boolean isPlatformManagedCredentials,

            @Schema(description = "Gateways are not offered: null or absent.", nullable = true)
            String gatewayId,

            @Schema(description = "Gateways are not offered: null or absent.", nullable = true)
            String gatewayPoolId,

            @JsonProperty("isAutoRotationEnabled") @Schema(defaultValue = "false", nullable = true)
            Boolean isAutoRotationEnabled,

            @Schema(hidden = true) JsonNode rotation,
            @NotNull(message = "Required") @Valid CredentialsForm credentials) {

        NewConnection {
            name = trimmed(name);
            description = trimmed(description);
            projectId = trimmed(projectId);
        }
    }

    @Schema(name = "UpdatePostgresAppConnection", description = "What is absent stays as it is.")
    record ChangedConnection(
            @Size(min = 1, max = 64, message = NAME_LENGTH)
            @Pattern(regexp = SLUG, message = SLUG_RULE)
            @Schema(examples = "my-pg-connection")
            String name,

            @Schema(description = "Null removes it.", maxLength = 256, nullable = true, implementation = String.class)
            @JsonDeserialize(using = RemovableText.class)
            Optional<@Size(max = 256, message = "Must have at most 256 characters") String> description,

            @JsonProperty("isPlatformManagedCredentials") @Schema(nullable = true)
            Boolean isPlatformManagedCredentials,

            @Schema(description = "Gateways are not offered: null or absent.", nullable = true)
            String gatewayId,

            @Schema(description = "Gateways are not offered: null or absent.", nullable = true)
            String gatewayPoolId,

            @JsonProperty("isAutoRotationEnabled") @Schema(nullable = true)
            Boolean isAutoRotationEnabled,

            @Schema(hidden = true) JsonNode rotation,

            @Valid @Schema(description = "Always the complete object, the password included.")
            CredentialsForm credentials) {

        ChangedConnection {
            name = trimmed(name);
        }
    }

    @Schema(
            name = "TestPostgresCredentials",
            requiredProperties = {"credentials"})
    record CredentialsTest(
            @NotNull(message = "Required") @Valid CredentialsForm credentials,
            @Schema(nullable = true) String projectId,

            @Schema(description = "Roles to report on: could their passwords be rotated with this login?")
            @Size(max = 20, message = "At most 20 roles")
            List<
                            @NotNull(message = "Required")
                            @Size(min = 1, max = 63, message = "Must have 1 to 63 characters") String>
                    roles) {}

    @Schema(name = "TestPostgresAppConnection")
    record ConnectionTest(
            @Schema(description = "Roles to report on: could their passwords be rotated with this login?")
            @Size(max = 20, message = "At most 20 roles")
            List<
                            @NotNull(message = "Required")
                            @Size(min = 1, max = 63, message = "Must have 1 to 63 characters") String>
                    roles) {}

    // ---- Responses ------------------------------------------------------------------------------------------------

    /** Registered because a reply to an idempotent request is read back from the store. */
    @RegisterForReflection
    @Schema(
            name = "PostgresAppConnection",
            requiredProperties = {
                "id",
                "name",
                "version",
                "orgId",
                "createdAt",
                "updatedAt",
                "app",
                "method",
                "credentials"
            })
    record AppConnection(
            UUID id,
            @Schema(examples = "my-pg-connection") String name,
            @Schema(nullable = true) String description,

            @Schema(description = "Counts changes, from 1.", examples = "1")
            long version,

            UUID orgId,
            Instant createdAt,
            Instant updatedAt,
            @JsonProperty("isPlatformManagedCredentials") boolean isPlatformManagedCredentials,
            @Schema(nullable = true) String gatewayId,
            @Schema(nullable = true) String gatewayPoolId,
            @Schema(nullable = true) UUID projectId,
            @JsonProperty("isAutoRotationEnabled") boolean isAutoRotationEnabled,

            @Schema(description = "Changes exactly when a caller sends other credentials.")
            String credentialsHash,

            @Schema(nullable = true) ProjectRef project,
            @Schema(examples = APP) String app,
            @Schema(examples = METHOD) String method,
            CredentialsView credentials) {

        static AppConnection of(Connections.Opened opened, UUID orgId) {
            Connection row = opened.row();
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
                    false,
                    row.credentialsHash,
                    ProjectRef.of(row.project),
                    APP,
                    METHOD,
                    CredentialsView.of(opened.credentials()));
        }
    }

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
    @Schema(name = "PostgresCredentials")
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
                    CredentialsForm.isVerifying(credentials.sslMode()),
                    credentials.sslMode().wireName(),
                    credentials.caPem(),
                    credentials.clientCertificatePem());
        }
    }

    @Schema(name = "AvailableAppConnection")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Available(@Schema(examples = APP) String app, String name, UUID id, UUID projectId, UUID orgId) {

        static Available of(Connection row, UUID orgId) {
            return new Available(APP, row.name, row.id, row.projectId(), orgId);
        }
    }

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

            @Schema(description = "Send it as cursor for the next page; absent on the last one.")
            String nextCursor) {}

    @Schema(name = "AvailableAppConnectionListResponse")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record ManyAvailable(
            List<Available> appConnections,

            @Schema(description = "Send it as cursor for the next page; absent on the last one.")
            String nextCursor) {}

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
