package io.rolewright.access;

import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** Tells those who keep callers waiting that some token or identity is not what it was: time to ask each {@link LiveCaller} again. */
@ApplicationScoped
public class CallerChanges {

    private final TokenLedger ledger;
    private final Standings standings;

    /** Grows with every change; a caller who was judged since the last one need not be judged again. */
    private final AtomicLong changes = new AtomicLong();

    CallerChanges(TokenLedger ledger, Standings standings) {
        this.ledger = ledger;
        this.standings = standings;
        whenChanged(changes::incrementAndGet);
    }

    /** @param listener called on any thread, often in vain, when this replica did it or has heard of it; must not take long */
    public void whenChanged(Runnable listener) {
        ledger.whenRevoked(listener);
        standings.whenForgotten(listener);
    }

    /**
     * For who stands in line for a moment, and may be revoked meanwhile.
     *
     * @param caller as he was judged just now
     * @return the same without another look while this replica has heard of no change; else who he is now, and it fails as
     *     {@link LiveCaller#again} does. Any thread may ask, any number of times
     */
    public Supplier<Uni<Caller>> standing(Caller caller, LiveCaller live) {
        long judgedAt = changes.get();
        return () -> changes.get() == judgedAt ? Uni.createFrom().item(caller) : live.again();
    }
}
