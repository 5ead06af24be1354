package io.rolewright.access;

import jakarta.enterprise.context.RequestScoped;

/** The caller of the current request; {@code Guard} has filled it in before an endpoint runs. */
@RequestScoped
public class CurrentCaller {

    private Caller caller;

    /** @throws IllegalStateException on a {@link Public} endpoint, where nobody has proved who they are */
    public Caller get() {
        if (caller == null) {
            throw new IllegalStateException("No caller is known on a public endpoint");
        }
        return caller;
    }

    CurrentCaller self() {
        return this;
    }

    void set(Caller caller) {
        this.caller = caller;
    }
}
