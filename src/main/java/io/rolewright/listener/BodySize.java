package io.rolewright.listener;

/** How large the body of an operation may be. Strangers can send those that need no token, so they are as small as their content allows. */
enum BodySize {
    /** No body is needed. Real clients send a small one with DELETE. */
    NONE(4),
    /** An id with its secret, or one token of ours. No token is needed. */
    LOGIN(4),
    /** A token of somebody else, up to 16,384 characters. No token of ours is needed. */
    FOREIGN_TOKEN(20),
    /** Names, texts and short lists. */
    FORM(16),
    /** CA certificates of up to 256 KiB in PEM, with a client certificate and its key. */
    PEM(320);

    private final int kibibytes;

    BodySize(int kibibytes) {
        this.kibibytes = kibibytes;
    }

    int bytes() {
        return kibibytes * 1024;
    }
}
