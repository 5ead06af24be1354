/**
 * The ports as strangers see them: who may be connected, for how long, and how much of what is sent is read. All of it is decided before
 * a request meets its endpoint.
 *
 * <p>Start reading at {@link io.rolewright.listener.Peers} (connections), {@link io.rolewright.listener.MemoryBudget} (memory) and
 * {@link io.rolewright.listener.Operations} (bodies).
 */
@NullMarked
package io.rolewright.listener;

import org.jspecify.annotations.NullMarked;
