/**
 * What runs by itself or by an operator's hand: the start-up steps, housekeeping, health, the {@code --migrate} and
 * {@code --command} options.
 *
 * <p>The process lives through whatever the world does: a store that is down, keys that do not open it or a missing
 * bootstrap identity leave it running and not ready, with the reason, and it goes on by itself when the reason is gone.
 * Start reading at {@code Startup}.
 */
@NullMarked
package io.rolewright.operations;

import org.jspecify.annotations.NullMarked;
