package io.rolewright.credential;

import java.util.Locale;

/**
 * States of a password version. Stored by name; the store holds at most one unfinished version and at most one {@link #CURRENT} of a role.
 *
 * <table>
 * <caption>How a version gets from state to state</caption>
 * <tr><th>from</th><th>to</th><th>when</th></tr>
 * <tr><td>none</td><td>PENDING</td><td>generated, sealed and committed; nothing was sent</td></tr>
 * <tr><td>PENDING</td><td>IN_DOUBT</td><td>a send ended without a definite answer. PENDING that is found after a crash is treated the
 *     same</td></tr>
 * <tr><td>PENDING, IN_DOUBT</td><td>APPLIED</td><td>the target acknowledged COMMIT of this version, and the proof is missing</td></tr>
 * <tr><td>PENDING, IN_DOUBT, APPLIED</td><td>CURRENT</td><td>a fresh login proved it; the former CURRENT becomes PREVIOUS in the same
 *     transaction</td></tr>
 * <tr><td>APPLIED</td><td>APPLIED</td><td>the proof failed: the attempt is parked with the reason, and a later one applies the same version
 *     again and proves it</td></tr>
 * <tr><td>PENDING, IN_DOUBT, APPLIED</td><td>REJECTED</td><td>every send of it was definitely refused, or CURRENT was applied again over it
 *     under a newer epoch and proven. A failed login disproves nothing while a late statement may still commit; SQLSTATE 42501, 42704 and 25006 never
 *     reject a version, they park the attempt</td></tr>
 * <tr><td>CURRENT</td><td>PREVIOUS</td><td>another version became CURRENT</td></tr>
 * <tr><td>PREVIOUS</td><td>RETIRED</td><td>a later version became PREVIOUS; it is kept sealed in the history</td></tr>
 * </table>
 */
public enum VersionState {
    /** Sealed in the store before the first byte was sent. */
    PENDING,
    /** Sent, and the answer is missing. */
    IN_DOUBT,
    /** The target has taken it; no login has proven it yet. */
    APPLIED,
    /** Proven, and served. */
    CURRENT,
    /** Was CURRENT before the present one; with two roles it still works. */
    PREVIOUS,
    /** Was PREVIOUS; kept for a target that goes back in time. */
    RETIRED,
    /** Never became CURRENT, and the target does not have it. */
    REJECTED;

    /** Whether the target may have it although no login has proven it. */
    boolean unfinished() {
        return this == PENDING || this == IN_DOUBT || this == APPLIED;
    }

    /** What the table says. */
    boolean leadsTo(VersionState to) {
        return switch (to) {
            case PENDING -> false;
            case IN_DOUBT -> this == PENDING;
            case APPLIED, CURRENT, REJECTED -> unfinished();
            case PREVIOUS -> this == CURRENT;
            case RETIRED -> this == PREVIOUS;
        };
    }

    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
