/**
 * Rotations of type {@code postgres-credentials} on the wire of the reference: which roles get new passwords, when, by which
 * strategy, and under which names the result is served.
 *
 * <p>The invariant: what a rotation serves is always a password that a login has proven, and it changes only in the store
 * transaction that makes another one current. How a password is changed is {@code credential}'s matter. Read {@code Rotations} first;
 * {@code RotationTurn} picks the role whose turn it is; what follows from a changed password is written by {@code credential}.
 */
package io.rolewright.rotation;
