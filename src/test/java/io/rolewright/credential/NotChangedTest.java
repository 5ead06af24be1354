package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.credential.ChangeOutcome.Obstacle;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** One outcome has one answer, whatever the credential is known by. */
class NotChangedTest {

    private static final UUID ATTEMPT = new UUID(1, 2);
    private static final Instant NEXT = Instant.parse("2026-11-27T16:00:00Z");
    private static final Obstacle OBSTACLE =
            new Obstacle("admin_option_missing", "The role may not.", "GRANT app TO us WITH ADMIN OPTION");

    private static Problem answer(ChangeOutcome outcome) {
        return NotChanged.of(
                outcome, ErrorCode.ROTATION_FAILED, () -> Problem.of(ErrorCode.ROTATION_NOT_FOUND, "Gone."));
    }

    @Test
    void whatStandsInTheWayIsNamedWithTheStatementThatHelps() {
        Problem failed = answer(
                new ChangeOutcome.Failed(ATTEMPT, "admin_option_missing", "42501", "It may not.", List.of(OBSTACLE)));

        assertThat(failed.status()).isEqualTo(400);
        assertThat(failed.code()).isEqualTo("rotation_failed");
        assertThat(failed.details())
                .isEqualTo(Map.of(
                        "attemptId",
                        ATTEMPT,
                        "reason",
                        "admin_option_missing",
                        "sqlState",
                        "42501",
                        "problems",
                        List.of(Map.of(
                                "code", OBSTACLE.code(), "message", OBSTACLE.message(), "sql", OBSTACLE.sql()))));
    }

    @Test
    void whatIsTriedAgainSaysWhen() {
        Problem parked =
                answer(new ChangeOutcome.Parked(ATTEMPT, "connection_refused", null, "Nobody.", NEXT, List.of()));
        Problem doubt = answer(new ChangeOutcome.InDoubt(ATTEMPT, "answer_missing", "No answer.", NEXT));

        assertThat(parked.status()).isEqualTo(400);
        assertThat(parked.code()).isEqualTo("rotation_failed");
        assertThat(parked.details())
                .isEqualTo(Map.of("attemptId", ATTEMPT, "reason", "connection_refused", "nextTryAt", NEXT));
        assertThat(doubt.status()).isEqualTo(504);
        assertThat(doubt.code()).isEqualTo("rotation_in_doubt");
        assertThat(doubt.details())
                .isEqualTo(Map.of("attemptId", ATTEMPT, "reason", "answer_missing", "nextTryAt", NEXT));
    }

    @Test
    void whatIsUnderWayIsWorthAskingForInASecond() {
        Problem underWay = answer(new ChangeOutcome.InProgress());

        assertThat(underWay.code()).isEqualTo("rotation_in_progress");
        assertThat(underWay.headers()).containsEntry("Retry-After", "1");
    }

    @Test
    void aTakeoverAndWhatIsGoneHaveWordsOfTheirOwn() {
        Problem takeover = NotChanged.of(
                new ChangeOutcome.Failed(ATTEMPT, "refused", null, "No.", List.of()),
                ErrorCode.MANAGED_CREDENTIALS_FAILED,
                () -> Problem.of(ErrorCode.NOT_MANAGED, "It is not."));

        assertThat(takeover.code()).isEqualTo("managed_credentials_failed");
        assertThatThrownBy(() -> NotChanged.requireDone(
                        new ChangeOutcome.Gone(),
                        ErrorCode.ROTATION_FAILED,
                        () -> Problem.of(ErrorCode.NOT_MANAGED, "It is not.")))
                .isInstanceOfSatisfying(
                        Problem.class, gone -> assertThat(gone.code()).isEqualTo("not_managed"));
        assertThatCode(() -> NotChanged.requireDone(
                        new ChangeOutcome.Done(ATTEMPT, ATTEMPT, 2),
                        ErrorCode.ROTATION_FAILED,
                        () -> Problem.of(ErrorCode.ROTATION_NOT_FOUND, "Gone.")))
                .doesNotThrowAnyException();
    }
}
