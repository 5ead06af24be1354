/**
 * {@code Idempotency-Key}: a request that is sent again because its reply got lost takes effect once.
 *
 * <p>The invariant: the effect in the store and the kept reply commit in one transaction. Start reading at {@link
 * io.rolewright.idempotency.Idempotency}.
 */
@NullMarked
package io.rolewright.idempotency;

import org.jspecify.annotations.NullMarked;
