/**
 * Who is calling and what they may do: machine identities, their logins and access tokens, projects.
 *
 * <p>The invariant: every REST endpoint needs a valid access token unless it carries {@link Public}. {@code Guard}
 * enforces it in one place, endpoints then ask {@link CurrentCaller} who it is and {@link Rights} whether they may.
 * Nothing in the store lets a thief log in: client secrets stand there as keyed hashes, signing keys are sealed. Start
 * reading at {@code Guard}, then {@code Logins}.
 */
@NullMarked
package io.rolewright.access;

import org.jspecify.annotations.NullMarked;
