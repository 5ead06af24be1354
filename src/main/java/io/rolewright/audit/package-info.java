/**
 * The append-only record of who did what, failures and refusals included.
 *
 * <p>The invariant: a row is written once and never changed, and holds names and ids only, never a secret. Start reading
 * at {@link io.rolewright.audit.AuditLog}.
 */
@NullMarked
package io.rolewright.audit;

import org.jspecify.annotations.NullMarked;
