package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The life of an access token: it starts with a login, is renewed, and ends by time or by revocation. */
@ApplicationScoped
class Tokens {

    /**
     * Whether it was revoked; from where what it was obtained with may be used, null if that is gone; whether that has ended; from where
     * any such may be used, and how long tokens are good for.
     */
    private static final String RENEWABLE = """
            select exists (select from revoked_token where token_id = ?1), c.trusted_ips, coalesce(c.ended, false),
                l.client_secret_trusted_ips, l.access_token_ttl, l.access_token_max_ttl,
                c.row_seal, c.fingerprint, c.expires_at, c.uses_limit,
                c.method, l.id as setting_id, l.row_seal as setting_seal, l.access_token_trusted_ips
            from (select 1) one left join (
                select trusted_ips, coalesce(expires_at <= now(), false) as ended, 'universal-auth' as method,
                    row_seal, fingerprint, expires_at, uses_limit
                from client_secret where id = ?3 and identity_id = ?2
                union all
                select '', false, method, null, null, null, null
                from token_rule where id = ?3 and identity_id = ?2) c on true
            left join login_setting l on l.identity_id = ?2 and l.method = c.method""";

    private final TokenLedger ledger;
    private final RowSeals seals;
    private final Callers callers;
    private final StaticTokens staticTokens;
    private final AuditLog audit;
    private final AccessConfig config;
    private final Clock clock;

    Tokens(
            TokenLedger ledger,
            RowSeals seals,
            Callers callers,
            StaticTokens staticTokens,
            AuditLog audit,
            AccessConfig config,
            Clock clock) {
        this.ledger = ledger;
        this.seals = seals;
        this.callers = callers;
        this.staticTokens = staticTokens;
        this.audit = audit;
        this.config = config;
        this.clock = clock;
    }

    /**
     * @param longest that the client wants to renew it for; null: as long as may be
     * @param ttl seconds that were set for the identity; null: as the operator has set it. The same for {@code maxTtl}
     */
    AccessToken start(
            UUID identityId,
            String identityName,
            UUID credentialId,
            @Nullable Duration longest,
            @Nullable Integer ttl,
            @Nullable Integer maxTtl) {
        var now = now();
        var most = maxTtl(maxTtl);
        var until = now.plus(longest == null || longest.compareTo(most) > 0 ? most : longest);
        return new AccessToken(
                UUID.randomUUID(),
                identityId,
                identityName,
                credentialId,
                now,
                now,
                earlier(now.plus(ttl(ttl)), until),
                until);
    }

    /** Never longer than the operator's maximum is now, whatever it was when this was set. */
    private Duration ttl(@Nullable Integer set) {
        return set == null ? config.tokenTtl() : shorter(Duration.ofSeconds(set), config.tokenMaxTtl());
    }

    private Duration maxTtl(@Nullable Integer set) {
        return set == null ? config.tokenMaxTtl() : shorter(Duration.ofSeconds(set), config.tokenMaxTtl());
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    GrantedToken grant(AccessToken token) {
        return new GrantedToken(
                ledger.sign(token),
                token.issuedAt().until(token.expiresAt(), ChronoUnit.SECONDS),
                token.loggedInAt().until(token.renewableUntil(), ChronoUnit.SECONDS),
                "Bearer");
    }

    /**
     * Another token of the same family, which never outlives {@link AccessToken#renewableUntil}. The old one stays valid
     * until its own time, as in the reference: other parts of the client may still be using it.
     */
    Uni<GrantedToken> renew(String text, RequestOrigin from) {
        return StaticToken.isOne(text) ? notRenewable() : renew(callers.judge(text, from.address()), from);
    }

    /**
     * What a page of the console that is loaded anew goes on by: says which login it is of and is no access token. It ends with that login,
     * or when a token of it is revoked.
     */
    Uni<String> session(String text, RequestOrigin from) {
        return StaticToken.isOne(text)
                ? notRenewable()
                : callers.judge(text, from.address()).map(ledger::signSession);
    }

    /** As {@link #renew}, by what {@link #session} gave. */
    Uni<GrantedToken> resume(String session, RequestOrigin from) {
        return renew(callers.judgeSession(session, from.address()), from);
    }

    private static <T> Uni<T> notRenewable() {
        return Uni.createFrom()
                .failure(Problem.of(
                        ErrorCode.TOKEN_NOT_RENEWABLE,
                        "A static token cannot be renewed: ask an administrator for a new one before it expires."));
    }

    private Uni<GrantedToken> renew(Uni<AccessToken> judged, RequestOrigin from) {
        return judged.chain(old -> Panache.withTransaction(() -> requireRenewable(old, from)
                        .map(lives -> renewed(old, lives))
                        .call(() -> audit.record(event(AuditType.RENEW_IDENTITY_ACCESS_TOKEN, old, from)))))
                .map(this::grant);
    }

    private AccessToken renewed(AccessToken old, Lives lives) {
        var now = now();
        // As set now: a shorter life counts for what is out already.
        var until = earlier(old.renewableUntil(), old.loggedInAt().plus(maxTtl(lives.maxTtl)));
        if (!now.isBefore(until)) {
            throw TokenRefused.expired();
        }
        return new AccessToken(
                old.tokenId(),
                old.identityId(),
                old.identityName(),
                old.credentialId(),
                old.loggedInAt(),
                now,
                earlier(now.plus(ttl(lives.ttl)), until),
                until);
    }

    /** As {@link #start} takes them. */
    private record Lives(@Nullable Integer ttl, @Nullable Integer maxTtl) {}

    private static Instant earlier(Instant one, Instant other) {
        return one.isBefore(other) ? one : other;
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
                                            with swept as (
                                                delete from revoked_token where token_id in (
                                                    select token_id from revoked_token where expires_at < now()
                                                    limit 100 for update skip locked))
                                            insert into revoked_token (token_id, expires_at)
                                            values (?1, to_timestamp(?2)) on conflict do nothing""")
                                    .setParameter(1, token.tokenId())
                                    .setParameter(2, token.renewableUntil().getEpochSecond())
                                    .executeUpdate())
                            .chain(added -> added == 0
                                    ? Uni.createFrom().voidItem()
                                    : audit.record(event(AuditType.REVOKE_IDENTITY_ACCESS_TOKEN, token, from))))
                    .invoke(() -> ledger.revoked(token.tokenId()));
        });
    }

    /**
     * The store itself is asked: a renewal must not slip through while this replica has not yet heard of a revocation, and what
     * the token was obtained with has to count still.
     */
    private Uni<Lives> requireRenewable(AccessToken token, RequestOrigin from) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(RENEWABLE, Object[].class)
                        .setParameter(1, token.tokenId())
                        .setParameter(2, token.identityId())
                        .setParameter(3, token.credentialId())
                        .getSingleResult())
                .invoke(row -> {
                    if ((Boolean) row[0] || row[1] == null || !believes(token, row)) {
                        throw TokenRefused.revoked();
                    }
                    if ((Boolean) row[2]
                            || !ClientSecret.trusts((String) row[1], from.address())
                            || row[3] != null && !ClientSecret.trusts((String) row[3], from.address())) {
                        throw TokenRefused.notRenewable();
                    }
                })
                .map(row -> new Lives((Integer) row[4], (Integer) row[5]));
    }

    /** A rule says nothing here; whether it is believed the caller's standing says. */
    private boolean believes(AccessToken token, Object[] row) {
        boolean isSecret = row[7] != null;
        return (!isSecret
                        || seals.believes(
                                SealedRow.CLIENT_SECRET,
                                token.credentialId(),
                                (byte[]) row[6],
                                token.identityId(),
                                row[7],
                                row[8],
                                row[9],
                                row[1]))
                && (row[11] == null
                        || seals.believes(
                                SealedRow.LOGIN_SETTING,
                                (UUID) row[11],
                                (byte[]) row[12],
                                token.identityId(),
                                row[10],
                                row[4],
                                row[5],
                                row[13],
                                row[3]));
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
