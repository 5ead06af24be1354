package io.rolewright.connection;

import io.rolewright.credential.Plan;
import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.SealedRow;
import jakarta.persistence.Embedded;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.DynamicUpdate;
import org.jspecify.annotations.Nullable;

/** What is to be known of a connection whose password is ours. The columns are explained in the migration. */
@Entity
@EntityListeners(EntitySeals.class)
@DynamicUpdate
@Table(name = "managed_connection")
class ManagedConnection implements Decides {

    @Id
    UUID connectionId;

    UUID id;
    UUID roleId;

    @Embedded
    Plan plan = new Plan();

    @Nullable
    Long releasedVersion;

    Instant createdAt;
    Instant updatedAt;

    /** {@link SealedRow#MANAGED_CONNECTION}. */
    byte @Nullable [] rowSeal;

    protected ManagedConnection() {}

    boolean released() {
        return releasedVersion != null;
    }

    @Override
    public SealedRow sealedRow() {
        return SealedRow.MANAGED_CONNECTION;
    }

    @Override
    public UUID sealedId() {
        return connectionId;
    }

    @Override
    public @Nullable Object[] deciding() {
        return new @Nullable Object[] {roleId};
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
