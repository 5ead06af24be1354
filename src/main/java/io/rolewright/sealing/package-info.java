/**
 * Encryption at rest. Records are sealed with data keys (AES-256-GCM), data keys lie in the store wrapped by a root key,
 * and the root key comes from outside: a store that is stolen without it is worth nothing.
 *
 * <p>The invariant: a sealed value opens only as the field, record and version it was sealed for. Start reading at {@link
 * io.rolewright.sealing.Sealer}; what happens at start is in {@code StoreOpener}, how keys are changed while the store is in use in
 * {@link io.rolewright.sealing.KeyCommands}.
 */
@NullMarked
package io.rolewright.sealing;

import org.jspecify.annotations.NullMarked;
