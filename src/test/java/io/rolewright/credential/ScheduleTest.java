package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/**
 * When the next password is due, over a thousand schedules and clocks. The same seed gives the same ones; others:
 * {@code ./mvnw test -Dtest=ScheduleTest -Dschedule.seed=7}
 */
class ScheduleTest {

    private static final long SEED = Long.getLong("schedule.seed", 20261127);

    private static final int CASES = 1000;

    private static final Duration DAY = Duration.ofDays(1);

    private static final Instant FIRST = Instant.parse("2020-01-01T00:00:00Z");

    private static final Instant LAST = Instant.parse("2060-01-01T00:00:00Z");

    @Test
    void countsAsTheReferenceDoes() {
        Schedule monthly = new Schedule(30, LocalTime.of(2, 30));

        assertThat(monthly.next(Instant.parse("2026-03-01T02:30:07Z"), false))
                .as("scheduled, run on time")
                .isEqualTo("2026-03-31T02:30:00Z");
        assertThat(monthly.next(Instant.parse("2026-03-01T02:29:59Z"), true))
                .as("by hand, before the time of day")
                .isEqualTo("2026-03-31T02:30:00Z");
        assertThat(monthly.next(Instant.parse("2026-03-01T02:30:00Z"), true))
                .as("by hand, at the time of day: one day more")
                .isEqualTo("2026-04-01T02:30:00Z");
        assertThat(new Schedule(1, LocalTime.MIDNIGHT).next(Instant.parse("2026-03-01T23:59:30Z"), false))
                .as("daily, a day late")
                .isEqualTo("2026-03-03T00:00:00Z");
    }

    @Test
    void refusesWhatIsNoSchedule() {
        assertThatThrownBy(() -> new Schedule(0, LocalTime.NOON)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Schedule(366, LocalTime.NOON)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Schedule(1, LocalTime.of(0, 0, 1))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theNextTimeIsAtTheTimeOfDay() {
        always(any -> {
            Schedule schedule = schedule(any);

            Instant next = schedule.next(instant(any), any.nextBoolean());

            assertThat(next.atZone(ZoneOffset.UTC).toLocalTime()).isEqualTo(schedule.at());
        });
    }

    @Test
    void afterAChangeByHandAFullIntervalPassesAndHardlyMore() {
        always(any -> {
            Schedule schedule = schedule(any);
            Instant last = instant(any);

            Duration pause = Duration.between(last, schedule.next(last, true));

            assertThat(pause)
                    .isGreaterThan(Duration.ofDays(schedule.intervalDays()))
                    .isLessThanOrEqualTo(
                            Duration.ofDays(schedule.intervalDays()).plus(DAY));
        });
    }

    @Test
    void afterALateRunAtLeastHalfAnIntervalPasses() {
        always(any -> {
            Schedule schedule = schedule(any);
            Instant last = instant(any);
            Duration interval = Duration.ofDays(schedule.intervalDays());

            assertThat(Duration.between(last, schedule.next(last, false)))
                    .isGreaterThanOrEqualTo(interval.dividedBy(2))
                    .isLessThanOrEqualTo(interval.plus(DAY));
        });
    }

    @Test
    void runsOnTimeKeepTheirDistanceForEver() {
        always(any -> {
            Schedule schedule = schedule(any);
            Instant due = schedule.next(instant(any), true);
            long lateSeconds = among(any, 0, 11 * 3600);
            for (int run = 0; run < 20; run++) {
                Instant next = schedule.next(
                        sameDay(due, lateSeconds) ? due.plusSeconds(lateSeconds) : due.plusSeconds(1), false);
                assertThat(Duration.between(due, next)).isEqualTo(Duration.ofDays(schedule.intervalDays()));
                due = next;
            }
        });
    }

    private static boolean sameDay(Instant due, long lateSeconds) {
        return due.truncatedTo(ChronoUnit.DAYS)
                .equals(due.plusSeconds(lateSeconds).truncatedTo(ChronoUnit.DAYS));
    }

    /** The loop of the service over a clock that goes on, stands still, jumps far ahead and back. */
    @Test
    void missedRunsAreMadeUpForOnceAndAClockThatJumpsStartsNoStorm() {
        always(any -> {
            Schedule schedule = schedule(any);
            Instant start = instant(any);
            MutableClock clock = MutableClock.at(start);
            Instant due = schedule.next(start, true);
            List<Instant> runs = new ArrayList<>();
            for (Duration jump : jumps(any)) {
                clock.tick(jump);
                for (int poll = 0; poll < 5; poll++) { // so many polls before the clock moves again
                    if (!clock.instant().isBefore(due)) {
                        runs.add(clock.instant());
                        due = schedule.next(clock.instant(), false);
                    }
                }
            }
            assertThat(runs).doesNotHaveDuplicates();
            for (int i = 1; i < runs.size(); i++) {
                assertThat(Duration.between(runs.get(i - 1), runs.get(i)))
                        .as("between two runs")
                        .isGreaterThanOrEqualTo(Duration.ofHours(12).multipliedBy(schedule.intervalDays()));
            }
            // However long nobody looked, what is due is done at the first look.
            clock.set(due.plus(Duration.ofDays(5000)));
            assertThat(clock.instant()).isAfterOrEqualTo(due);
            assertThat(schedule.next(clock.instant(), false)).isAfter(clock.instant());
        });
    }

    @Test
    void aLaterChangeIsNeverFollowedByAnEarlierOne() {
        always(any -> {
            Schedule schedule = schedule(any);
            Instant last = instant(any);
            boolean manual = any.nextBoolean();

            assertThat(schedule.next(last.plusSeconds(among(any, 1, 100_000)), manual))
                    .isAfterOrEqualTo(schedule.next(last, manual));
        });
    }

    // ---- Cases

    /** Each case has a generator of its own, so that the one that fails can be looked at alone. */
    private static void always(Consumer<RandomGenerator> property) {
        for (int number = 0; number < CASES; number++) {
            try {
                property.accept(new SplittableRandom(SEED + number));
            } catch (RuntimeException | AssertionError failure) {
                throw new AssertionError(
                        "fails with -Dschedule.seed=" + (SEED + number) + ": " + failure.getMessage(), failure);
            }
        }
    }

    /** From {@code least} to {@code most}; the ends, where faults live, are more likely than others. */
    private static long among(RandomGenerator any, long least, long most) {
        return switch (any.nextInt(10)) {
            case 0 -> least;
            case 1 -> most;
            default -> any.nextLong(least, most + 1);
        };
    }

    private static Schedule schedule(RandomGenerator any) {
        int days = (int) among(any, 1, Schedule.LONGEST_INTERVAL_DAYS);
        return new Schedule(days, LocalTime.MIDNIGHT.plusMinutes(among(any, 0, 24 * 60 - 1)));
    }

    /** To the millisecond, and often just at, before or after the minute, where a schedule decides. */
    private static Instant instant(RandomGenerator any) {
        Instant some = Instant.ofEpochMilli(among(any, FIRST.toEpochMilli(), LAST.toEpochMilli()));
        return any.nextInt(4) == 0 ? some.truncatedTo(ChronoUnit.MINUTES).plusMillis(any.nextInt(3) - 1L) : some;
    }

    private static List<Duration> jumps(RandomGenerator any) {
        long[] small = {0, 1, 60, 24 * 3600};
        return LongStream.generate(() -> any.nextInt(4) == 0
                        ? small[any.nextInt(small.length)]
                        : among(any, -400L * 24 * 3600, 800L * 24 * 3600))
                .limit(any.nextInt(41))
                .mapToObj(Duration::ofSeconds)
                .toList();
    }
}
