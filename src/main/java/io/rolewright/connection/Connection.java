package io.rolewright.connection;

import io.rolewright.access.Project;
import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.SealedRow;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
import jakarta.persistence.FetchType;
import jakarta.persistence.Id;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A stored App Connection. What it leads to is in {@link #credentials}, sealed; {@code ConnectionSeal} opens it. */
@Entity
@EntityListeners(EntitySeals.class)
@Table(name = "app_connection")
class Connection implements Decides {

    @Id
    UUID id;

    /** Null for a connection of the organisation itself. */
    @ManyToOne(fetch = FetchType.LAZY)
    Project project;

    String name;

    String description;

    /** Counts changes of the row, from 1. */
    long version;

    byte[] credentials;

    long credentialsVersion;

    String credentialsHash;

    boolean platformManaged;

    Instant createdAt;

    Instant updatedAt;

    /** When a login was last tried, by a test or before it was stored; null for a row of an older build. */
    Instant testedAt;

    Boolean testOk;

    /** Code of what failed; null when nothing did. */
    String testReason;

    /** Keyed hashes of the server and of who logs in there; the columns are explained in the migration. */
    String loginOf;

    byte[] server;
    byte[] login;
    byte[] loginAddress;

    /** {@code credentialsHash} of credentials whose password was asked for by SCRAM. */
    @Nullable
    String scramOf;

    /** {@link SealedRow#CONNECTION}. */
    byte @Nullable [] rowSeal;

    protected Connection() {}

    /** @return null for a connection of the organisation itself */
    UUID projectId() {
        return project == null ? null : project.id;
    }

    @Override
    public SealedRow sealedRow() {
        return SealedRow.CONNECTION;
    }

    @Override
    public UUID sealedId() {
        return id;
    }

    @Override
    public @Nullable Object[] deciding() {
        return new @Nullable Object[] {projectId()};
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
