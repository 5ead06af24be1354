/**
 * Writing the credentials of rotations to Vault's KV engine, version 2.
 *
 * <p>The invariant: no older credential is ever written over a newer one, and nothing over what is not the rotation's own, however many
 * processes write, die or stand still on the way. Read {@link io.rolewright.delivery.vault.VaultCourier} first; which rotations are to be
 * written, and how far that is, keeps {@code rotation.VaultDeliveries}.
 */
@NullMarked
package io.rolewright.delivery.vault;

import org.jspecify.annotations.NullMarked;
