package io.rolewright.rotation;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Whether the roles of a rotation could be given new passwords, and what stands in the way.
 *
 * @param ok nothing stands in the way
 * @param problem of the connection itself; absent when its login succeeded
 * @param usage who reads it; absent for what does not exist yet, and for who may not delete it
 */
@RegisterForReflection
@JsonInclude(JsonInclude.Include.NON_NULL)
@Schema(
        name = "RotationPreflight",
        requiredProperties = {"ok", "roles"})
record RotationPreflight(
        boolean ok,
        Obstacle problem,
        @Schema(examples = "18.6") String serverVersion,
        List<Role> roles,

        @Schema(description = "Of a stored rotation, for callers that may delete it.") @Nullable
        RotationUsage usage) {

    RotationPreflight(boolean ok, @Nullable Obstacle problem, @Nullable String serverVersion, List<Role> roles) {
        this(ok, problem, serverVersion, roles, null);
    }

    RotationPreflight with(@Nullable RotationUsage known) {
        return new RotationPreflight(ok, problem, serverVersion, roles, known);
    }

    /**
     * The same, with a warning for each role that nobody can log in as any more before its rotation is due: a new password does not move
     * VALID UNTIL.
     *
     * @param next when the rotation is planned; absent where it is not
     */
    RotationPreflight beside(@Nullable Instant next) {
        return next == null
                ? this
                : new RotationPreflight(
                        ok,
                        problem,
                        serverVersion,
                        roles.stream().map(role -> role.beside(next)).toList(),
                        usage);
    }

    /** @param differences of its two roles, which are told with the second */
    RotationPreflight with(List<Obstacle> differences) {
        if (differences.isEmpty()) {
            return this;
        }
        List<Role> compared = new ArrayList<>(roles);
        compared.set(1, roles.get(1).with(differences));
        return new RotationPreflight(ok, problem, serverVersion, compared, usage);
    }

    /**
     * @param validUntil absent means for ever; a new password does not move it
     * @param warnings what stands in nobody's way and should be known before the change; absent when there is nothing
     */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "RotationPreflightRole",
            requiredProperties = {"username", "ok"})
    record Role(
            @Schema(examples = "app_a") String username,
            boolean ok,
            Instant validUntil,
            List<Obstacle> problems,

            @Schema(
                    description =
                            "Blocks nothing, and should be known before the change: clients that know no SCRAM; a VALID UNTIL that"
                                    + " comes before the planned rotation; or, with the"
                                    + " second of two roles that take turns, in what they are not alike (memberships, settings,"
                                    + " attributes, connection limit, VALID UNTIL).")
            @Nullable
            List<Obstacle> warnings) {

        private Role with(List<Obstacle> more) {
            List<Obstacle> all = new ArrayList<>(warnings == null ? List.of() : warnings);
            all.addAll(more);
            return new Role(username, ok, validUntil, problems, all);
        }

        private Role beside(Instant next) {
            return !ok || validUntil == null || !validUntil.isBefore(next)
                    ? this
                    : with(List.of(new Obstacle(
                            "valid_until_before_rotation",
                            "The role may not log in any more from " + validUntil
                                    + " on (VALID UNTIL), which is before its rotation at " + next
                                    + ", and a new password does not move that.",
                            null)));
        }
    }

    /**
     * @param code stable
     * @param sql the exact statement that helps; absent when no statement does
     */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(
            name = "RotationObstacle",
            requiredProperties = {"code", "message"})
    record Obstacle(
            @Schema(examples = "admin_option_missing") String code,
            String message,

            @Schema(
                    description = "The SQL statement that fixes it, to be run by a role with the rights to do so.",
                    examples = "GRANT app_a TO rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
            String sql) {}

    /**
     * Lets a rotation be made, or says all that stands in the way; the code is that of the first thing.
     *
     * @throws Problem 400
     */
    void require() {
        if (ok) {
            return;
        }
        if (problem != null) {
            throw Problem.of(ErrorCode.CONNECTION_TEST_FAILED, problem.message(), Map.of("reason", problem.code()));
        }
        List<Map<String, Object>> all = new ArrayList<>();
        roles.forEach(role -> role.problems().forEach(obstacle -> {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("role", role.username());
            each.put("code", obstacle.code());
            each.put("message", obstacle.message());
            if (obstacle.sql() != null) {
                each.put("sql", obstacle.sql());
            }
            all.add(each);
        }));
        Map<String, Object> first = all.get(0);
        throw Problem.of(
                ErrorCode.ofReason((String) first.get("code")),
                all.stream().map(RotationPreflight::sentence).collect(Collectors.joining(" ")),
                Map.of("problems", all));
    }

    /** With the statement that helps: some clients show nothing but the sentence. */
    private static String sentence(Map<String, Object> problem) {
        var sentence = problem.get("role") + ": " + problem.get("message");
        return problem.containsKey("sql") ? sentence + " Run on the server: " + problem.get("sql") + ";" : sentence;
    }
}
