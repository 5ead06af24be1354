package io.rolewright.work;

/** How a piece of work ended, as far as the next to the same receiver, target or Vault is concerned. */
public enum Went {
    THROUGH,
    /** By what is wrong with this piece alone. */
    REFUSED,
    /** By what every other piece would meet too. */
    TROUBLED
}
