package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import org.junit.jupiter.api.Test;

class PlanTest {

    private static final Instant NOW = Instant.parse("2026-11-27T16:00:00Z");

    private final Plan plan = new Plan();

    private void weekly() {
        plan.auto(true);
        plan.schedule(new Schedule(7, LocalTime.of(3, 30)));
        plan.succeeded(Cause.SCHEDULE, NOW);
        plan.reckon(NOW);
    }

    @Test
    void whatWasPlannedStaysPlannedWhileItFails() {
        weekly();
        Instant planned = Instant.parse("2026-12-04T03:30:00Z");
        assertThat(plan.nextRotationAt()).isEqualTo(planned).isEqualTo(plan.dueAt());

        Instant late = planned.plusSeconds(1);
        plan.failed(Cause.SCHEDULE, late, "no");

        assertThat(plan.nextRotationAt()).isEqualTo(planned);
        assertThat(plan.lastStatus()).isEqualTo("failed");
        assertThat(plan.nextTryAt())
                .isEqualTo(plan.dueAt())
                .isBetween(late.plusSeconds(675), late.plus(Duration.ofMinutes(15)));
    }

    @Test
    void failuresAreTriedLessAndLessOftenAndASuccessEndsThem() {
        weekly();
        Instant before = NOW;
        for (int failed = 1; failed <= 12; failed++) {
            Duration full = Duration.ofMinutes(Math.min(360, 15L << (failed - 1)));
            plan.failed(Cause.SCHEDULE, before, "no");
            assertThat(Duration.between(before, plan.dueAt()))
                    .isBetween(full.multipliedBy(3).dividedBy(4), full);
            before = plan.dueAt();
        }

        plan.succeeded(Cause.SCHEDULE, before);
        plan.reckon(before);
        assertThat(plan.dueAt()).isEqualTo(plan.nextRotationAt());
        plan.failed(Cause.SCHEDULE, before, "no");
        assertThat(Duration.between(before, plan.dueAt())).isLessThanOrEqualTo(Duration.ofMinutes(15));
    }

    @Test
    void whatIsAskedForByHandMovesNoTry() {
        weekly();
        Instant due = plan.dueAt();

        plan.failed(Cause.MANUAL, NOW, "no");
        assertThat(plan.dueAt()).isEqualTo(due);
        plan.failed(Cause.SCHEDULE, NOW, "no");
        assertThat(Duration.between(NOW, plan.dueAt())).isLessThanOrEqualTo(Duration.ofMinutes(15));
    }

    @Test
    void nothingIsPlannedWithoutASchedule() {
        plan.auto(true);
        plan.reckon(NOW);
        assertThat(plan.nextRotationAt()).isNull();
        plan.failed(Cause.MANAGED, NOW, "no");
        assertThat(plan.dueAt()).isNull();
    }

    @Test
    void aMomentThatWasChosenCountsOnce() {
        weekly();
        Instant chosen = NOW.plusSeconds(60);
        plan.choose(chosen);
        plan.reckon(NOW);
        assertThat(plan.dueAt()).isEqualTo(chosen);

        plan.succeeded(Cause.SCHEDULE, chosen);
        plan.reckon(chosen);
        assertThat(plan.dueAt()).isEqualTo(Instant.parse("2026-12-04T03:30:00Z"));
    }
}
