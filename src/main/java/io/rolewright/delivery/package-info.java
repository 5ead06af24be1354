/**
 * Getting rotated credentials to those who log in with them: as secrets on the wire that Infisical's clients read.
 *
 * <p>The invariant: every answer is read from the store when it is asked for, so that no replica serves an older version than another one
 * already has. Read {@code Secrets} first.
 */
package io.rolewright.delivery;
