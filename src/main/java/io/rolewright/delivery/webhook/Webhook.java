package io.rolewright.delivery.webhook;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

/** A stored subscription. Where it goes is in {@link #sealed}; {@link Receiver} is what that holds. */
@Entity
@Table(name = "webhook")
class Webhook {

    @Id
    UUID id;

    UUID projectId;
    String name;
    String events;
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

    protected Webhook() {}

    List<String> events() {
        return List.of(events.split(","));
    }

    void events(List<String> wanted) {
        events = String.join(",", wanted.stream().distinct().toList());
    }
}
