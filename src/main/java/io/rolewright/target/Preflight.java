package io.rolewright.target;

import io.vertx.sqlclient.Row;
import org.jspecify.annotations.Nullable;

/**
 * What was found before a role is touched. Nothing was changed.
 *
 * @param report of the managing role's login and the one managed role
 * @param fence the marker in the role's comment; absent when it has none
 * @param unmark the statement that takes every marker out of the role's comment and leaves the rest; absent with the fence
 * @param iterations for the new SCRAM secret: the server's {@code scram_iterations}, 4096 before version 16
 * @param refusal what the server said to the rehearsed ALTER ROLE; absent when it would do it, or when the report already says no
 * @param oid the server's number for the role, which a new role of the same name does not get; absent where there is no such role
 * @param renamed the role with the number that was asked for, if it has another name by now; absent when it has not, or is gone
 */
public record Preflight(
        TargetReport report,
        @Nullable Fence fence,
        @Nullable String unmark,
        int iterations,
        TargetFailure.@Nullable StatementRefused refusal,
        @Nullable Long oid,
        @Nullable Renamed renamed) {

    /** @param sql the statement that gives it its old name back, quoted by the server */
    public record Renamed(String name, String sql) {}

    /** Through a pooler nothing is seen of the role. */
    static Preflight pooled(TargetReport report, int iterations) {
        return new Preflight(report, null, null, iterations, null, null, null);
    }

    /** @param about as {@link FencedApply#about} has found it */
    static Preflight of(TargetReport report, Row about, TargetFailure.@Nullable StatementRefused refusal) {
        String name = about.getString("renamed");
        return new Preflight(
                report,
                FencedApply.fence(about),
                about.getString("unmark"),
                about.getInteger("iterations"),
                refusal,
                about.getLong("oid"),
                name == null ? null : new Renamed(name, about.getString("rename_back")));
    }

    /** Whether the change can be tried. */
    public boolean clear() {
        return report.ok() && refusal == null;
    }
}
