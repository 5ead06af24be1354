package io.rolewright.credential;

/** Somebody else has claimed the role since, or it was deleted: the newer one owns it, and we stop without a word. */
class LostClaim extends RuntimeException {

    LostClaim() {
        super(null, null, false, false);
    }
}
