package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.util.UUID;

/**
 * Logins with a token of another issuer against an access token of ours. An identity that does not exist, one without such
 * a login and a token that does not fit are one answer; the audit says which it was.
 */
@ApplicationScoped
class ForeignLogins {

    private static final String FIND = """
            select f.failed, f.seconds_locked, i.name, %s
            from (select count(*) > 0 as failed,
                         cast(coalesce(ceil(extract(epoch from max(locked_until) - now())), 0) as integer) as seconds_locked
                  from login_failure where client_id = $1 and address = $2) f
            left join (token_rule r join identity i on i.id = r.identity_id) on r.identity_id = $3 and r.method = $4""".formatted(TokenRules.COLUMNS);

    private final Pool pool;
    private final Issuers issuers;
    private final ForeignTokens foreignTokens;
    private final Tokens tokens;
    private final Lockouts lockouts;
    private final RateLimits limits;
    private final AuditLog audit;

    ForeignLogins(
            Pool pool,
            Issuers issuers,
            Tokens tokens,
            Lockouts lockouts,
            RateLimits limits,
            AuditLog audit,
            Clock clock) {
        this.pool = pool;
        this.issuers = issuers;
        this.foreignTokens = new ForeignTokens(clock);
        this.tokens = tokens;
        this.lockouts = lockouts;
        this.limits = limits;
        this.audit = audit;
    }

    /**
     * @return fails with 401 {@code invalid_credentials} or {@code login_locked}, 429 {@code rate_limited}, or 503
     *     {@code issuer_unavailable}
     */
    Uni<GrantedToken> login(Method method, UUID identityId, String jwt, RequestOrigin from) {
        // No client id has a space in it.
        var login =
                new Login(method, identityId, "identity " + identityId, ClientAddresses.origin(from.address()), from);
        return Uni.createFrom().deferred(() -> {
            limits.countLogin(login.claimed, from);
            // What comes back from issuers and shared answers does so elsewhere; the store's session lives here.
            var context = Vertx.currentContext();
            return pool.preparedQuery(FIND)
                    .execute(Tuple.of(login.claimed, login.origin, identityId, method.storedName))
                    .chain(rows -> judge(login, jwt, rows.iterator().next()))
                    .emitOn(task -> context.runOnContext(ignored -> task.run()))
                    .chain(verdict -> verdict.reason == null ? succeed(login, verdict) : fail(login, verdict.reason));
        });
    }

    private Uni<Verdict> judge(Login login, String jwt, Row row) {
        int secondsLocked = row.getInteger("seconds_locked");
        if (secondsLocked > 0) {
            return Uni.createFrom().failure(Lockouts.locked(secondsLocked));
        }
        if (row.getUUID("id") == null) {
            return Uni.createFrom().item(Verdict.refused("identity_unknown"));
        }
        var rule = TokenRules.rule(row);
        return Uni.createFrom()
                .item(() -> foreignTokens.precheck(jwt, rule))
                .chain(keyId -> issuers.keys(rule, keyId))
                .map(keys -> new Verdict(
                        rule,
                        row.getString("name"),
                        foreignTokens.verify(jwt, rule, keys),
                        row.getBoolean("failed"),
                        null))
                .onFailure(ForeignTokens.Refused.class)
                .recoverWithItem(refused -> Verdict.refused(((ForeignTokens.Refused) refused).reason));
    }

    private Uni<GrantedToken> succeed(Login login, Verdict verdict) {
        var token = tokens.start(login.identityId, verdict.identityName, verdict.rule.id());
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
                .replaceWith(() -> tokens.grant(token));
    }

    private Uni<GrantedToken> fail(Login login, String reason) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> lockouts.failed(session, login.claimed, login.origin))
                        .chain(seconds -> audit.record(AuditEvent.refused(login.type(), reason)
                                .by(null, login.claimed)
                                .from(login.from.address(), login.from.requestId())
                                .on(Identities.KIND, login.identityId)
                                .with("lockedSeconds", seconds))))
                .chain(() -> Uni.createFrom()
                        .failure(Problem.of(
                                401,
                                "invalid_credentials",
                                "The identity id or the token is wrong: the audit says what about it.")));
    }

    private record Login(Method method, UUID identityId, String claimed, String origin, RequestOrigin from) {
        String type() {
            return method == Method.OIDC
                    ? AuditType.LOGIN_IDENTITY_OIDC_AUTH
                    : AuditType.LOGIN_IDENTITY_KUBERNETES_AUTH;
        }
    }

    /** @param reason null if the token fits */
    private record Verdict(TokenRule rule, String identityName, String subject, boolean failedBefore, String reason) {
        static Verdict refused(String reason) {
            return new Verdict(null, null, null, false, reason);
        }
    }
}
