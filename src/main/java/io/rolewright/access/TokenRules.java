package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.TokenRule.Conditions;
import io.rolewright.access.TokenRule.Method;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
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
import org.hibernate.reactive.mutiny.Mutiny;

/** Which identities log in with tokens of other issuers, and by which. */
@ApplicationScoped
class TokenRules {

    static final String COLUMNS = "r.id, r.method, r.issuer, r.ca_cert, r.conditions::text as conditions";

    private final Pool pool;
    private final Standings standings;
    private final AuditLog audit;

    TokenRules(Pool pool, Standings standings, AuditLog audit) {
        this.pool = pool;
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
                    return rule(row);
                });
    }

    /** In place of the one that is there, whose tokens end. */
    Uni<TokenRule> set(Act act, UUID identityId, TokenRule rule) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Identities.locked(session, identityId)
                                .chain(() -> remove(session, identityId, rule.method()))
                                .chain(() -> session.createNativeQuery("""
                                        insert into token_rule (id, identity_id, method, issuer, ca_cert, conditions)
                                        values (?1, ?2, ?3, ?4, nullif(?5, ''), cast(cast(?6 as text) as jsonb))""")
                                        .setParameter(1, rule.id())
                                        .setParameter(2, identityId)
                                        .setParameter(3, rule.method().storedName)
                                        .setParameter(4, rule.issuer())
                                        .setParameter(5, rule.caCert() == null ? "" : rule.caCert())
                                        .setParameter(6, json(rule.conditions()).encode())
                                        .executeUpdate())
                                .chain(() -> Standings.changed(session, identityId))
                                .chain(() -> audit.record(act.success(AuditType.SET_AUTH_METHOD)
                                        .on(Identities.KIND, identityId)
                                        .with("method", rule.method().storedName)
                                        .with("issuer", rule.issuer())))))
                .invoke(() -> standings.forget(List.of(identityId)))
                .replaceWith(rule);
    }

    /** Ends the tokens that were obtained by it too. @return what it was */
    Uni<TokenRule> delete(Act act, UUID identityId, Method method) {
        return get(identityId, method)
                .call(() -> Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> remove(session, identityId, method))
                                .chain(() -> Bindings.keepAnAdministrator(session))
                                .chain(() -> Standings.changed(session, identityId))
                                .chain(() -> audit.record(act.success(AuditType.REMOVE_AUTH_METHOD)
                                        .on(Identities.KIND, identityId)
                                        .with("method", method.storedName))))))
                .invoke(() -> standings.forget(List.of(identityId)));
    }

    private static Uni<Void> remove(Mutiny.Session session, UUID identityId, Method method) {
        return session.createNativeQuery("delete from token_rule where identity_id = ?1 and method = ?2")
                .setParameter(1, identityId)
                .setParameter(2, method.storedName)
                .executeUpdate()
                .replaceWithVoid();
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
