package io.rolewright.access;

import jakarta.enterprise.context.RequestScoped;
import org.jspecify.annotations.Nullable;

/** The caller of the current request; {@code Guard} has filled it in before an endpoint runs. */
@RequestScoped
public class CurrentCaller {

    private @Nullable Caller caller;
    private @Nullable LiveCaller live;

    /** @throws IllegalStateException on a {@link Public} endpoint, where nobody has proved who they are */
    public Caller get() {
        return known(caller);
    }

    /**
     * To ask again, after a wait, who he is and what he may do. Read it at the start of a request.
     *
     * @throws IllegalStateException as {@link #get} does
     */
    public LiveCaller live() {
        return known(live);
    }

    /** @return null where nobody has proved who they are */
    @Nullable
    Caller ifKnown() {
        return caller;
    }

    private static <T> T known(@Nullable T set) {
        if (set == null) {
            throw new IllegalStateException("No caller is known on a public endpoint");
        }
        return set;
    }

    CurrentCaller self() {
        return this;
    }

    void set(Caller caller, LiveCaller live) {
        this.caller = caller;
        this.live = live;
    }
}
