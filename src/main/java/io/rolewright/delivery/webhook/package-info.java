/**
 * Telling receivers outside what happens to rotations and connections of a project.
 *
 * <p>The invariant: a fact is told at least once or ends as a dead letter that can be seen, and facts of one rotation in order; no
 * password is ever in it. Read {@link io.rolewright.delivery.webhook.Courier} first.
 */
package io.rolewright.delivery.webhook;
