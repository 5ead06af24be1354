package io.rolewright.credential;

import java.util.Locale;

/** Why a role's password is changed. Stored by name. */
public enum Cause {
    /** The owner is being created: somebody waits, and nothing shall stay behind if it fails. */
    CREATION,
    SCHEDULE,
    /** Somebody asked for it and waits. */
    MANUAL,
    /** A connection's own password comes under management: somebody waits. */
    MANAGED,
    /** A password that a human has chosen: the one that the role had when management began, or one that he sent since and that logged in. */
    ADOPTED,
    /** The target was found with an older password of ours (failover, restore): the current one is applied again. */
    TARGET_WENT_BACK,
    /** A third party changed the password and the owner's policy is to put ours back. */
    REASSERT,
    /** The owner is deleted and its role gets a password that nobody is given. */
    REVOKE;

    /** Whether the current password is applied again instead of a new one. */
    boolean reapplies() {
        return this == TARGET_WENT_BACK || this == REASSERT;
    }

    /** Whether somebody waits for the answer: what has changed nothing then ends instead of being tried again behind his back. */
    boolean awaited() {
        return this == CREATION || this == MANUAL || this == MANAGED;
    }

    /** As answers and metrics show it. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
