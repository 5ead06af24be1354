package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.sealing.Sealer;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/**
 * Universal auth: a client id and a client secret against an access token.
 *
 * <p>An unknown id and a wrong secret are one answer and the same work: the same hash, the same queries, the same count
 * of failures. Failures are counted per client id <em>and</em> origin, so that nobody can lock an identity out from
 * elsewhere. Logins wait in the {@link LoginQueue}, so that of guesses sent at the same moment no more are heard than of
 * others.
 */
@ApplicationScoped
class Logins {

    private static final String FIND = """
            select f.failed, f.seconds_locked, i.id, i.name, i.secret_id, i.expired, i.used_up, i.trusted_ips,
                l.client_secret_trusted_ips, l.access_token_ttl, l.access_token_max_ttl,
                i.identity_seal, i.row_seal, i.expires_at, i.uses_limit,
                l.id as setting_id, l.row_seal as setting_seal, l.access_token_trusted_ips
            from (select count(*) > 0 as failed,
                         cast(coalesce(ceil(extract(epoch from max(locked_until) - now())), 0) as integer) as seconds_locked
                  from login_failure where client_id = ?1 and address = ?2) f
            left join (select identity.id, identity.name, client_secret.id as secret_id, client_secret.trusted_ips,
                              identity.row_seal as identity_seal, client_secret.row_seal, client_secret.expires_at,
                              client_secret.uses_limit,
                              coalesce(client_secret.expires_at <= now(), false) as expired,
                              client_secret.uses_limit > 0 and client_secret.uses >= client_secret.uses_limit as used_up
                       from identity join client_secret on client_secret.identity_id = identity.id
                       where client_id = ?1 and fingerprint = ?3
                       order by client_secret.created_at limit 1) i on true
            left join login_setting l on l.identity_id = i.id and l.method = 'universal-auth'""";

    /** The limit again, because logins of the same moment have all seen the same number of uses. */
    private static final String USE = """
            update client_secret set uses = uses + 1, last_used_at = now()
            where id = ?1 and (uses_limit = 0 or uses < uses_limit)""";

    private final Sealer sealer;
    private final RowSeals seals;
    private final Tokens tokens;
    private final AuditLog audit;
    private final LoginQueue queue;
    private final Lockouts lockouts;

    Logins(Sealer sealer, RowSeals seals, Tokens tokens, AuditLog audit, LoginQueue queue, Lockouts lockouts) {
        this.sealer = sealer;
        this.seals = seals;
        this.tokens = tokens;
        this.audit = audit;
        this.queue = queue;
        this.lockouts = lockouts;
    }

    /**
     * @param clientId and secret, both without white space around them
     * @param timeLeft until the request must be answered
     * @param longest that the token is to be renewed for; null: as long as may be
     * @return fails with 401 {@code invalid_credentials}, {@code client_secret_expired}, {@code client_secret_used_up} or
     *     {@code login_locked}, or with 429 {@code rate_limited}
     */
    Uni<GrantedToken> login(
            String clientId, String clientSecret, RequestOrigin from, Duration timeLeft, @Nullable Duration longest) {
        return queue.judge(
                        LoginQueue.Way.SECRET,
                        clientId,
                        from,
                        timeLeft,
                        () -> judge(clientId, clientSecret, from, longest),
                        Outcome::isRefusal)
                .map(Outcome::tokenOrThrow);
    }

    private Uni<Outcome> judge(String clientId, String clientSecret, RequestOrigin from, @Nullable Duration longest) {
        byte[] fingerprint = ClientSecret.fingerprint(sealer, clientId, clientSecret);
        var origin = ClientAddresses.origin(from.address());
        // The refusals are counted and recorded in the transaction, so they are values until it has committed.
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery(FIND, Object[].class)
                        .setParameter(1, clientId)
                        .setParameter(2, origin)
                        .setParameter(3, fingerprint)
                        .getSingleResult()
                        .chain(row -> row[2] == null || believes(row, clientId, fingerprint)
                                ? decide(session, row, clientId, origin, from, longest)
                                : fail(session, clientId, origin, from, Outcome.NOT_BELIEVED))));
    }

    /** Whether we have written what decides over this login. */
    private boolean believes(Object[] row, String clientId, byte[] fingerprint) {
        var identityId = (UUID) row[2];
        return seals.believes(SealedRow.IDENTITY, identityId, (byte[]) row[11], clientId)
                && seals.believes(
                        SealedRow.CLIENT_SECRET,
                        (UUID) row[4],
                        (byte[]) row[12],
                        identityId,
                        fingerprint,
                        row[13],
                        row[14],
                        row[7])
                && (row[15] == null
                        || seals.believes(
                                SealedRow.LOGIN_SETTING,
                                (UUID) row[15],
                                (byte[]) row[16],
                                identityId,
                                "universal-auth",
                                row[9],
                                row[10],
                                row[17],
                                row[8]));
    }

    private Uni<Outcome> decide(
            Mutiny.Session session,
            Object[] row,
            String clientId,
            String origin,
            RequestOrigin from,
            @Nullable Duration longest) {
        boolean failedBefore = (Boolean) row[0];
        int secondsLocked = ((Number) row[1]).intValue();
        if (secondsLocked > 0) {
            // Not recorded: the lockout is, and anybody could fill the audit with these.
            return Uni.createFrom().item(new Refused(Lockouts.locked(secondsLocked)));
        }
        if (row[2] == null) {
            return fail(session, clientId, origin, from, Outcome.INVALID);
        }
        if (!ClientSecret.trusts((String) row[7], from.address())
                || row[8] != null && !ClientSecret.trusts((String) row[8], from.address())) {
            return fail(session, clientId, origin, from, Outcome.NOT_FROM_HERE);
        }
        if ((Boolean) row[5]) {
            return fail(session, clientId, origin, from, Outcome.EXPIRED);
        }
        if ((Boolean) row[6]) {
            return fail(session, clientId, origin, from, Outcome.USED_UP);
        }
        return session.createNativeQuery(USE)
                .setParameter(1, row[4])
                .executeUpdate()
                .chain(used -> used == 0
                        ? fail(session, clientId, origin, from, Outcome.USED_UP)
                        : succeed(session, row, failedBefore, clientId, origin, from, longest));
    }

    private Uni<Outcome> succeed(
            Mutiny.Session session,
            Object[] row,
            boolean failedBefore,
            String clientId,
            String origin,
            RequestOrigin from,
            @Nullable Duration longest) {
        var identityId = (UUID) row[2];
        var name = (String) row[3];
        var token = tokens.start(identityId, name, (UUID) row[4], longest, (Integer) row[9], (Integer) row[10]);
        var forget = failedBefore
                ? Lockouts.forget(session, clientId, origin)
                : Uni.createFrom().voidItem();
        return forget.chain(() -> audit.record(AuditEvent.success(AuditType.LOGIN_IDENTITY_UNIVERSAL_AUTH)
                        .by(identityId, name)
                        .from(from.address(), from.requestId())
                        .on("identity", identityId)
                        .with("clientId", clientId)
                        .with("clientSecretId", token.credentialId())
                        .with("tokenId", token.tokenId())))
                .replaceWith(() -> new Granted(tokens.grant(token)));
    }

    private Uni<Outcome> fail(
            Mutiny.Session session, String clientId, String origin, RequestOrigin from, String reason) {
        return lockouts.failed(session, clientId, origin)
                .call(lockedSeconds -> audit.record(AuditEvent.refused(AuditType.LOGIN_IDENTITY_UNIVERSAL_AUTH, reason)
                        .by(null, clientId)
                        .from(from.address(), from.requestId())
                        .with("clientId", clientId)
                        .with("lockedSeconds", lockedSeconds)))
                .replaceWith(() -> Outcome.refused(reason));
    }

    /** What is decided in the transaction and told when it has committed. */
    private sealed interface Outcome {

        String INVALID = "invalid_credentials";
        String NOT_FROM_HERE = "address_not_trusted";
        String NOT_BELIEVED = "row_not_believed";
        String EXPIRED = "client_secret_expired";
        String USED_UP = "client_secret_used_up";

        /** Who has the right secret is told that it has ended, but not that it would do from elsewhere. */
        static Outcome refused(String reason) {
            return new Refused(
                    switch (reason) {
                        case EXPIRED -> Problem.of(ErrorCode.CLIENT_SECRET_EXPIRED, "The client secret has expired.");
                        case USED_UP ->
                            Problem.of(
                                    ErrorCode.CLIENT_SECRET_USED_UP,
                                    "The client secret has reached its limit of uses.");
                        default ->
                            Problem.of(ErrorCode.INVALID_CREDENTIALS, "The client id or the client secret is wrong.");
                    });
        }

        default boolean isRefusal() {
            return this instanceof Refused;
        }

        default GrantedToken tokenOrThrow() {
            if (this instanceof Refused refused) {
                throw refused.problem;
            }
            return ((Granted) this).token;
        }
    }

    private record Granted(GrantedToken token) implements Outcome {}

    private record Refused(Problem problem) implements Outcome {}
}
