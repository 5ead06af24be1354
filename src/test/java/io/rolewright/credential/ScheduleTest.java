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
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** When the next password is due, over all schedules and clocks. */
class ScheduleTest {

    private static final Duration DAY = Duration.ofDays(1);

    @Example
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

    @Example
    void refusesWhatIsNoSchedule() {
        assertThatThrownBy(() -> new Schedule(0, LocalTime.NOON)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Schedule(366, LocalTime.NOON)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Schedule(1, LocalTime.of(0, 0, 1))).isInstanceOf(IllegalArgumentException.class);
    }

    @Property
    void theNextTimeIsAtTheTimeOfDay(
            @ForAll("schedules") Schedule schedule, @ForAll("instants") Instant last, @ForAll boolean manual) {
        assertThat(schedule.next(last, manual).atZone(ZoneOffset.UTC).toLocalTime())
                .isEqualTo(schedule.at());
    }

    @Property
    void afterAChangeByHandAFullIntervalPassesAndHardlyMore(
            @ForAll("schedules") Schedule schedule, @ForAll("instants") Instant last) {
        Duration pause = Duration.between(last, schedule.next(last, true));

        assertThat(pause)
                .isGreaterThan(Duration.ofDays(schedule.intervalDays()))
                .isLessThanOrEqualTo(Duration.ofDays(schedule.intervalDays()).plus(DAY));
    }

    @Property
    void afterALateRunAtLeastHalfAnIntervalPasses(
            @ForAll("schedules") Schedule schedule, @ForAll("instants") Instant last) {
        Duration interval = Duration.ofDays(schedule.intervalDays());

        assertThat(Duration.between(last, schedule.next(last, false)))
                .isGreaterThanOrEqualTo(interval.dividedBy(2))
                .isLessThanOrEqualTo(interval.plus(DAY));
    }

    @Property
    void runsOnTimeKeepTheirDistanceForEver(
            @ForAll("schedules") Schedule schedule,
            @ForAll("instants") Instant start,
            @ForAll @LongRange(max = 11 * 3600) long lateSeconds) {
        Instant due = schedule.next(start, true);
        for (int run = 0; run < 20; run++) {
            Instant next =
                    schedule.next(sameDay(due, lateSeconds) ? due.plusSeconds(lateSeconds) : due.plusSeconds(1), false);
            assertThat(Duration.between(due, next)).isEqualTo(Duration.ofDays(schedule.intervalDays()));
            due = next;
        }
    }

    private static boolean sameDay(Instant due, long lateSeconds) {
        return due.truncatedTo(ChronoUnit.DAYS)
                .equals(due.plusSeconds(lateSeconds).truncatedTo(ChronoUnit.DAYS));
    }

    /** The loop of the service over a clock that goes on, stands still, jumps far ahead and back. */
    @Property
    void missedRunsAreMadeUpForOnceAndAClockThatJumpsStartsNoStorm(
            @ForAll("schedules") Schedule schedule,
            @ForAll("instants") Instant start,
            @ForAll("jumps") List<Duration> jumps) {
        MutableClock clock = MutableClock.at(start);
        Instant due = schedule.next(start, true);
        List<Instant> runs = new ArrayList<>();
        for (Duration jump : jumps) {
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
    }

    @Property
    void aLaterChangeIsNeverFollowedByAnEarlierOne(
            @ForAll("schedules") Schedule schedule,
            @ForAll("instants") Instant last,
            @ForAll @IntRange(min = 1, max = 100_000) int seconds,
            @ForAll boolean manual) {
        assertThat(schedule.next(last.plusSeconds(seconds), manual)).isAfterOrEqualTo(schedule.next(last, manual));
    }

    @Provide
    Arbitrary<Schedule> schedules() {
        return Combinators.combine(
                        Arbitraries.integers().between(1, Schedule.LONGEST_INTERVAL_DAYS),
                        Arbitraries.integers().between(0, 24 * 60 - 1))
                .as((days, minute) -> new Schedule(days, LocalTime.MIDNIGHT.plusMinutes(minute)));
    }

    @Provide
    Arbitrary<Instant> instants() {
        return Arbitraries.longs()
                .between(
                        Instant.parse("2020-01-01T00:00:00Z").toEpochMilli(),
                        Instant.parse("2060-01-01T00:00:00Z").toEpochMilli())
                .map(Instant::ofEpochMilli);
    }

    @Provide
    Arbitrary<List<Duration>> jumps() {
        return Arbitraries.longs()
                .between(-400L * 24 * 3600, 800L * 24 * 3600)
                .edgeCases(edges -> edges.add(0L, 1L, 60L, 24L * 3600))
                .map(Duration::ofSeconds)
                .list()
                .ofMaxSize(40);
    }
}
