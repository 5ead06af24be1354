package io.rolewright.store;

/** What was asked for would change a password, or tell somebody something, and this store is a copy of the one whose work that is. */
public final class StoreIsACopy extends RuntimeException {

    StoreIsACopy(String sentence) {
        super(sentence, null, false, false);
    }
}
