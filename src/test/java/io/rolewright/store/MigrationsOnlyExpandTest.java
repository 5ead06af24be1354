package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestPostgres;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The build before runs on while replicas are exchanged, so whatever it reads must stay, and all that it writes must still be taken. Asked
 * of the catalog, before and after each migration.
 */
class MigrationsOnlyExpandTest {

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final String database = postgres.database();

    /** @param optional whether an INSERT may leave it out */
    private record Column(String type, boolean optional) {}

    @Test
    void whatTheBuildBeforeReadsAndWritesIsStillThere() {
        Map<String, Column> columns = Map.of();
        Set<String> constraints = Set.of();
        for (Migration migration : Migration.all()) {
            postgres.sqlIn(database, migration.sql());
            Map<String, Column> now = columns();
            Map<String, Column> before = columns;

            before.forEach((name, was) -> {
                assertThat(now).as("%s drops or renames", migration).containsKey(name);
                assertThat(now.get(name).type)
                        .as("%s changes the type of %s", migration, name)
                        .isEqualTo(was.type);
                assertThat(now.get(name).optional || !was.optional)
                        .as("%s demands %s", migration, name)
                        .isTrue();
            });
            now.forEach((name, column) -> {
                if (!before.containsKey(name) && before.keySet().stream().anyMatch(sameTable(name))) {
                    assertThat(column.optional)
                            .as("%s demands the new column %s", migration, name)
                            .isTrue();
                }
            });
            Set<String> seen = constraints;
            constraints = constraints("true");
            assertThat(constraints(amongOld(before.keySet())))
                    .as("%s constrains columns that the build before writes as it likes", migration)
                    .isSubsetOf(seen);
            columns = now;
        }
        assertThat(columns).hasSizeGreaterThan(100);
    }

    private static java.util.function.Predicate<String> sameTable(String column) {
        String table = column.substring(0, column.indexOf('.') + 1);
        return other -> other.startsWith(table);
    }

    private Map<String, Column> columns() {
        return postgres
                .sqlIn(
                        database,
                        "SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod),"
                                + " NOT a.attnotnull OR a.atthasdef OR a.attidentity <> '' FROM pg_attribute a"
                                + " JOIN pg_class c ON c.oid = a.attrelid"
                                + " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
                                + " AND a.attnum > 0 AND NOT a.attisdropped")
                .stream()
                .collect(Collectors.toMap(
                        row -> row.getString(0), row -> new Column(row.getString(1), row.getBoolean(2))));
    }

    /** That it belongs to a table of old and to no new column of it. */
    private static String amongOld(Set<String> columns) {
        String old = "t::regclass || '.' || a.attname IN ('" + String.join("','", columns) + "')";
        return "EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t AND " + old + ") AND NOT EXISTS"
                + " (SELECT FROM unnest(k) n JOIN pg_attribute a ON a.attrelid = t AND a.attnum = n WHERE NOT " + old
                + ")";
    }

    /** Checks, keys and unique indexes. @param which a condition on table {@code t} and the numbers {@code k} of its columns */
    private Set<String> constraints(String which) {
        return postgres
                .sqlIn(
                        database,
                        "SELECT t::regclass || ': ' || d FROM ("
                                + "SELECT conrelid AS t, conkey AS k, pg_get_constraintdef(oid) AS d FROM pg_constraint"
                                + " WHERE contype IN ('c', 'f', 'x') AND connamespace = 'public'::regnamespace"
                                + " UNION ALL SELECT indrelid, indkey::int2[], pg_get_indexdef(indexrelid) FROM pg_index"
                                + " JOIN pg_class c ON c.oid = indrelid"
                                + " WHERE indisunique AND c.relnamespace = 'public'::regnamespace) x"
                                + " WHERE " + which)
                .stream()
                .map(row -> row.getString(0))
                .collect(Collectors.toSet());
    }
}
