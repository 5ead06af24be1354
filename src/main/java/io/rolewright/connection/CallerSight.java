package io.rolewright.connection;

import io.rolewright.access.Caller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.Sight;

/** What a refusal may name: what the caller could read anyway. */
public final class CallerSight {

    private CallerSight() {}

    public static Sight of(Caller caller) {
        return (kind, project) -> Rights.allows(
                caller, kind.equals(ManagedRoles.CONNECTION) ? Right.CONNECTION_READ : Right.ROTATION_READ, project);
    }
}
