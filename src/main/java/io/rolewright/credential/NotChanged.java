package io.rolewright.credential;

import io.rolewright.credential.ChangeOutcome.Obstacle;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An attempt did not come to its end while somebody waited for it: the one answer to that, whatever the credential is known by. How an
 * attempt ends is audited where it ends.
 */
public final class NotChanged extends Problem {

    private NotChanged(ErrorCode code, String message, Map<String, Object> details) {
        super(code, message, details, Map.of());
    }

    /**
     * Fails unless the new password is proven and current.
     *
     * @param failed the code of a change that definitely came to nothing
     * @param gone what to say if there is no such credential any more
     */
    public static void requireDone(ChangeOutcome outcome, ErrorCode failed, Supplier<? extends Problem> gone) {
        if (!(outcome instanceof ChangeOutcome.Done)) {
            throw of(outcome, failed, gone);
        }
    }

    /** @param outcome any but {@link ChangeOutcome.Done}; the others as for {@link #requireDone} */
    public static Problem of(ChangeOutcome outcome, ErrorCode failed, Supplier<? extends Problem> gone) {
        if (outcome instanceof ChangeOutcome.InDoubt doubt) {
            Map<String, Object> details = details(doubt.attemptId(), doubt.reason(), null, List.of());
            details.put("nextTryAt", doubt.nextTryAt());
            return new NotChanged(
                    ErrorCode.ROTATION_IN_DOUBT,
                    // Where nothing of ours opens the role, asking again alone brings no answer.
                    "A new password was sent and the server's answer is missing. The password is kept"
                            + (Stop.THIRD_PARTY.equals(doubt.reason())
                                    ? ": "
                                    : ", and the service asks again by itself: ")
                            + doubt.message(),
                    details);
        }
        if (outcome instanceof ChangeOutcome.Parked parked) {
            Map<String, Object> details =
                    details(parked.attemptId(), parked.reason(), parked.sqlState(), parked.obstacles());
            details.put("nextTryAt", parked.nextTryAt());
            return new NotChanged(
                    ErrorCode.ROTATION_FAILED,
                    "No new password is served yet; it is tried again by itself: " + parked.message()
                            + statements(parked.obstacles()),
                    details);
        }
        if (outcome instanceof ChangeOutcome.Failed why) {
            return new NotChanged(
                    failed,
                    "The password was not changed: " + why.message() + statements(why.obstacles()),
                    details(why.attemptId(), why.reason(), why.sqlState(), why.obstacles()));
        }
        return outcome instanceof ChangeOutcome.Gone ? gone.get() : inProgress();
    }

    /** 400 {@code rotation_in_progress}, to be tried again in a second. */
    public static Problem inProgress() {
        return new InProgress();
    }

    private static final class InProgress extends Problem {
        InProgress() {
            super(
                    ErrorCode.ROTATION_IN_PROGRESS,
                    "The password is being changed at this moment.",
                    Map.of(),
                    Map.of("Retry-After", "1"));
        }
    }

    /** In the sentence too, since some clients show nothing else. */
    private static String statements(List<Obstacle> obstacles) {
        var all = obstacles.stream()
                .map(Obstacle::sql)
                .filter(Objects::nonNull)
                .distinct()
                .map(sql -> sql + ";")
                .collect(Collectors.joining(" "));
        return all.isEmpty() ? "" : " Run on the server: " + all;
    }

    private static Map<String, Object> details(
            @Nullable UUID attempt, String reason, @Nullable String sqlState, List<Obstacle> obstacles) {
        Map<String, Object> details = new LinkedHashMap<>();
        if (attempt != null) {
            details.put("attemptId", attempt);
        }
        details.put("reason", reason);
        if (sqlState != null) {
            details.put("sqlState", sqlState);
        }
        if (!obstacles.isEmpty()) {
            details.put("problems", problems(obstacles));
        }
        return details;
    }

    /** By hand, as the executable knows no reflection on {@link Obstacle}. */
    private static List<Map<String, Object>> problems(List<Obstacle> obstacles) {
        List<Map<String, Object>> problems = new ArrayList<>();
        for (Obstacle each : obstacles) {
            Map<String, Object> problem = new LinkedHashMap<>();
            problem.put("code", each.code());
            problem.put("message", each.message());
            if (each.sql() != null) {
                problem.put("sql", each.sql());
            }
            problems.add(problem);
        }
        return problems;
    }
}
