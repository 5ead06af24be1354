package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Logins with a token of another issuer against an access token of ours. An identity that does not exist, one without such
 * a login and a token that does not fit are one answer; the audit says which it was.
 */
@ApplicationScoped
class ForeignLogins {

    private static final String FIND = """
            select f.failed, f.seconds_locked, i.name, l.access_token_ttl, l.access_token_max_ttl,
                i.client_id, i.row_seal as identity_seal, l.id as setting_id, l.row_seal as setting_seal,
                l.access_token_trusted_ips, l.client_secret_trusted_ips, %s
            from (select count(*) > 0 as failed,
                         cast(coalesce(ceil(extract(epoch from max(locked_until) - now())), 0) as integer) as seconds_locked
                  from login_failure where client_id = $1 and address = $2) f
            left join (token_rule r join identity i on i.id = r.identity_id) on r.identity_id = $3 and r.method = $4
            left join login_setting l on l.identity_id = r.identity_id and l.method = r.method""".formatted(TokenRules.COLUMNS);

    private final Pool pool;
    private final RowSeals seals;
    private final Issuers issuers;
    private final ForeignTokens foreignTokens;
    private final Tokens tokens;
    private final Lockouts lockouts;
    private final LoginQueue queue;
    private final AuditLog audit;

    ForeignLogins(
            Pool pool,
            RowSeals seals,
            Issuers issuers,
            Tokens tokens,
            Lockouts lockouts,
            LoginQueue queue,
            AuditLog audit,
            Clock clock) {
        this.pool = pool;
        this.seals = seals;
        this.issuers = issuers;
        this.foreignTokens = new ForeignTokens(clock);
        this.tokens = tokens;
        this.lockouts = lockouts;
        this.queue = queue;
        this.audit = audit;
    }

    /**
     * @param timeLeft until the request must be answered
     * @return fails with 401 {@code invalid_credentials} or {@code login_locked}, 429 {@code rate_limited}, or 503
     *     {@code issuer_unavailable}
     */
    Uni<GrantedToken> login(Method method, UUID identityId, String jwt, RequestOrigin from, Duration timeLeft) {
        // No client id has a space in it.
        var login =
                new Login(method, identityId, "identity " + identityId, ClientAddresses.origin(from.address()), from);
        return queue.judge(
                        LoginQueue.Way.FOREIGN_TOKEN,
                        login.claimed,
                        from,
                        timeLeft,
                        () -> judge(login, jwt),
                        Outcome::isGuess)
                .map(Outcome::tokenOrThrow);
    }

    private Uni<Outcome> judge(Login login, String jwt) {
        return pool.preparedQuery(FIND)
                .execute(Tuple.of(login.claimed, login.origin, login.identityId, login.method.storedName))
                .chain(rows -> judge(login, jwt, rows.iterator().next()))
                .chain(verdict -> verdict instanceof Fits fits ? succeed(login, fits) : fail(login, (Refused) verdict));
    }

    private Uni<Verdict> judge(Login login, String jwt, Row row) {
        int secondsLocked = row.getInteger("seconds_locked");
        if (secondsLocked > 0) {
            return Uni.createFrom().failure(Lockouts.locked(secondsLocked));
        }
        if (row.getUUID("id") == null) {
            return Uni.createFrom().item(new Refused("identity_unknown", null));
        }
        if (!believes(login, row)) {
            return Uni.createFrom().item(new Refused("row_not_believed", null));
        }
        var rule = TokenRules.rule(row);
        return Uni.createFrom()
                .item(() -> foreignTokens.precheck(jwt, rule))
                .chain(keyId -> issuers.keys(rule, keyId))
                .<Verdict>map(keys -> new Fits(
                        rule,
                        row.getString("name"),
                        row.getInteger("access_token_ttl"),
                        row.getInteger("access_token_max_ttl"),
                        foreignTokens.verify(jwt, rule, keys),
                        row.getBoolean("failed")))
                .onFailure(ForeignTokens.Refused.class)
                .recoverWithItem(refused -> refused(((ForeignTokens.Refused) refused).reason, jwt, rule));
    }

    /** Whether we have written what decides over this login. */
    private boolean believes(Login login, Row row) {
        var setting = row.getUUID("setting_id");
        return TokenRules.believes(seals, row)
                && seals.believes(
                        SealedRow.IDENTITY,
                        login.identityId,
                        RowSeals.bytes(row.getBuffer("identity_seal")),
                        row.getString("client_id"))
                && (setting == null
                        || seals.believes(
                                SealedRow.LOGIN_SETTING,
                                setting,
                                RowSeals.bytes(row.getBuffer("setting_seal")),
                                login.identityId,
                                login.method.storedName,
                                row.getInteger("access_token_ttl"),
                                row.getInteger("access_token_max_ttl"),
                                row.getString("access_token_trusted_ips"),
                                row.getString("client_secret_trusted_ips")));
    }

    private Verdict refused(String reason, String jwt, TokenRule rule) {
        return new Refused(
                reason,
                reason.equals(ForeignTokens.EXPIRED)
                        ? foreignTokens.expired(jwt, rule, issuers.keysInMemory(rule))
                        : null);
    }

    private Uni<Outcome> succeed(Login login, Fits verdict) {
        var token = tokens.start(
                login.identityId, verdict.identityName, verdict.rule.id(), null, verdict.ttl, verdict.maxTtl);
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> verdict.failedBefore
                                ? Lockouts.forget(session, login.claimed, login.origin)
                                : Uni.createFrom().voidItem())
                        .chain(() -> audit.record(AuditEvent.success(login.type())
                                .by(login.identityId, verdict.identityName)
                                .from(login.from.address(), login.from.requestId())
                                .on(Identities.KIND, login.identityId)
                                .with("issuer", verdict.rule.issuer())
                                .with("subject", verdict.subject)
                                .with("tokenId", token.tokenId()))))
                .replaceWith(() -> new Outcome(tokens.grant(token), false));
    }

    /** A client that goes on with a token that was good once is told so, locks nobody out and is recorded once an hour. */
    private Uni<Outcome> fail(Login login, Refused verdict) {
        boolean isGuess = verdict.expired == null || verdict.expired == ForeignTokens.Expired.FORGED;
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> isGuess
                                ? lockouts.failed(session, login.claimed, login.origin)
                                        .call(seconds -> record(login, verdict.reason, seconds))
                                        .replaceWithVoid()
                                : Lockouts.isFirstOfTheHour(session, login.claimed, login.origin)
                                        .chain(first -> first
                                                ? record(login, verdict.reason, 0L)
                                                : Uni.createFrom().voidItem())))
                // Under keys that are not known here it may be anything: it locks nobody out, but does not come for
                // free.
                .replaceWith(() -> new Outcome(null, verdict.expired != ForeignTokens.Expired.GENUINE));
    }

    private Uni<Void> record(Login login, String reason, long lockedSeconds) {
        return audit.record(AuditEvent.refused(login.type(), reason)
                .by(null, login.claimed)
                .from(login.from.address(), login.from.requestId())
                .on(Identities.KIND, login.identityId)
                .with("lockedSeconds", lockedSeconds));
    }

    /** @param token null if it was refused */
    private record Outcome(@Nullable GrantedToken token, boolean isGuess) {

        GrantedToken tokenOrThrow() {
            if (token == null) {
                throw Problem.of(
                        ErrorCode.INVALID_CREDENTIALS,
                        "The identity id or the token is wrong. The audit log says why.");
            }
            return token;
        }
    }

    private record Login(Method method, UUID identityId, String claimed, String origin, RequestOrigin from) {
        String type() {
            return method == Method.OIDC
                    ? AuditType.LOGIN_IDENTITY_OIDC_AUTH
                    : AuditType.LOGIN_IDENTITY_KUBERNETES_AUTH;
        }
    }

    /** What became of a token. */
    private sealed interface Verdict {}

    /** @param ttl as {@link Tokens#start} takes it, and {@code maxTtl} */
    private record Fits(
            TokenRule rule,
            String identityName,
            @Nullable Integer ttl,
            @Nullable Integer maxTtl,
            String subject,
            boolean failedBefore)
            implements Verdict {}

    /**
     * @param reason for the audit; the caller is told none
     * @param expired null if it has not
     */
    private record Refused(String reason, ForeignTokens.@Nullable Expired expired) implements Verdict {}
}
