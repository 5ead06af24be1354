package io.rolewright.credential;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.credential.History.PastAttempt;
import io.rolewright.credential.History.PastVersion;
import io.rolewright.request.Page.Slice;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What the wire shows of what was done, the same for rotations and managed connections: who, when, why, how far it came. No passwords. */
public final class HistoryWire {

    private HistoryWire() {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(name = "RotationAttemptListResponse")
    public record Attempts(
            List<AttemptView> attempts,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.")
            String nextCursor) {

        public static Attempts of(Slice<PastAttempt> slice) {
            return new Attempts(slice.map(AttemptView::of).rows(), slice.nextCursor());
        }
    }

    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(name = "RotationVersionListResponse")
    public record Versions(
            List<VersionView> versions,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.")
            String nextCursor) {

        public static Versions of(Slice<PastVersion> slice) {
            return new Versions(slice.map(VersionView::of).rows(), slice.nextCursor());
        }
    }

    @Schema(name = "RotationAttempt", description = "One password change, including its retries.")
    public record AttemptView(
            UUID id,

            @Schema(description = "The role whose password is changed.", examples = "app_a")
            String username,

            @Schema(
                    description = "creation, schedule, manual, managed, target_went_back, reassert or revoke.",
                    examples = "manual")
            String cause,

            @Schema(description = "claimed, sent, done, parked or failed.", examples = "done")
            String state,

            @Schema(
                    description =
                            "The step that the latest try reached: claim, preflight, persist, apply, verify or promote.",
                    examples = "promote")
            String step,

            @Schema(examples = "1") int tries,

            @Schema(description = "Stable code of what blocks or blocked it.", nullable = true)
            String reason,

            @Schema(description = "SQLSTATE, if the server refused.", nullable = true)
            String sqlState,

            @Schema(nullable = true) String message,

            @Schema(description = "Who asked for it; null for the service itself.", nullable = true)
            UUID actorId,

            @Schema(nullable = true) String actorName,
            @Schema(nullable = true) String requestId,
            Instant startedAt,
            @Schema(nullable = true) Instant finishedAt,

            @Schema(description = "When it is tried again; null when it is not.", nullable = true)
            Instant nextTryAt) {

        public static AttemptView of(PastAttempt attempt) {
            return new AttemptView(
                    attempt.id(),
                    attempt.roleName(),
                    attempt.cause().wireName(),
                    attempt.state().wireName(),
                    attempt.step().wireName(),
                    attempt.tries(),
                    attempt.reason(),
                    attempt.sqlState(),
                    attempt.message(),
                    attempt.actor().id(),
                    attempt.actor().name(),
                    attempt.actor().requestId(),
                    attempt.startedAt(),
                    attempt.finishedAt(),
                    attempt.nextTryAt());
        }
    }

    @Schema(name = "RotationVersion", description = "One password of one role, without the password.")
    public record VersionView(
            UUID id,
            @Schema(examples = "app_a") String username,

            @Schema(description = "Counts the passwords of this role.", examples = "1")
            long number,

            @Schema(
                    description = "pending, in_doubt, applied, current, previous, retired or rejected.",
                    examples = "current")
            String state,

            @Schema(examples = "creation") String cause,
            Instant createdAt,
            @Schema(nullable = true) Instant inDoubtAt,
            @Schema(nullable = true) Instant appliedAt,
            @Schema(nullable = true) Instant currentAt,

            @Schema(description = "When another version replaced it.", nullable = true)
            Instant endedAt,

            @Schema(nullable = true) Instant rejectedAt) {

        public static VersionView of(PastVersion version) {
            return new VersionView(
                    version.id(),
                    version.roleName(),
                    version.number(),
                    version.state().wireName(),
                    version.cause().wireName(),
                    version.createdAt(),
                    version.inDoubtAt(),
                    version.appliedAt(),
                    version.currentAt(),
                    version.endedAt(),
                    version.rejectedAt());
        }
    }
}
