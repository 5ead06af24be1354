package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.UUID;

/** The life of an access token: it starts with a login, is renewed, and ends by time or by revocation. */
@ApplicationScoped
class Tokens {

    private final TokenLedger ledger;
    private final Callers callers;
    private final StaticTokens staticTokens;
    private final AuditLog audit;
    private final AccessConfig config;
    private final Clock clock;

    Tokens(
            TokenLedger ledger,
            Callers callers,
            StaticTokens staticTokens,
            AuditLog audit,
            AccessConfig config,
            Clock clock) {
        this.ledger = ledger;
        this.callers = callers;
        this.staticTokens = staticTokens;
        this.audit = audit;
        this.config = config;
        this.clock = clock;
    }

    AccessToken start(UUID identityId, String identityName, UUID credentialId) {
        var now = now();
        return new AccessToken(
                UUID.randomUUID(),
                identityId,
                identityName,
                credentialId,
                now,
                now.plus(config.tokenTtl()),
                now.plus(config.tokenMaxTtl()));
    }

    GrantedToken grant(AccessToken token) {
        return new GrantedToken(
                ledger.sign(token),
                token.issuedAt().until(token.expiresAt(), ChronoUnit.SECONDS),
                config.tokenMaxTtl().toSeconds(),
                "Bearer");
    }

    /**
     * Another token of the same family, which never outlives {@link AccessToken#renewableUntil}. The old one stays valid
     * until its own time, as in the reference: other parts of the client may still be using it.
     */
    Uni<GrantedToken> renew(String text, RequestOrigin from) {
        if (StaticToken.isOne(text)) {
            return Uni.createFrom()
                    .failure(Problem.of(
                            400,
                            "token_not_renewable",
                            "A static token is not renewed: an administrator makes another one before it expires."));
        }
        return callers.judge(text).chain(old -> {
            var now = now();
            var end = now.plus(config.tokenTtl());
            var renewed = new AccessToken(
                    old.tokenId(),
                    old.identityId(),
                    old.identityName(),
                    old.credentialId(),
                    now,
                    end.isBefore(old.renewableUntil()) ? end : old.renewableUntil(),
                    old.renewableUntil());
            return Panache.withTransaction(() -> refuseIfRevoked(old.tokenId())
                            .chain(() -> audit.record(event(AuditType.RENEW_IDENTITY_ACCESS_TOKEN, old, from))))
                    .replaceWith(() -> grant(renewed));
        });
    }

    /** Ends the token and all renewals of it; once more changes nothing. */
    Uni<Void> revoke(String text, RequestOrigin from) {
        if (StaticToken.isOne(text)) {
            return staticTokens.revoke(text, from);
        }
        return Uni.createFrom().deferred(() -> {
            var token = ledger.format().read(text);
            return Panache.withTransaction(() -> Panache.getSession()
                            .chain(session -> session.createNativeQuery("""
                                            with swept as (delete from revoked_token where expires_at < now())
                                            insert into revoked_token (token_id, expires_at)
                                            values (?1, to_timestamp(?2)) on conflict do nothing""")
                                    .setParameter(1, token.tokenId())
                                    .setParameter(2, token.renewableUntil().getEpochSecond())
                                    .executeUpdate())
                            .chain(added -> added == 0
                                    ? Uni.createFrom().voidItem()
                                    : audit.record(event(AuditType.REVOKE_IDENTITY_ACCESS_TOKEN, token, from))))
                    .invoke(() -> ledger.revoked(
                            token.tokenId(), OffsetDateTime.ofInstant(token.renewableUntil(), ZoneOffset.UTC)));
        });
    }

    /** The store itself is asked: a renewal must not slip through while this replica has not yet heard of a revocation. */
    private static Uni<Void> refuseIfRevoked(UUID tokenId) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(
                                "select exists (select from revoked_token where token_id = ?1)", Boolean.class)
                        .setParameter(1, tokenId)
                        .getSingleResult())
                .invoke(revoked -> {
                    if (revoked) {
                        throw TokenRefused.revoked();
                    }
                })
                .replaceWithVoid();
    }

    private static AuditEvent event(String type, AccessToken token, RequestOrigin from) {
        return AuditEvent.success(type)
                .by(token.identityId(), token.identityName())
                .from(from.address(), from.requestId())
                .on("access-token", token.tokenId());
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.SECONDS);
    }
}
