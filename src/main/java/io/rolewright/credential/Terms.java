package io.rolewright.credential;

import io.rolewright.password.PasswordPolicy;

/**
 * On which terms a role's password is changed now.
 *
 * @param version of the credential, as its consumers see it; 0 before the first, and where the version of the role says so
 * @param takeover whether a marker of another store or rotation is replaced
 * @param allowPrivileged whether superuser and replication roles may be changed
 */
record Terms(long version, boolean takeover, boolean allowPrivileged, PasswordPolicy policy, DriftPolicy drift) {}
