package io.rolewright.rotation;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.Immutable;

/** One row of {@code vault_delivery} as it is shown; {@link VaultDeliveries} writes it. */
@Entity
@Immutable
@Table(name = "vault_delivery")
class VaultDelivery {

    @Id
    UUID rotationId;

    String mount;
    String path;
    long deliveredVersion;
    Instant deliveredAt;
    Instant dueAt;
    int failures;
    String lastFailure;

    protected VaultDelivery() {}

    boolean isAt(RotationWire.VaultPlace place) {
        return mount.equals(place.mount()) && path.equals(place.path());
    }
}
