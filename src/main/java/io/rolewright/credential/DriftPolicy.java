package io.rolewright.credential;

/** What is done when a third party has changed a managed password. */
public enum DriftPolicy {
    /** It is said, and nothing is done. */
    REPORT,
    /** Ours is put back. */
    REASSERT
}
