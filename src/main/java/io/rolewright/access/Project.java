package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.PanacheEntityBase;
import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.SealedRow;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Where connections and rotations of one team live. */
@Entity
@EntityListeners(EntitySeals.class)
@Table(name = "project")
public class Project extends PanacheEntityBase implements Decides {

    /** The reference knows several types of projects; ours is the one that holds secrets. */
    static final String TYPE = "secret-manager";

    @Id
    public UUID id;

    /** 1 to 64 characters, unique. */
    @Column(columnDefinition = "text", nullable = false)
    public String name;

    /** 1 to 64 of {@code a-z 0-9 -}, unique; the name in paths and configuration files. */
    @Column(columnDefinition = "text", nullable = false)
    public String slug;

    @Column(columnDefinition = "text", nullable = false)
    public String type = TYPE;

    @Column(columnDefinition = "text", nullable = false)
    public String description = "";

    /** It is not deleted while this is true. */
    @Column(nullable = false)
    public boolean deleteProtected;

    @Column(nullable = false)
    public Instant createdAt;

    @Column(nullable = false)
    public Instant updatedAt;

    /** {@link SealedRow#PROJECT}; null: from a build that made none. */
    byte @Nullable [] rowSeal;

    @Override
    public SealedRow sealedRow() {
        return SealedRow.PROJECT;
    }

    @Override
    public UUID sealedId() {
        return id;
    }

    @Override
    public @Nullable Object[] deciding() {
        return new @Nullable Object[] {slug};
    }

    @Override
    public byte @Nullable [] rowSeal() {
        return rowSeal;
    }

    @Override
    public void rowSeal(byte[] seal) {
        rowSeal = seal;
    }
}
