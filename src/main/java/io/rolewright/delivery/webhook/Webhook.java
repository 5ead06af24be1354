package io.rolewright.delivery.webhook;

import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.SealedRow;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A stored subscription. Where it goes is in {@link #sealed}; {@link Receiver} is what that holds. */
@Entity
@EntityListeners(EntitySeals.class)
@Table(name = "webhook")
class Webhook implements Decides {

    @Id
    UUID id;

    UUID projectId;
    String name;
    String events;

    /** Of one that was made by the reference's body, null for ours; and {@link Receiver.Place} has both, sealed. */
    @Nullable
    UUID environmentId;

    @Nullable
    String secretPath;

    boolean enabled;
    byte[] sealed;
    long sealedVersion;

    /** How the receiver is doing is written where deliveries end, and only read here. */
    @Column(insertable = false, updatable = false)
    int failures;

    @Column(insertable = false, updatable = false)
    Instant quietUntil;

    @Column(insertable = false, updatable = false)
    Instant lastDeliveredAt;

    Instant createdAt;
    Instant updatedAt;

    /** {@link SealedRow#WEBHOOK}. */
    byte @Nullable [] rowSeal;

    protected Webhook() {}

    List<String> events() {
        return isEvery() ? SecretsEvent.all() : List.of(events.split(","));
    }

    /** Of the reference's events all that there are. */
    boolean isEvery() {
        return events.equals(SecretsEvent.EVERY);
    }

    /** @param wanted empty for all of the reference's */
    void events(List<String> wanted) {
        events = wanted.isEmpty()
                ? SecretsEvent.EVERY
                : String.join(",", wanted.stream().distinct().toList());
    }

    @Override
    public SealedRow sealedRow() {
        return SealedRow.WEBHOOK;
    }

    @Override
    public UUID sealedId() {
        return id;
    }

    @Override
    public @Nullable Object[] deciding() {
        return new @Nullable Object[] {projectId, events};
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
