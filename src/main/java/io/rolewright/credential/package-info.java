/**
 * Gives roles on targets new passwords without losing one: claim, preflight, persist, apply fenced, verify, promote (docs/decisions/0012).
 *
 * <p>The invariant: whatever password a target may have taken stands sealed in the store before the first byte of its {@code ALTER
 * ROLE} is sent, and none becomes current before a login proved it. Recovery is no other procedure: whoever claims a role next sends
 * the same password again under a higher epoch. Read {@link io.rolewright.credential.PasswordChanges} first; {@code Run} is the
 * procedure, {@code Ledger} its transactions. {@link io.rolewright.credential.Plan} says when a change comes by itself; {@code
 * Credential} is what a rotation and a managed connection have in common.
 */
package io.rolewright.credential;
