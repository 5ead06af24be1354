package io.rolewright.audit;

/** How an audited act ended. */
public enum Outcome {
    SUCCESS,
    /** Not allowed: no or a wrong credential, or a right that the caller lacks. */
    REFUSED,
    /** Allowed and tried, but it did not come about. */
    FAILED
}
