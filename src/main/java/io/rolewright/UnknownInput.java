package io.rolewright;

/** An argument or a setting that there is not; the message is one sentence that names it and shows no value. */
final class UnknownInput extends RuntimeException {

    /** Of a process that was asked for something that there is not. */
    static final int EXIT_CODE = 2;

    UnknownInput(String sentence) {
        super(sentence, null, false, false);
    }
}
