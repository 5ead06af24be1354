/**
 * Gives roles on targets new passwords without losing one: claim, preflight, persist, apply fenced, verify, promote.
 * {@code docs/architecture.md} explains the protocol, {@link io.rolewright.credential.VersionState} has the states.
 *
 * <p>The invariant: whatever password a target may have taken stands sealed in the store before the first byte of its {@code ALTER
 * ROLE} is sent, and none becomes current before a login proved it. Recovery is no other procedure: whoever claims a role next sends
 * the same password again under a higher epoch. Read {@link io.rolewright.credential.PasswordChanges} first; {@code Run} is the
 * procedure, {@code CredentialStore} its transactions.
 */
package io.rolewright.credential;
