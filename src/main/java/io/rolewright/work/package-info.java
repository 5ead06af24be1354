/**
 * How due work is carried out, whatever it is: claimed as there is room, side by side, and carefully where there was trouble.
 *
 * <p>The invariant: what is claimed is begun at once, so a claim's lease never runs while its work waits for a turn. Start reading at {@link
 * io.rolewright.work.Lanes}.
 */
@NullMarked
package io.rolewright.work;

import org.jspecify.annotations.NullMarked;
