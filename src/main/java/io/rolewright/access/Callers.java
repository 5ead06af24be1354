package io.rolewright.access;

import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;

/**
 * From a token to the caller whom it stands for: signed by us, not expired, not revoked, obtained with a credential that
 * still counts, and with the roles that the identity has now.
 */
@ApplicationScoped
class Callers {

    private final TokenLedger ledger;
    private final Standings standings;

    Callers(TokenLedger ledger, Standings standings) {
        this.ledger = ledger;
        this.standings = standings;
    }

    /**
     * Decides at once, which is how almost every request goes.
     *
     * @return null if the store has to be asked first: {@link #ask}
     * @throws TokenRefused if the token does not count
     */
    Caller known(String token, String address) {
        if (!ledger.isFresh()) {
            return null;
        }
        var read = ledger.judge(token);
        var standing = standings.known(read.identityId());
        return standing == null ? null : caller(read, standing, address);
    }

    /** Decides after at most two queries. Completes on any thread. */
    Uni<Caller> ask(String token, String address) {
        return judge(token).map(judged -> caller(judged.token(), judged.standing(), address));
    }

    /** @return fails with {@link TokenRefused} if the token does not count */
    Uni<Judged> judge(String token) {
        return ledger.freshen().chain(() -> {
            var read = ledger.judge(token);
            return standing(read).map(standing -> {
                require(read, standing);
                return new Judged(read, standing);
            });
        });
    }

    private Uni<Standing> standing(AccessToken token) {
        var known = standings.known(token.identityId());
        return known != null ? Uni.createFrom().item(known) : standings.read(token.identityId());
    }

    private static Caller caller(AccessToken token, Standing standing, String address) {
        require(token, standing);
        return new Caller(token.identityId(), standing.name(), token.tokenId(), address, standing.grants());
    }

    private static void require(AccessToken token, Standing standing) {
        if (standing.name() == null || !standing.credentials().contains(token.credentialId())) {
            throw TokenRefused.revoked();
        }
    }

    record Judged(AccessToken token, Standing standing) {}
}
