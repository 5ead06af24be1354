/**
 * Which addresses this service may reach on behalf of a caller.
 *
 * <p>The one invariant: what is dialled is an address that was checked, not a name that is looked up again. Start reading at
 * {@link io.rolewright.target.address.AddressGuard}.
 */
@NullMarked
package io.rolewright.target.address;

import org.jspecify.annotations.NullMarked;
