package io.rolewright.target;

import org.jspecify.annotations.Nullable;

/**
 * What was found before a role is touched. Nothing was changed.
 *
 * @param report of the managing role's login and the one managed role
 * @param fence the marker in the role's comment; absent when it has none
 * @param unmark the statement that takes every marker out of the role's comment and leaves the rest; absent with the fence
 * @param iterations for the new SCRAM secret: the server's {@code scram_iterations}, 4096 before version 16
 * @param refusal what the server said to the rehearsed ALTER ROLE; absent when it would do it, or when the report already says no
 */
public record Preflight(
        TargetReport report,
        @Nullable Fence fence,
        @Nullable String unmark,
        int iterations,
        TargetFailure.@Nullable StatementRefused refusal) {

    /** Whether the change can be tried. */
    public boolean clear() {
        return report.ok() && refusal == null;
    }
}
