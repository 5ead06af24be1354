package io.rolewright.access;

import jakarta.enterprise.context.ApplicationScoped;

/** Tells those who keep callers waiting that some token or identity is not what it was: time to ask each {@link LiveCaller} again. */
@ApplicationScoped
public class CallerChanges {

    private final TokenLedger ledger;
    private final Standings standings;

    CallerChanges(TokenLedger ledger, Standings standings) {
        this.ledger = ledger;
        this.standings = standings;
    }

    /** @param listener called on any thread, often in vain, when this replica did it or has heard of it; must not take long */
    public void whenChanged(Runnable listener) {
        ledger.whenRevoked(listener);
        standings.whenForgotten(listener);
    }
}
