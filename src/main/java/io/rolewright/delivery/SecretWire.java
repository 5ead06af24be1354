package io.rolewright.delivery;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.rolewright.rotation.ServedSecrets;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The shapes in which Infisical's clients read secrets. */
final class SecretWire {

    /** In the place of a value that the caller did not ask for, as the reference writes it. */
    static final String HIDDEN = "<hidden-by-infisical>";

    private SecretWire() {}

    /**
     * @param secretValue the one field with a password; its answer is never cached
     */
    @Schema(name = "Secret", description = "One value of a rotation: the role's name, or its password.")
    record Secret(
            @Schema(description = "Stays the same when the secret gets another name.")
            UUID id,

            // Generators take it for the same name as id, and make code of it that does not compile.
            @JsonProperty("_id") @Schema(hidden = true) UUID oldId,

            @Schema(description = "The project.") UUID workspace,
            @Schema(description = "The same as workspace.") UUID workspaceId,
            @Schema(examples = "production") String environment,
            @Schema(examples = "/payments") String secretPath,

            @Schema(description = "The rotation's credentialVersion, which only grows.", examples = "3")
            long version,

            @Schema(description = "Always shared.", examples = "shared")
            String type,

            @Schema(examples = "DB_PASSWORD") String secretKey,

            @Schema(examples = "generated-and-shown-to-those-who-may")
            String secretValue,

            boolean secretValueHidden,
            @Schema(description = "Always empty.") String secretComment,
            @Schema(description = "Always empty.") List<String> tags,
            @Schema(description = "Always empty.") List<String> secretMetadata,
            boolean skipMultilineEncoding,

            @JsonProperty("isRotatedSecret") @Schema(description = "Always true.")
            boolean isRotatedSecret,

            UUID rotationId,
            Instant createdAt,

            @Schema(description = "When this version began to be served.")
            Instant updatedAt) {

        /** @param value null when it was not asked for */
        static Secret of(UUID project, ServedSecrets.Secret secret, String value) {
            return new Secret(
                    secret.id(),
                    secret.id(),
                    project,
                    project,
                    secret.environment(),
                    secret.path(),
                    secret.version(),
                    "shared",
                    secret.name(),
                    value == null ? HIDDEN : value,
                    value == null,
                    "",
                    List.of(),
                    List.of(),
                    false,
                    true,
                    secret.rotationId(),
                    secret.createdAt(),
                    secret.rotatedAt());
        }

        @Override
        public String toString() {
            return "Secret[" + id + ", " + version + "]";
        }
    }

    @Schema(name = "SecretResponse")
    record One(Secret secret) {}

    /** @param imports always empty: nothing is imported from elsewhere */
    @Schema(name = "SecretListResponse")
    record Many(
            List<Secret> secrets,
            @Schema(description = "Always empty.") List<String> imports) {}
}
