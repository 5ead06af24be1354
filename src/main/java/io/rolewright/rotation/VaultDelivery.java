package io.rolewright.rotation;

import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.SealedRow;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.Immutable;
import org.jspecify.annotations.Nullable;

/** One row of {@code vault_delivery} as it is shown; {@link VaultDeliveries} writes it. */
@Entity
@EntityListeners(EntitySeals.class)
@Immutable
@Table(name = "vault_delivery")
class VaultDelivery implements Decides {

    @Id
    UUID rotationId;

    String mount;
    String path;
    long deliveredVersion;
    Instant deliveredAt;
    Instant dueAt;
    int failures;
    String lastFailure;

    @Nullable
    Instant lostSince;

    @Nullable
    String warning;

    /** {@link SealedRow#VAULT_DELIVERY}. */
    byte @Nullable [] rowSeal;

    protected VaultDelivery() {}

    boolean isAt(RotationWire.VaultPlace place) {
        return mount.equals(place.mount()) && path.equals(place.path());
    }

    @Override
    public SealedRow sealedRow() {
        return SealedRow.VAULT_DELIVERY;
    }

    @Override
    public UUID sealedId() {
        return rotationId;
    }

    @Override
    public @Nullable Object[] deciding() {
        return new @Nullable Object[] {mount, path};
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
