package io.rolewright.credential;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneOffset;

/**
 * When a password is due for its next change: every so many days at one time of day, as the reference counts it.
 *
 * <p>Counted from what happened last, so runs that were missed are made up for once and not one by one.
 *
 * @param intervalDays 1 to 365
 * @param at time of day in UTC, which has no summer time; whole minutes
 */
public record Schedule(int intervalDays, LocalTime at) {

    public static final int LONGEST_INTERVAL_DAYS = 365;

    public Schedule {
        if (intervalDays < 1 || intervalDays > LONGEST_INTERVAL_DAYS) {
            throw new IllegalArgumentException("an interval is 1 to 365 days: " + intervalDays);
        }
        if (at.getSecond() != 0 || at.getNano() != 0) {
            throw new IllegalArgumentException("a time of day has whole minutes: " + at);
        }
    }

    /**
     * The day of the last change plus the interval, at the time of day. It is a day later where the time would come too
     * short: after a change by hand (creation included) a full interval passes, and after a scheduled one that ran late at
     * least half of it, or a daily rotation that ran at 23:59 instead of 00:00 would be followed by the next within a minute.
     *
     * @param lastChange when the last password became current
     * @param manual whether somebody asked for that change
     * @return later than {@code lastChange}, by at most one day more than the interval
     */
    public Instant next(Instant lastChange, boolean manual) {
        LocalDate day = lastChange.atZone(ZoneOffset.UTC).toLocalDate();
        Instant next = day.plusDays(intervalDays).atTime(at).toInstant(ZoneOffset.UTC);
        Duration interval = Duration.ofDays(intervalDays);
        Duration least = manual ? interval.plusNanos(1) : interval.dividedBy(2);
        return Duration.between(lastChange, next).compareTo(least) < 0 ? next.plus(Duration.ofDays(1)) : next;
    }
}
