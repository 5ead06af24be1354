/**
 * A PostgreSQL server that we do not own: how it is reached, what a login showed, what may be done there.
 *
 * <p>The one invariant: a target is hostile until proven otherwise. Every wait is bounded by a {@link
 * io.rolewright.target.Deadline}, every address is checked before it is dialled, no driver text leaves this package, and a
 * server that stalls, drips or floods loses its socket without harming a neighbour's session. Start reading at {@link
 * io.rolewright.target.Targets}.
 */
@NullMarked
package io.rolewright.target;

import org.jspecify.annotations.NullMarked;
