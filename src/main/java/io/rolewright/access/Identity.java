package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.PanacheEntityBase;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
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

    void seal(RowSeals seals) {
        rowSeal = seals.seal(SealedRow.IDENTITY, id, clientId);
    }
}
