package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestStore;
import jakarta.inject.Singleton;
import java.util.UUID;

/** Parks changes for reasons that no server at hand can be brought to give, by the code that parks those that a server gave. */
@Singleton
public class Parking {

    private final Claims claims;
    private final Ledger ledger;

    Parking(Claims claims, Ledger ledger) {
        this.claims = claims;
        this.ledger = ledger;
    }

    /**
     * A run of the role begins and stops before anything was sent. It is not tried again within the hour, so that the service's own clock
     * does not find out that nothing is in the way.
     *
     * @param reason stable code
     */
    public void park(UUID role, String reason) {
        Claim claim = Scenes.await(() -> claims.claim(role, Cause.REASSERT, Actor.SERVICE, true));
        try {
            Stop stop = Stop.passing(Step.PREFLIGHT, reason, "What the service says of " + reason + ".");
            ChangeOutcome outcome =
                    Scenes.await(() -> ledger.stop(claim, claim.role.epoch, null, Protocol.Reached.UNTOUCHED, stop));
            assertThat(outcome).isInstanceOf(ChangeOutcome.Parked.class);
        } finally {
            claims.letGo(claim);
        }
        TestStore.sql("UPDATE managed_role SET due_at = now() + interval '1 hour' WHERE id = '" + role + "'");
    }
}
