package io.rolewright.access;

import io.rolewright.sealing.Sealer;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.security.MessageDigest;
import java.time.Clock;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * From a token to the caller whom it stands for: made by us, not expired, not revoked, obtained with a credential that
 * still counts, and with the roles that the identity has now.
 */
@ApplicationScoped
class Callers {

    private final TokenLedger ledger;
    private final Standings standings;
    private final Sealer sealer;
    private final Clock clock;

    Callers(TokenLedger ledger, Standings standings, Sealer sealer, Clock clock) {
        this.ledger = ledger;
        this.standings = standings;
        this.sealer = sealer;
        this.clock = clock;
    }

    /**
     * Decides at once, which is how almost every request goes.
     *
     * @return null if the store has to be asked first: {@link #ask}
     * @throws TokenRefused if the token does not count
     */
    @Nullable
    Caller known(String token, String address) {
        if (!ledger.isFresh()) {
            return null;
        }
        var claim = claim(token, address);
        var standing = standings.known(claim.identityId);
        return standing == null || claim.toLookUp != null ? null : claim.caller.apply(standing);
    }

    /** Decides after at most three queries. */
    Uni<Caller> ask(String token, String address) {
        return ledger.freshen().chain(() -> {
            var claim = claim(token, address);
            return lookUp(claim).chain(() -> standing(claim.identityId)).map(claim.caller);
        });
    }

    /** Decides by what the store says now; at most three queries. Completes on any thread. */
    Uni<Caller> askAnew(String token, String address) {
        return ledger.readAnew().chain(() -> ask(token, address));
    }

    /** @return what an access token says, if it counts; fails with {@link TokenRefused} if not, and for static tokens */
    Uni<AccessToken> judge(String token, String address) {
        return judge(() -> ledger.judge(token), address);
    }

    /** The same for a session of the console, which no other method takes. */
    Uni<AccessToken> judgeSession(String session, String address) {
        return judge(() -> ledger.judgeSession(session), address);
    }

    private Uni<AccessToken> judge(Supplier<TokenLedger.Judged> judged, String address) {
        return ledger.freshen().chain(() -> {
            var read = judged.get().token(); // Whether it was revoked, a renewal asks the store itself.
            return standing(read.identityId())
                    .invoke(standing -> require(read, standing, address))
                    .replaceWith(read);
        });
    }

    private Claim claim(String token, String address) {
        if (StaticToken.isOne(token)) {
            var text = StaticToken.Text.read(token, sealer);
            return new Claim(text.identityId(), null, standing -> caller(text, standing, address));
        }
        var judged = ledger.judge(token);
        var read = judged.token();
        return new Claim(read.identityId(), judged.isDecided() ? null : read.tokenId(), standing -> {
            var name = require(read, standing, address);
            return new Caller(read.identityId(), name, read.tokenId(), address, standing.grants());
        });
    }

    private Caller caller(StaticToken.Text text, Standing standing, String address) {
        var name = standing.name();
        var held = standing.tokens().get(text.tokenId());
        if (name == null || held == null || !MessageDigest.isEqual(held.fingerprint(), text.fingerprint(sealer))) {
            throw TokenRefused.revoked();
        }
        if (!clock.instant().isBefore(held.expiresAt())) {
            throw TokenRefused.expired();
        }
        if (!ClientSecret.trusts(held.trustedIps(), address)) {
            throw TokenRefused.fromElsewhere();
        }
        var grants = held.isWhole()
                ? standing.grants()
                : held.role() == null ? Grants.NONE : standing.grants().narrowedTo(held.role());
        return new Caller(text.identityId(), name, text.tokenId(), address, grants);
    }

    private Uni<Void> lookUp(Claim claim) {
        return claim.toLookUp == null ? Uni.createFrom().voidItem() : ledger.lookUp(claim.toLookUp);
    }

    private Uni<Standing> standing(UUID identityId) {
        var known = standings.known(identityId);
        return known != null ? Uni.createFrom().item(known) : standings.read(identityId);
    }

    /** @return the identity's name */
    private String require(AccessToken token, Standing standing, String address) {
        var name = standing.name();
        var credential = standing.credentials().get(token.credentialId());
        if (name == null || credential == null) {
            throw TokenRefused.revoked();
        }
        if (credential.end() != null && !clock.instant().isBefore(credential.end())) {
            throw TokenRefused.expired();
        }
        if (!ClientSecret.trusts(credential.trustedIps(), address)) {
            throw TokenRefused.fromElsewhere();
        }
        return name;
    }

    /**
     * Who a token says it stands for, and how to find out whether it does.
     *
     * @param toLookUp the token's id if the store has to be asked whether it was revoked
     */
    private record Claim(UUID identityId, @Nullable UUID toLookUp, Function<Standing, Caller> caller) {}
}
