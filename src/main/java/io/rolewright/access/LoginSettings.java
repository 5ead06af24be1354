package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.LoginSetting.Method;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.IfMatch;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/**
 * What is set for each way to log in of each identity. It counts for what is out already: each use of an access token is judged by it, and
 * each renewal.
 */
@ApplicationScoped
class LoginSettings {

    private static final String READ = """
            select i.client_id, l.id, l.access_token_ttl, l.access_token_max_ttl, l.access_token_trusted_ips,
                l.client_secret_trusted_ips, l.sent, l.row_seal,
                case $2
                    when 'universal-auth' then exists (select from client_secret s where s.identity_id = i.id)
                    when 'token-auth' then exists (select from static_token t where t.identity_id = i.id)
                    else exists (select from token_rule r where r.identity_id = i.id and r.method = $2)
                end as used
            from identity i left join login_setting l on l.identity_id = i.id and l.method = $2 where i.id = $1""";

    private static final String STORED = """
            select id, access_token_ttl, access_token_max_ttl, access_token_trusted_ips, client_secret_trusted_ips, sent, row_seal
            from login_setting where identity_id = ?1 and method = ?2""";

    private static final String WRITE = """
            insert into login_setting (id, identity_id, method, access_token_ttl, access_token_max_ttl,
                access_token_trusted_ips, client_secret_trusted_ips, sent, row_seal)
            values (?1, ?2, ?3, nullif(?4, 0), nullif(?5, 0), nullif(?6, ''), nullif(?7, ''), ?8, ?9)
            on conflict (identity_id, method) do update set
                access_token_ttl = excluded.access_token_ttl, access_token_max_ttl = excluded.access_token_max_ttl,
                access_token_trusted_ips = excluded.access_token_trusted_ips,
                client_secret_trusted_ips = excluded.client_secret_trusted_ips, sent = excluded.sent,
                row_seal = excluded.row_seal""";

    private static final String ID_OF = """
            select coalesce((select id from login_setting where identity_id = ?1 and method = ?2), gen_random_uuid())""";

    private final Pool pool;
    private final RowSeals seals;
    private final Standings standings;
    private final AuditLog audit;

    LoginSettings(Pool pool, RowSeals seals, Standings standings, AuditLog audit) {
        this.pool = pool;
        this.seals = seals;
        this.standings = standings;
        this.audit = audit;
    }

    /** @param setting what counts if nothing was set */
    record Known(UUID identityId, String clientId, LoginSetting setting, boolean isSet) {}

    /**
     * @return fails with 404 {@code identity_not_found}, or {@code auth_method_not_found} if the identity neither has a setting for it nor
     *     anything to log in with by it
     */
    Uni<Known> get(UUID identityId, Method method) {
        return find(identityId, method).invoke(known -> {
            if (known == null) {
                throw notFound(identityId, method);
            }
        });
    }

    /** @return the id that the setting is shown with: the identity's own if nothing is set, also if there is no such identity */
    Uni<UUID> idOf(UUID identityId, Method method) {
        return pool.preparedQuery("select id from login_setting where identity_id = $1 and method = $2")
                .execute(Tuple.of(identityId, method.storedName()))
                .map(rows -> rows.size() == 0
                        ? LoginSetting.unset(identityId).id()
                        : rows.iterator().next().getUUID("id"));
    }

    /** @return null if the identity does not log in so */
    private Uni<@Nullable Known> find(UUID identityId, Method method) {
        return pool.preparedQuery(READ)
                .execute(Tuple.of(identityId, method.storedName()))
                .map(rows -> {
                    if (rows.size() == 0) {
                        throw Identities.notFound(identityId);
                    }
                    Row row = rows.iterator().next();
                    boolean isSet = row.getUUID("id") != null;
                    if (isSet) {
                        seals.require(
                                SealedRow.LOGIN_SETTING,
                                row.getUUID("id"),
                                RowSeals.bytes(row.getBuffer("row_seal")),
                                identityId,
                                method.storedName(),
                                row.getInteger("access_token_ttl"),
                                row.getInteger("access_token_max_ttl"),
                                row.getString("access_token_trusted_ips"),
                                row.getString("client_secret_trusted_ips"));
                    }
                    if (!isSet && !row.getBoolean("used")) {
                        return null;
                    }
                    return new Known(
                            identityId,
                            row.getString("client_id"),
                            isSet ? setting(row) : LoginSetting.unset(identityId),
                            isSet);
                });
    }

    /** How long a static token is good for whose maker did not say. @return fails with 404 {@code identity_not_found} */
    Uni<Duration> ttlOfTokens(UUID identityId) {
        return find(identityId, Method.TOKEN)
                .map(known -> known == null || known.setting.ttl() == null
                        ? StaticTokens.USUAL_TTL
                        : Duration.ofSeconds(known.setting.ttl()));
    }

    /**
     * Sets what was not set before.
     *
     * @return fails with 404 {@code identity_not_found}, 400 {@code auth_method_exists}
     */
    Uni<Known> create(Act act, UUID identityId, Method method, LoginSetting wanted) {
        return find(identityId, method)
                .invoke(known -> {
                    if (known != null && known.isSet) {
                        throw Problem.of(
                                ErrorCode.AUTH_METHOD_EXISTS,
                                "The identity " + identityId + " has a " + method.storedName()
                                        + " already: change it, or delete it first.");
                    }
                })
                .chain(() -> write(act, identityId, method, new IfMatch(null), before -> wanted));
    }

    /**
     * @param change from what is there to what is to be
     * @return fails as {@link #get} does, and with 412 {@code changed_since_read}
     */
    Uni<Known> change(Act act, UUID identityId, Method method, IfMatch seen, UnaryOperator<LoginSetting> change) {
        return get(identityId, method).chain(() -> write(act, identityId, method, seen, change));
    }

    private Uni<Known> write(
            Act act, UUID identityId, Method method, IfMatch seen, UnaryOperator<LoginSetting> change) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Identities.locked(session, identityId)
                                .chain(() -> stored(session, seals, identityId, method))
                                .invoke(before -> seen.require(before.settings()))
                                .chain(before -> {
                                    LoginSetting wanted = change.apply(before);
                                    return write(session, seals, identityId, method, wanted)
                                            .chain(() -> Standings.changed(session, identityId))
                                            .chain(() -> audit.record(act.success(AuditType.SET_AUTH_METHOD)
                                                    .on(Identities.KIND, identityId)
                                                    .with("method", method.storedName())
                                                    .with("accessTokenTTL", wanted.ttl())
                                                    .with("accessTokenMaxTTL", wanted.maxTtl())
                                                    .with("accessTokenTrustedIps", wanted.tokenTrustedIps())
                                                    .with("clientSecretTrustedIps", wanted.secretTrustedIps())
                                                    .with(
                                                            Changes.FACT,
                                                            before.changes(wanted)
                                                                    .fields())));
                                })))
                .invoke(() -> standings.forget(List.of(identityId)))
                .chain(() -> get(identityId, method));
    }

    /** What is set, or counts if nothing is. Joins the running transaction, which has locked the identity. */
    static Uni<LoginSetting> stored(Mutiny.Session session, RowSeals seals, UUID identityId, Method method) {
        return session.createNativeQuery(STORED, Object[].class)
                .setParameter(1, identityId)
                .setParameter(2, method.storedName())
                .getSingleResultOrNull()
                .map(row -> {
                    if (row == null) {
                        return LoginSetting.unset(identityId);
                    }
                    seals.require(
                            SealedRow.LOGIN_SETTING,
                            (UUID) row[0],
                            (byte[]) row[6],
                            identityId,
                            method.storedName(),
                            row[1],
                            row[2],
                            row[3],
                            row[4]);
                    return new LoginSetting(
                            (UUID) row[0],
                            (Integer) row[1],
                            (Integer) row[2],
                            LoginSetting.split((String) row[3]),
                            LoginSetting.split((String) row[4]),
                            (String) row[5]);
                });
    }

    /** Joins the running transaction, which has locked the identity. */
    static Uni<Void> write(
            Mutiny.Session session, RowSeals seals, UUID identityId, Method method, LoginSetting wanted) {
        return session.createNativeQuery(ID_OF, UUID.class)
                .setParameter(1, identityId)
                .setParameter(2, method.storedName())
                .getSingleResult()
                .chain(id -> write(session, seals, id, identityId, method, wanted));
    }

    private static Uni<Void> write(
            Mutiny.Session session, RowSeals seals, UUID id, UUID identityId, Method method, LoginSetting wanted) {
        byte[] seal = seals.seal(
                SealedRow.LOGIN_SETTING,
                id,
                identityId,
                method.storedName(),
                wanted.ttl(),
                wanted.maxTtl(),
                LoginSetting.joined(wanted.tokenTrustedIps()),
                LoginSetting.joined(wanted.secretTrustedIps()));
        return session.createNativeQuery(WRITE)
                .setParameter(1, id)
                .setParameter(2, identityId)
                .setParameter(3, method.storedName())
                .setParameter(4, wanted.ttl() == null ? 0 : wanted.ttl())
                .setParameter(5, wanted.maxTtl() == null ? 0 : wanted.maxTtl())
                .setParameter(6, text(wanted.tokenTrustedIps()))
                .setParameter(7, text(wanted.secretTrustedIps()))
                .setParameter(8, wanted.sent())
                .setParameter(9, seal)
                .executeUpdate()
                .chain(() -> wanted.ttl() == null
                        ? Uni.createFrom().voidItem()
                        : TokenLedger.tellTtl(session, wanted.ttl()));
    }

    /**
     * Ends this way to log in, with all that the identity has for it and all tokens that were obtained by that.
     *
     * @return what it was; fails with 400 {@code last_administrator} too
     */
    Uni<Known> delete(Act act, UUID identityId, Method method) {
        return get(identityId, method)
                .call(() -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> Identities.locked(session, identityId))
                                .chain(() -> remove(session, identityId, method))
                                .chain(() -> Bindings.keepAnAdministrator(session, seals))
                                .chain(() -> Standings.changed(session, identityId))
                                .chain(() -> audit.record(act.success(AuditType.REMOVE_AUTH_METHOD)
                                        .on(Identities.KIND, identityId)
                                        .with("method", method.storedName()))))))
                .invoke(() -> standings.forget(List.of(identityId)));
    }

    /** Joins the running transaction. */
    static Uni<Void> remove(Mutiny.Session session, UUID identityId, Method method) {
        var held = switch (method) {
            case UNIVERSAL -> "client_secret";
            case TOKEN -> "static_token";
            case KUBERNETES, OIDC -> null;
        };
        var setting = session.createNativeQuery("delete from login_setting where identity_id = ?1 and method = ?2")
                .setParameter(1, identityId)
                .setParameter(2, method.storedName())
                .executeUpdate();
        return held == null
                ? setting.replaceWithVoid()
                : setting.chain(() -> session.createNativeQuery("delete from " + held + " where identity_id = ?1")
                                .setParameter(1, identityId)
                                .executeUpdate())
                        .replaceWithVoid();
    }

    static LoginSetting setting(Row row) {
        return new LoginSetting(
                row.getUUID("id"),
                row.getInteger("access_token_ttl"),
                row.getInteger("access_token_max_ttl"),
                LoginSetting.split(row.getString("access_token_trusted_ips")),
                LoginSetting.split(row.getString("client_secret_trusted_ips")),
                row.getString("sent"));
    }

    /** The driver takes no null without a type. */
    private static String text(@Nullable List<String> networks) {
        var joined = LoginSetting.joined(networks);
        return joined == null ? "" : joined;
    }

    private static Problem notFound(UUID identityId, Method method) {
        return Problem.of(
                ErrorCode.AUTH_METHOD_NOT_FOUND,
                "The identity " + identityId + " does not log in with " + method.storedName() + ".");
    }
}
