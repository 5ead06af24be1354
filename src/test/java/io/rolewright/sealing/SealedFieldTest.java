package io.rolewright.sealing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.testing.TestPostgres;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Row;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Holds the list of sealed fields against the schema: what is missing in either would be lost when keys change. */
class SealedFieldTest {

    /** Bytes that are not sealed values. A new column of bytes goes here, or into {@link SealedField} with its place. */
    private static final Set<String> NOT_SEALED = Set.of(
            "client_secret.fingerprint", // keyed hash
            "static_token.fingerprint", // keyed hash
            "idempotent_request.fingerprint", // keyed hash
            "unanswered_creation.fingerprint", // keyed hash
            "managed_role.server", // keyed hash
            "managed_role.role_server", // keyed hash
            "app_connection.server", // keyed hash
            "app_connection.login", // keyed hash
            "app_connection.login_address", // keyed hash
            "credential.row_seal", // copied, with what it is over, from and to secret_rotation and managed_connection
            "data_key.wrapped"); // by a root key

    private static final String TWINS = """
            SELECT c.conrelid::regclass || '.' || a.attname AS twin,
                   a.attgenerated = 's' AND a.atttypid = 'integer'::regtype AS generated,
                   pg_get_expr(d.adbin, d.adrelid) AS expression
            FROM pg_constraint c
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ALL (c.conkey)
            LEFT JOIN pg_attrdef d ON d.adrelid = c.conrelid AND d.adnum = a.attnum
            WHERE c.contype = 'f' AND c.confrelid = 'data_key'::regclass""";

    private static final String BYTES = """
            SELECT table_name || '.' || column_name AS name FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type = 'bytea'""";

    private static final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private static String store;

    @BeforeAll
    static void makeStore() throws IOException {
        store = postgres.database();
        MigratedStore.migrate(postgres, store);
    }

    @ParameterizedTest
    @EnumSource
    void liesWhereItSays(SealedField field) {
        var place = field.place;

        // Fails if a table, a column or an expression is not there, or not of the type that re-encryption reads.
        postgres.sqlIn(
                store, """
                SELECT (%s)::uuid, (%s)::bigint, octet_length(%s) FROM %s WHERE %s""".formatted(place.record(), place.version(), place.column(), place.table(), place.where()));
    }

    @ParameterizedTest
    @EnumSource
    void saysBesideItWhichKeyItNeeds(SealedField field) {
        var place = field.place;

        assertThat(postgres.sqlIn(store, TWINS))
                .as("%s needs the column %s, as SealedField describes it", field, place.keyId())
                .anySatisfy(twin -> {
                    assertThat(twin.getString("twin")).isEqualTo(place.table() + "." + place.keyId());
                    assertThat(twin.getBoolean("generated")).isTrue();
                    assertThat(twin.getString("expression")).isEqualTo("sealed_key_id(" + place.column() + ")");
                });
    }

    @Test
    void noColumnThatNeedsADataKeyIsForgotten() {
        var known = Arrays.stream(SealedField.values())
                .map(field -> field.place.table() + "." + field.place.keyId())
                .collect(Collectors.toSet());

        assertThat(postgres.sqlIn(store, TWINS))
                .extracting(twin -> twin.getString("twin"))
                .allMatch(known::contains);
    }

    @Test
    void everyColumnOfBytesIsEitherSealedOrKnownNotToBe() {
        var known = new HashSet<>(NOT_SEALED);
        Arrays.stream(SealedField.values())
                .forEach(field -> known.add(field.place.table() + "." + field.place.column()));

        assertThat(postgres.sqlIn(store, BYTES))
                .extracting(row -> row.getString("name"))
                .hasSameElementsAs(known);
    }

    @Test
    void twinReadsTheKeyIdAsTheFormatWritesIt() {
        var key = new DataKey(0x01020304, new byte[32]);
        byte[] sealed = SealedFormat.seal(key, new byte[12], SealedField.CANARY, UUID.randomUUID(), 0, new byte[0]);

        assertThat(keyId(sealed)).isEqualTo(0x01020304);
        assertThat(keyId(Arrays.copyOf(sealed, 4))).isNull();
        sealed[0] = 2;
        assertThat(keyId(sealed)).isNull();
    }

    @Test
    void aDataKeyThatSomethingNeedsCannotBeDeleted() {
        postgres.sqlIn(store, """
                INSERT INTO data_key (id, state, root_key_id, wrapped) VALUES (7, 'opening', 'k', '');
                INSERT INTO signing_key (id, sealed) VALUES (gen_random_uuid(), '\\x0100000007ff')""");

        assertThatThrownBy(() -> postgres.sqlIn(store, "DELETE FROM data_key WHERE id = 7"))
                .isInstanceOfSatisfying(
                        PgException.class,
                        refusal -> assertThat(refusal.getSqlState()).isEqualTo("23503"));
    }

    private static Integer keyId(byte[] sealed) {
        List<Row> rows = postgres.sqlIn(
                store, "SELECT sealed_key_id('\\x" + HexFormat.of().formatHex(sealed) + "') AS id");
        return rows.get(0).getInteger("id");
    }
}
