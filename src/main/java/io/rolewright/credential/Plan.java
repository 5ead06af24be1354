package io.rolewright.credential;

import jakarta.persistence.Embeddable;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * When a credential is changed by itself, and how it went: the same for rotations and managed connections, whose rows it is a part of.
 *
 * <p>{@code nextRotationAt} stays what was planned until the password has changed, so that one knows how late it is; what moves after a
 * failure is {@code dueAt}, when somebody looks again.
 */
@Embeddable
public class Plan {

    /** After a failure the schedule tries again, first after a quarter of an hour and then less and less often. */
    private static final Duration FIRST_PAUSE = Duration.ofMinutes(15);

    private static final Duration LONGEST_PAUSE = Duration.ofHours(6);

    private boolean autoRotation;

    /** Null where there is no schedule, which only a managed connection may lack. It stays when the schedule is switched off. */
    private @Nullable Integer intervalDays;

    /** Of the day, UTC. */
    private @Nullable Integer rotateAtMinute;

    /** What a caller chose for the next one, instead of the schedule. */
    private @Nullable Instant plannedAt;

    private @Nullable Instant nextRotationAt;
    private @Nullable Instant dueAt;
    private @Nullable Instant lastRotatedAt;
    private boolean lastRotationManual = true;
    private @Nullable Instant lastAttemptedAt;

    @Enumerated(EnumType.STRING)
    private @Nullable Status lastStatus;

    private @Nullable String lastMessage;

    /** Since the last success, of what was not asked for by hand. */
    private int failures;

    /** Of the last finished attempt. */
    public enum Status {
        SUCCESS,
        FAILED;

        public String wireName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    // ---- What is wanted -------------------------------------------------------------------------------------------

    public boolean auto() {
        return autoRotation;
    }

    /** Takes effect with {@link #reckon}. */
    public void auto(boolean on) {
        autoRotation = on;
    }

    /** Null when there is none; there may be one that is switched off. */
    public @Nullable Schedule schedule() {
        return intervalDays == null || rotateAtMinute == null
                ? null
                : new Schedule(intervalDays, LocalTime.MIDNIGHT.plusMinutes(rotateAtMinute));
    }

    /** Takes effect with {@link #reckon}. */
    public void schedule(Schedule schedule) {
        schedule(
                schedule.intervalDays(),
                schedule.at().getHour() * 60 + schedule.at().getMinute());
    }

    /**
     * Takes effect with {@link #reckon}.
     *
     * @param days null for what there is
     * @param minute of the day, UTC; null for what there is
     * @return whether that is another schedule
     */
    public boolean schedule(@Nullable Integer days, @Nullable Integer minute) {
        boolean other = days != null && !days.equals(intervalDays) || minute != null && !minute.equals(rotateAtMinute);
        intervalDays = days == null ? intervalDays : days;
        rotateAtMinute = minute == null ? rotateAtMinute : minute;
        return other;
    }

    /** Takes effect with {@link #reckon}. @param next instead of what the schedule says; null for what that says */
    public void choose(@Nullable Instant next) {
        plannedAt = next;
    }

    /** Says anew when the next change is to be, from what is wanted and what happened last; and somebody looks then. */
    public void reckon(Instant now) {
        Schedule schedule = schedule();
        if (!autoRotation) {
            nextRotationAt = null;
        } else if (plannedAt != null) {
            nextRotationAt = plannedAt;
        } else {
            nextRotationAt = schedule == null
                    ? null
                    : schedule.next(lastRotatedAt == null ? now : lastRotatedAt, lastRotationManual);
        }
        dueAt = nextRotationAt;
    }

    /** Nothing is changed on schedule any more. */
    public void end() {
        autoRotation = false;
        leave();
    }

    /** What was planned is not done: the credential is ending. */
    public void leave() {
        plannedAt = null;
        nextRotationAt = null;
        dueAt = null;
    }

    /** Has somebody look then, whatever is planned. */
    public void look(Instant at) {
        dueAt = at;
    }

    // ---- What happens ---------------------------------------------------------------------------------------------

    /**
     * A new password is proven. Needs {@link #reckon} to say what is next.
     *
     * @param at of the moment, as it is to be shown
     */
    public void succeeded(Cause cause, Instant at) {
        lastRotatedAt = at;
        lastAttemptedAt = at;
        lastRotationManual = cause != Cause.SCHEDULE;
        lastStatus = Status.SUCCESS;
        lastMessage = null;
        failures = 0;
        plannedAt = cause == Cause.CREATION ? plannedAt : null;
    }

    /** A change waits for something and is tried again by itself. @param message ours, never driver text */
    public void waits(Instant at, String message) {
        lastAttemptedAt = at;
        lastMessage = message;
    }

    /**
     * A change has failed for good. What was asked for by hand counts in no wait, and moves none.
     *
     * @return when it is tried again; null when nothing is planned
     */
    public @Nullable Instant failed(Cause cause, Instant at, String message) {
        waits(at, message);
        lastStatus = Status.FAILED;
        if (cause != Cause.MANUAL) {
            failures++;
            if (dueAt != null) {
                dueAt = at.plus(pause(failures));
            }
        }
        return dueAt;
    }

    /** @param failures so far, from 1 @return less than the whole of it by up to a quarter, so that what failed together parts */
    static Duration pause(int failures) {
        return pause(failures, ThreadLocalRandom.current().nextDouble());
    }

    /** @param chance 0 to 1 */
    static Duration pause(int failures, double chance) {
        double full =
                Math.min(LONGEST_PAUSE.toMillis(), FIRST_PAUSE.toMillis() * Math.pow(2, Math.min(failures, 20) - 1));
        return Duration.ofMillis(Math.round(full * (0.75 + chance / 4)));
    }

    // ---- How it is ------------------------------------------------------------------------------------------------

    public @Nullable Instant nextRotationAt() {
        return nextRotationAt;
    }

    public @Nullable Instant dueAt() {
        return dueAt;
    }

    /** What the wire calls the next one: what failed is tried again when it is due, which is later than when it should have been. */
    public @Nullable Instant nextTryAt() {
        return nextRotationAt == null || dueAt == null || !dueAt.isAfter(nextRotationAt) ? nextRotationAt : dueAt;
    }

    public @Nullable Integer intervalDays() {
        return intervalDays;
    }

    public @Nullable Integer rotateAtMinute() {
        return rotateAtMinute;
    }

    public @Nullable Instant lastRotatedAt() {
        return lastRotatedAt;
    }

    public boolean lastRotationManual() {
        return lastRotationManual;
    }

    public @Nullable Instant lastAttemptedAt() {
        return lastAttemptedAt;
    }

    public @Nullable String lastStatus() {
        return lastStatus == null ? null : lastStatus.wireName();
    }

    public @Nullable String lastMessage() {
        return lastMessage;
    }
}
