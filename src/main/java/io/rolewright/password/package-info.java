/**
 * New passwords to a policy, and what PostgreSQL keeps of a password.
 *
 * <p>The one invariant: an {@code ALTER ROLE} carries a SCRAM secret made here, never a password. Start reading at {@link
 * io.rolewright.password.ScramSecret}.
 */
@NullMarked
package io.rolewright.password;

import org.jspecify.annotations.NullMarked;
