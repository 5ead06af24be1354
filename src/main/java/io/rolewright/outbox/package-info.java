/**
 * Facts that must leave the service, written in the transaction that made them true.
 *
 * <p>The one invariant: a fact is in the store exactly when what it says is. Read {@link io.rolewright.outbox.Outbox} first.
 */
@NullMarked
package io.rolewright.outbox;

import org.jspecify.annotations.NullMarked;
