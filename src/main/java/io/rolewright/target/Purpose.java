package io.rolewright.target;

/** For whom a session is opened. One session per target is kept for due work, so that no flood of tests delays a rotation. */
public enum Purpose {
    /** Somebody waits for an answer over HTTP. */
    REQUEST,
    /** A rotation, recovery or probe that is due. */
    DUE_WORK
}
