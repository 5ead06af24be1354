package io.rolewright.rotation;

import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.audit.PasswordReaders;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Who reads what a rotation serves, and so would miss it.
 *
 * @param since the first moment that was looked at
 * @param readers who read last comes first
 */
@RegisterForReflection
@Schema(
        name = "PostgresCredentialsRotationUsage",
        requiredProperties = {"since", "readers"})
record RotationUsage(
        @Schema(
                description =
                        "Reads are counted from this moment on: the last day, and back to the last rotation if that"
                                + " was earlier, because readers that send an ETag are not audited while nothing changes; at most"
                                + " 30 days, and fewer in a project with very many audit events.")
        Instant since,

        @Schema(description = "Identities that were given its credentials since then, the latest first; at most 100.")
        List<Reader> readers) {

    /**
     * One of them.
     *
     * @param name as it was at the last read
     */
    @RegisterForReflection
    @Schema(
            name = "PostgresCredentialsRotationReader",
            requiredProperties = {"identityId", "name", "reads", "lastReadAt"})
    record Reader(
            @Schema(format = "uuid") UUID identityId,

            @Schema(description = "As it was at the last read.", nullable = true, examples = "orders-service") @Nullable
            String name,

            @Schema(examples = "3") long reads,
            Instant lastReadAt) {}

    static RotationUsage of(PasswordReaders.Found found) {
        return new RotationUsage(
                found.since(),
                found.readers().stream()
                        .map(each -> new Reader(each.id(), each.name(), each.reads(), each.lastReadAt()))
                        .toList());
    }
}
