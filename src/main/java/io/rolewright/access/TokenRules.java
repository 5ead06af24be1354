package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.TokenRule.Conditions;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/** Which identities log in with tokens of other issuers, and by which. */
@ApplicationScoped
class TokenRules {

    static final String COLUMNS = "r.id, r.method, r.issuer, r.ca_cert, r.conditions::text as conditions,"
            + " r.identity_id as rule_of, r.row_seal as rule_seal";

    private final Pool pool;
    private final RowSeals seals;
    private final Standings standings;
    private final AuditLog audit;

    TokenRules(Pool pool, RowSeals seals, Standings standings, AuditLog audit) {
        this.pool = pool;
        this.seals = seals;
        this.standings = standings;
        this.audit = audit;
    }

    /** @return fails with 404 {@code identity_not_found} or {@code auth_method_not_found} */
    Uni<TokenRule> get(UUID identityId, Method method) {
        return pool.preparedQuery(
                        "select " + COLUMNS + " from identity i left join token_rule r on r.identity_id = i.id"
                                + " and r.method = $2 where i.id = $1")
                .execute(Tuple.of(identityId, method.storedName))
                .map(rows -> {
                    if (rows.size() == 0) {
                        throw Identities.notFound(identityId);
                    }
                    var row = rows.iterator().next();
                    if (row.getUUID("id") == null) {
                        throw notFound(identityId, method);
                    }
                    if (!believes(seals, row)) {
                        throw notFound(identityId, method);
                    }
                    return rule(row);
                });
    }

    /** What a change depends on is not there any more: somebody else has changed it. */
    static final class Overtaken extends RuntimeException {
        Overtaken() {
            super("The rule was changed meanwhile", null, false, false);
        }
    }

    /**
     * In place of the one that is there, whose tokens end; what the reference's clients said of it is forgotten with it.
     *
     * @param seen that must be there, null for whatever there is; fails with {@link Overtaken}
     */
    Uni<TokenRule> set(Act act, UUID identityId, TokenRule rule, TokenRuleResource.@Nullable Known seen) {
        return get(identityId, rule.method())
                .onFailure(failure ->
                        failure instanceof Problem problem && problem.errorCode() == ErrorCode.AUTH_METHOD_NOT_FOUND)
                .recoverWithNull()
                .chain(before -> write(
                        act,
                        identityId,
                        rule,
                        rule.changedFrom(before),
                        session -> require(session, identityId, rule.method(), seen)
                                .chain(() -> session.createNativeQuery(
                                                "update login_setting set sent = ?3 where identity_id = ?1 and method = ?2")
                                        .setParameter(1, identityId)
                                        .setParameter(2, rule.method().storedName)
                                        .setParameter(3, LoginSetting.NOTHING)
                                        .executeUpdate())
                                .replaceWithVoid()));
    }

    /** @return fails with 400 {@code auth_method_exists} if the identity has one, 404 {@code identity_not_found} */
    Uni<Void> refuseIfThere(UUID identityId, Method method) {
        return get(identityId, method).onItemOrFailure().transformToUni((rule, failure) -> {
            if (rule != null) {
                return Uni.createFrom().failure(exists(identityId, method));
            }
            return failure instanceof Problem problem && problem.errorCode() == ErrorCode.AUTH_METHOD_NOT_FOUND
                    ? Uni.createFrom().voidItem()
                    : Uni.createFrom().failure(failure);
        });
    }

    /** @return fails with 400 {@code auth_method_exists} */
    Uni<TokenRule> create(Act act, UUID identityId, TokenRule rule, LoginSetting setting) {
        return write(
                act,
                identityId,
                rule,
                rule.changedFrom(null),
                session -> session.createNativeQuery(
                                "select count(*) from token_rule where identity_id = ?1 and method = ?2 and id <> ?3",
                                Long.class)
                        .setParameter(1, identityId)
                        .setParameter(2, rule.method().storedName)
                        .setParameter(3, rule.id())
                        .getSingleResult()
                        .invoke(others -> {
                            if (others > 0) {
                                throw exists(identityId, rule.method());
                            }
                        })
                        .chain(() -> LoginSettings.write(session, seals, identityId, setting(rule.method()), setting)));
    }

    /**
     * @param rule one with the id of the one that is there keeps its tokens
     * @param changes to both
     * @param seen as for {@link #set}
     */
    Uni<TokenRule> change(
            Act act,
            UUID identityId,
            TokenRule rule,
            LoginSetting setting,
            Changes changes,
            TokenRuleResource.@Nullable Known seen) {
        return write(
                act,
                identityId,
                rule,
                changes,
                session -> require(session, identityId, rule.method(), seen)
                        .chain(() -> LoginSettings.write(session, seals, identityId, setting(rule.method()), setting)));
    }

    /** Joins the transaction that has locked the identity. */
    private Uni<Void> require(
            Mutiny.Session session, UUID identityId, Method method, TokenRuleResource.@Nullable Known seen) {
        if (seen == null) {
            return Uni.createFrom().voidItem();
        }
        return session.createNativeQuery(
                        "select count(*) from token_rule where identity_id = ?1 and method = ?2 and id = ?3",
                        Long.class)
                .setParameter(1, identityId)
                .setParameter(2, method.storedName)
                .setParameter(3, seen.rule().id())
                .getSingleResult()
                .chain(there -> LoginSettings.stored(session, seals, identityId, setting(method))
                        .invoke(now -> {
                            if (there == 0
                                    || !now.settings().equals(seen.setting().settings())) {
                                throw new Overtaken();
                            }
                        }))
                .replaceWithVoid();
    }

    /** @param first in the same transaction, when nobody else changes the identity */
    private Uni<TokenRule> write(
            Act act, UUID identityId, TokenRule rule, Changes changes, Function<Mutiny.Session, Uni<Void>> first) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Identities.locked(session, identityId)
                                .chain(() -> first.apply(session))
                                .chain(() -> session.createNativeQuery(
                                                "delete from token_rule where identity_id = ?1 and method = ?2 and id <> ?3")
                                        .setParameter(1, identityId)
                                        .setParameter(2, rule.method().storedName)
                                        .setParameter(3, rule.id())
                                        .executeUpdate())
                                .chain(() -> session.createNativeQuery(
                                                "select cast(cast(cast(?1 as text) as jsonb) as text)", String.class)
                                        .setParameter(1, json(rule.conditions()).encode())
                                        .getSingleResult())
                                .chain(conditions -> session.createNativeQuery("""
                                        insert into token_rule (
                                            id, identity_id, method, issuer, ca_cert, conditions, row_seal)
                                        values (
                                            ?1, ?2, ?3, ?4, nullif(?5, ''), cast(cast(?6 as text) as jsonb), ?7)
                                        on conflict (id) do nothing""")
                                        .setParameter(1, rule.id())
                                        .setParameter(2, identityId)
                                        .setParameter(3, rule.method().storedName)
                                        .setParameter(4, rule.issuer())
                                        .setParameter(5, rule.caCert() == null ? "" : rule.caCert())
                                        .setParameter(6, conditions)
                                        .setParameter(7, seal(identityId, rule, conditions))
                                        .executeUpdate())
                                .chain(() -> Standings.changed(session, identityId))
                                .chain(() -> audit.record(act.success(AuditType.SET_AUTH_METHOD)
                                        .on(Identities.KIND, identityId)
                                        .with("method", rule.method().storedName)
                                        .with("issuer", rule.issuer())
                                        .with(
                                                "conditions",
                                                json(rule.conditions()).encode())
                                        .with("ownCa", rule.caCert() != null)
                                        .with(Changes.FACT, changes.fields())))))
                .invoke(() -> standings.forget(List.of(identityId)))
                .replaceWith(rule);
    }

    /** Ends the tokens that were obtained by it too. @return what it was */
    Uni<TokenRule> delete(Act act, UUID identityId, Method method) {
        return get(identityId, method)
                .call(() -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> session.createNativeQuery(
                                                "delete from token_rule where identity_id = ?1 and method = ?2")
                                        .setParameter(1, identityId)
                                        .setParameter(2, method.storedName)
                                        .executeUpdate())
                                .chain(() -> LoginSettings.remove(session, identityId, setting(method)))
                                .chain(() -> Bindings.keepAnAdministrator(session, seals))
                                .chain(() -> Standings.changed(session, identityId))
                                .chain(() -> audit.record(act.success(AuditType.REMOVE_AUTH_METHOD)
                                        .on(Identities.KIND, identityId)
                                        .with("method", method.storedName))))))
                .invoke(() -> standings.forget(List.of(identityId)));
    }

    private static LoginSetting.Method setting(Method method) {
        return LoginSetting.Method.valueOf(method.name());
    }

    private static Problem exists(UUID identityId, Method method) {
        return Problem.of(
                ErrorCode.AUTH_METHOD_EXISTS,
                "The identity " + identityId + " has a " + method.storedName
                        + " already: change it, or delete it first.");
    }

    /** @param conditions as the store writes them, which is what is read back */
    private byte[] seal(UUID identityId, TokenRule rule, String conditions) {
        if (!conditions(new JsonObject(conditions)).equals(rule.conditions())) {
            throw new IllegalStateException("The store reads the conditions of a token rule otherwise than they are");
        }
        var caCert = rule.caCert();
        return seals.seal(
                SealedRow.TOKEN_RULE,
                rule.id(),
                identityId,
                rule.method().storedName,
                rule.issuer(),
                caCert == null || caCert.isEmpty() ? null : caCert,
                conditions);
    }

    /** @param row with {@link #COLUMNS} */
    static boolean believes(RowSeals seals, Row row) {
        return seals.believes(
                SealedRow.TOKEN_RULE,
                row.getUUID("id"),
                RowSeals.bytes(row.getBuffer("rule_seal")),
                row.getUUID("rule_of"),
                row.getString("method"),
                row.getString("issuer"),
                row.getString("ca_cert"),
                row.getString("conditions"));
    }

    static TokenRule rule(Row row) {
        var method = row.getString("method").equals(Method.OIDC.storedName) ? Method.OIDC : Method.KUBERNETES;
        return new TokenRule(
                row.getUUID("id"),
                method,
                row.getString("issuer"),
                row.getString("ca_cert"),
                conditions(new JsonObject(row.getString("conditions"))));
    }

    private static JsonObject json(Conditions conditions) {
        var claims = new JsonObject();
        conditions.claims().forEach((name, values) -> claims.put(name, new JsonArray(values)));
        return new JsonObject()
                .put("audiences", new JsonArray(conditions.audiences()))
                .put("subject", conditions.subject())
                .put("claims", claims)
                .put("namespaces", new JsonArray(conditions.namespaces()))
                .put("names", new JsonArray(conditions.names()));
    }

    private static Conditions conditions(JsonObject json) {
        Map<String, List<String>> claims = new LinkedHashMap<>();
        var stored = json.getJsonObject("claims");
        stored.fieldNames().forEach(name -> claims.put(name, texts(stored.getJsonArray(name))));
        return new Conditions(
                texts(json.getJsonArray("audiences")),
                json.getString("subject"),
                claims,
                texts(json.getJsonArray("namespaces")),
                texts(json.getJsonArray("names")));
    }

    private static List<String> texts(JsonArray array) {
        return array.stream().map(String.class::cast).toList();
    }

    private static Problem notFound(UUID identityId, Method method) {
        return Problem.of(
                ErrorCode.AUTH_METHOD_NOT_FOUND,
                "The identity " + identityId + " does not log in with " + method.storedName + ".");
    }
}
