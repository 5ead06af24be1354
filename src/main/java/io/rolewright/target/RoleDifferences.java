package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import io.vertx.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * In what two roles are not alike that take turns: whoever logs in as the one that is served finds other rights, settings or limits after
 * each rotation. Of settings the names are told and never the values, since some keep secrets there.
 */
@ApplicationScoped
public class RoleDifferences {

    /** Of a setting for this database and one for all, the first counts. Values leave the server as hashes only. */
    private static final String LOOK = """
            SELECT r.rolname::text AS name, r.rolconnlimit,
                   CASE WHEN isfinite(r.rolvaliduntil)
                        THEN to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') ELSE 'never' END AS valid_until,
                   array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                                      CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
                                      CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END],
                                NULL)::text[] AS attributes,
                   ARRAY(SELECT DISTINCT g.rolname::text || CASE WHEN m.admin_option THEN ' WITH ADMIN' ELSE '' END
                                || CASE to_jsonb(m) ->> 'inherit_option' WHEN 'false' THEN ' WITHOUT INHERIT' ELSE '' END
                                || CASE to_jsonb(m) ->> 'set_option' WHEN 'false' THEN ' WITHOUT SET' ELSE '' END
                           FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS memberships,
                   ARRAY(SELECT DISTINCT ON (split_part(c, '=', 1)) split_part(c, '=', 1) || '=' || hashtextextended(c, 0)
                           FROM pg_db_role_setting s, unnest(s.setconfig) c
                          WHERE s.setrole = r.oid
                            AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
                          ORDER BY split_part(c, '=', 1), s.setdatabase DESC) AS settings
              FROM pg_roles r WHERE r.rolname::text = ANY ($1)
            """;

    private final Targets targets;

    @Inject
    public RoleDifferences(Targets targets) {
        this.targets = targets;
    }

    /**
     * One kind of difference.
     *
     * @param code stable: {@code memberships_differ}, {@code settings_differ}, {@code attributes_differ}, {@code connection_limit_differs},
     *     {@code valid_until_differs}
     */
    public record Difference(String code, String message) {}

    /**
     * @param login of whoever may look at both, which everybody may
     * @return empty when they are alike, when one of them is not there, and when the server does not tell; never fails for what it does
     */
    public Uni<List<Difference>> between(Login login, String first, String second, Purpose purpose, Deadline deadline) {
        return targets.withSession(
                        login,
                        purpose,
                        deadline,
                        "rolewright roles alike",
                        session -> session.query(LOOK, (Object) new String[] {first, second}))
                .map(rows -> {
                    Map<String, Row> byName =
                            rows.stream().collect(Collectors.toMap(row -> row.getString("name"), Function.identity()));
                    Row one = byName.get(first);
                    Row other = byName.get(second);
                    return one == null || other == null ? List.<Difference>of() : between(one, other);
                })
                .onFailure(TargetFailure.class)
                .recoverWithItem(List.of());
    }

    private static List<Difference> between(Row one, Row other) {
        List<Difference> all = new ArrayList<>();
        String members = only(one, other, "memberships");
        if (!members.isEmpty()) {
            all.add(new Difference(
                    "memberships_differ", "The roles are not members of the same roles: " + members + "."));
        }
        String settings = settings(one, other);
        if (!settings.isEmpty()) {
            all.add(new Difference(
                    "settings_differ",
                    "The roles have different settings (ALTER ROLE … SET) in this database: " + settings + "."));
        }
        String attributes = only(one, other, "attributes");
        if (!attributes.isEmpty()) {
            all.add(new Difference("attributes_differ", "The roles have different attributes: " + attributes + "."));
        }
        if (!one.getInteger("rolconnlimit").equals(other.getInteger("rolconnlimit"))) {
            all.add(new Difference(
                    "connection_limit_differs",
                    "The roles have different connection limits: " + limit(one) + " and " + limit(other) + "."));
        }
        if (!one.getString("valid_until").equals(other.getString("valid_until"))) {
            all.add(new Difference(
                    "valid_until_differs",
                    "The passwords of the roles end at different times (VALID UNTIL): " + until(one) + " and "
                            + until(other) + "."));
        }
        return all;
    }

    private static String only(Row one, Row other, String column) {
        return Stream.of(only(one, column, other), only(other, column, one))
                .filter(text -> !text.isEmpty())
                .collect(Collectors.joining("; "));
    }

    private static String only(Row has, String column, Row hasNot) {
        var left = new TreeSet<>(Arrays.asList(has.getArrayOfStrings(column)));
        Arrays.asList(hasNot.getArrayOfStrings(column)).forEach(left::remove);
        return left.isEmpty() ? "" : "only " + has.getString("name") + " has " + String.join(", ", left);
    }

    private static String settings(Row one, Row other) {
        Map<String, String> first = values(one);
        Map<String, String> second = values(other);
        return Stream.concat(first.keySet().stream(), second.keySet().stream())
                .distinct()
                .sorted()
                .filter(name -> !first.getOrDefault(name, "").equals(second.getOrDefault(name, "")))
                .collect(Collectors.joining(", "));
    }

    private static Map<String, String> values(Row row) {
        return Arrays.stream(row.getArrayOfStrings("settings"))
                .map(each -> each.split("=", 2))
                .collect(Collectors.toMap(each -> each[0], each -> each[1], (a, b) -> a, TreeMap::new));
    }

    private static String limit(Row row) {
        int limit = row.getInteger("rolconnlimit");
        return row.getString("name") + " " + (limit < 0 ? "none" : Integer.toString(limit));
    }

    private static String until(Row row) {
        return row.getString("name") + " " + row.getString("valid_until");
    }
}
