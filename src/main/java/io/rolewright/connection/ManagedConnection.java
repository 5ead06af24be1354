package io.rolewright.connection;

import io.rolewright.credential.Schedule;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.time.LocalTime;
import java.util.UUID;
import org.hibernate.annotations.DynamicUpdate;

/** What is to be known of a connection whose password is ours. The columns are explained in the migration. */
@Entity
@DynamicUpdate
@Table(name = "managed_connection")
class ManagedConnection {

    @Id
    UUID connectionId;

    UUID id;
    UUID roleId;
    boolean autoRotation;
    Integer intervalDays;
    Integer rotateAtHours;
    Integer rotateAtMinutes;
    String status;
    Instant lastAttemptedAt;
    Instant lastRotatedAt;
    boolean lastManual;
    String lastMessage;
    Instant nextRotationAt;
    Long releasedVersion;
    Instant createdAt;
    Instant updatedAt;

    protected ManagedConnection() {}

    boolean released() {
        return releasedVersion != null;
    }

    /** Null when there is none, switched on or not. */
    Schedule schedule() {
        return intervalDays == null ? null : new Schedule(intervalDays, LocalTime.of(rotateAtHours, rotateAtMinutes));
    }

    void schedule(Schedule schedule) {
        intervalDays = schedule.intervalDays();
        rotateAtHours = schedule.at().getHour();
        rotateAtMinutes = schedule.at().getMinute();
    }

    /** What is next, from what happened last. */
    Instant next(Instant now) {
        return autoRotation && intervalDays != null
                ? schedule().next(lastRotatedAt == null ? now : lastRotatedAt, lastManual)
                : null;
    }
}
