package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.PanacheEntityBase;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A program or a pipeline that calls us. */
@Entity
@Table(name = "identity")
class Identity extends PanacheEntityBase {

    @Id
    UUID id;

    @Column(columnDefinition = "text", nullable = false)
    String name;

    /** What it logs in with, beside one of its client secrets: 1 to 255 printable ASCII characters, unique. */
    @Column(columnDefinition = "text", nullable = false)
    String clientId;

    /** The project that it belongs to; null for the organisation. It has no roles elsewhere ({@link #requireMayHaveRoles}). */
    @Column(updatable = false)
    @Nullable
    UUID projectId;

    /** It is not deleted while this is true. */
    @Column(nullable = false)
    boolean deleteProtected;

    /** {@link IdentityMetadata#stored}. */
    @Column(columnDefinition = "text", nullable = false)
    String metadata = IdentityMetadata.NONE;

    /** The word by which its roles in the organisation were given, see {@link ReferenceRoles}; null for our own words. */
    @Column(columnDefinition = "text")
    @Nullable
    String roleWord;

    @Column(nullable = false)
    Instant createdAt;

    @Column(nullable = false)
    Instant updatedAt;

    /** {@link io.rolewright.sealing.SealedRow#IDENTITY}; null: from a build that made none. */
    byte @Nullable [] rowSeal;

    /**
     * @param project null for the organisation
     * @throws ValidationProblem if it belongs to another
     */
    void requireMayHaveRoles(@Nullable UUID project, String field) {
        if (projectId != null && !projectId.equals(project)) {
            throw ValidationProblem.at(
                    List.of(field),
                    "custom",
                    "The identity belongs to the project " + projectId + ": its roles are there only");
        }
    }

    void seal(RowSeals seals) {
        rowSeal = seals.seal(SealedRow.IDENTITY, id, clientId);
    }
}
