package io.rolewright.rotation;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** What the wire shows of many rotations at once: how the attempts that began lately have ended. */
@JsonInclude(JsonInclude.Include.ALWAYS)
@Schema(name = "RotationSummaryResponse", description = "Attempts that have ended, by the day on which they began.")
record RotationSummary(
        @Schema(description = "Start of the first day.") Instant since,

        @Schema(description = "Each day once, oldest first; the last is today.")
        List<Day> days,

        @Schema(description = "Attempts after which a new password was served or a role was revoked.", examples = "30")
        long done,

        @Schema(description = "Attempts that were given up; the old password remained.", examples = "1")
        long failed,

        @Schema(
                description = "Median duration of those done, including retries; null without any.",
                nullable = true,
                examples = "85")
        @Nullable
        Long medianMillis,

        @Schema(
                description = "95th percentile of the duration of those done; null without any.",
                nullable = true,
                examples = "310")
        @Nullable
        Long p95Millis,

        @Schema(
                description = "How many rotations there are now, by status; a status that none has is left out.",
                examples = "{\"ok\": 290, \"failed\": 2}")
        Map<String, Long> rotations,

        @Schema(
                description = "How many connections there are now, by status; a status that none has is left out.",
                examples = "{\"ok\": 2000, \"test_failed\": 1}")
        Map<String, Long> connections,

        @Schema(description = "How many of the connections have a password that is managed.", examples = "12")
        long managedConnections,

        @Schema(description = "The next ten planned changes that are not overdue, the soonest first.")
        List<Planned> upcoming,

        @Schema(
                description =
                        "When the attempts were counted: now, or in the last 30 seconds where there are very many. All else is of now.")
        Instant attemptsCountedAt) {

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "PlannedRotation")
    record Planned(
            @Schema(enumeration = {"rotation", "connection"})
            String kind,

            UUID id,
            @Schema(examples = "orders-db") String name,

            @Schema(description = "Null of what belongs to the organisation.", nullable = true) @Nullable
            String projectName,

            Instant nextRotationAt) {}

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "RotationSummaryDay")
    record Day(
            @Schema(implementation = String.class, format = "date", examples = "2026-11-23")
            LocalDate date,

            @Schema(examples = "3") long done,
            @Schema(examples = "0") long failed) {}
}
