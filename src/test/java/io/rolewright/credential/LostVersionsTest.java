package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.store.StorePulse.Doubt;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class LostVersionsTest {

    private static final Instant MADE = Instant.parse("2026-11-28T02:00:00Z");
    private static final Doubt NONE = new Doubt(null, null, null);

    @Test
    void aStoreThatForgotNothingCountsOn() {
        assertThat(LostVersions.above(7, MADE, NONE, null)).isEqualTo(7);
        assertThat(LostVersions.above(7, MADE, NONE, MADE.plusSeconds(5))).isEqualTo(7);
        assertThat(LostVersions.above(7, MADE, new Doubt(at(600), null, null), null))
                .as("silence alone")
                .isEqualTo(7);
        assertThat(LostVersions.above(7, MADE, new Doubt(null, at(-600), "sign"), MADE.minusSeconds(1)))
                .as("made since")
                .isEqualTo(7);
    }

    @Test
    void afterASetbackItLeavesOutWhatMayHaveBeenGivenOut() {
        assertThat(LostVersions.above(7, MADE, new Doubt(null, at(600), "sign"), null))
                .isEqualTo(7 + 1000 + 6000);
        assertThat(LostVersions.above(7, MADE, new Doubt(at(600), at(60), "sign"), null))
                .isEqualTo(7 + 1000 + 600);
    }

    @Test
    void afterSilenceOnlyWhereTheServerRefuses() {
        assertThat(LostVersions.above(7, MADE, new Doubt(at(600), null, null), MADE.plusSeconds(601)))
                .isEqualTo(7 + 1000 + 6000);
        assertThat(LostVersions.above(7, MADE, new Doubt(at(600), null, null), MADE.plusSeconds(599)))
                .as("refused before")
                .isEqualTo(7);
    }

    @Test
    void whatWasNeverServedCountsFromOne() {
        assertThat(LostVersions.above(0, MADE, new Doubt(null, at(600), "sign"), null))
                .isZero();
    }

    private static OffsetDateTime at(int seconds) {
        return MADE.plusSeconds(seconds).atOffset(ZoneOffset.UTC);
    }
}
