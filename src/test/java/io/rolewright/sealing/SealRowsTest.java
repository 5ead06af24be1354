package io.rolewright.sealing;

import static io.rolewright.sealing.KeyCommand.SEAL_ROWS;
import static io.rolewright.sealing.Replica.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.rolewright.sealing.KeyRun.State;
import io.rolewright.testing.TestPostgres;
import io.vertx.sqlclient.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store of a build that sealed no rows: how it gets to where a row without a seal counts for nothing. */
class SealRowsTest {

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final List<Replica> replicas = new ArrayList<>();
    private final UUID identity = UUID.randomUUID();
    private final UUID binding = UUID.randomUUID();
    private String store;
    private Replica replica;

    @TempDir
    Path files;

    @BeforeEach
    void aStoreOfTheBuildBefore() throws IOException {
        store = postgres.database();
        MigratedStore.migrate(postgres, store);
        var first = replica();
        byte[] key = first.sealer.keyring().fingerprintKey().getEncoded();
        byte[] asBefore = first.sealer.seal(SealedField.FINGERPRINT_KEY, SealedField.Place.STORE, 0, key);
        sql("UPDATE sealed_constant SET version = 0, sealed = '\\x"
                + HexFormat.of().formatHex(asBefore) + "' WHERE name = 'fingerprint-key'");
        first.close();
        replicas.clear();
        sql("DELETE FROM key_holder");
        sql("INSERT INTO identity (id, name, client_id) VALUES ('" + identity + "', 'older', 'older')");
        sql("INSERT INTO role_binding (id, identity_id, role) VALUES ('" + binding + "', '" + identity + "', 'admin')");
        replica = replica();
    }

    @AfterEach
    void close() {
        replicas.forEach(Replica::close);
    }

    @Test
    void aRowWithoutASealIsBelievedBefore() {
        assertThat(believesIdentity(replica)).isTrue();
    }

    /** As it does that knows the column but not the seal, while replicas are exchanged. */
    @Test
    void aRowThatTheBuildBeforeHasChangedSinceIsBelievedAndSealedAnew() {
        byte[] stale = new RowSeals(replica.sealer, new SimpleMeterRegistry())
                .seal(SealedRow.IDENTITY, identity, "as it was before");
        sql("UPDATE identity SET row_seal = '\\x" + HexFormat.of().formatHex(stale) + "'");
        assertThat(believesIdentity(replica)).isTrue();

        var run = replica.run(SEAL_ROWS);

        assertThat(run.state()).as(run.reason()).isEqualTo(State.DONE);
        assertThat(run.unreadable()).isZero();
        assertThat(believesIdentity(replica)).isTrue();
    }

    @Test
    void nothingIsSealedWhileABuildRunsThatSealsNothing() {
        sql(
                "INSERT INTO key_holder (process_id, seen_at, newest_key_id, active_key_id) VALUES (gen_random_uuid(), now(), 1, 1)");

        var run = replica.run(SEAL_ROWS);

        assertThat(run.state()).isEqualTo(State.FAILED);
        assertThat(run.reason())
                .isEqualTo(
                        "Processes of a build that seals no rows are running (1). Replace them, wait half a minute, and"
                                + " run it again.");
        assertThat(believesIdentity(replica)).isTrue();
        assertThat(seals()).containsOnlyNulls();
    }

    @Test
    void rowsThatAreThereAreSealedAndOthersCountForNothingInEveryReplica() throws IOException {
        var other = replica();

        var run = replica.run(SEAL_ROWS);

        assertThat(run.state()).as(run.reason()).isEqualTo(State.DONE);
        assertThat(run.done()).isEqualTo(2);
        assertThat(seals()).doesNotContainNull();
        await(other.loader.refresh());
        for (var each : List.of(replica, other, replica())) {
            assertThat(believesIdentity(each)).isTrue();
            assertThat(new RowSeals(each.sealer, new SimpleMeterRegistry())
                            .believes(SealedRow.IDENTITY, UUID.randomUUID(), null, "made up"))
                    .isFalse();
        }
    }

    @Test
    void givenAgainItNamesWhatSomebodyElseHasWritten() {
        replica.run(SEAL_ROWS);
        sql("UPDATE role_binding SET role = 'operator'");
        var madeUp = UUID.randomUUID();
        sql("INSERT INTO identity (id, name, client_id) VALUES ('" + madeUp + "', 'made up', 'made up')");

        var run = replica.run(SEAL_ROWS);

        assertThat(run.state()).isEqualTo(State.DONE);
        assertThat(run.reason()).isEqualTo("2 rows were not written by this service and count for nothing.");
        assertThat(await(replica.commands.unreadable(run.id())))
                .extracting(KeyRun.Unreadable::record)
                .containsExactlyInAnyOrder(binding, madeUp);
        assertThat(sql("SELECT row_seal FROM identity WHERE id = '" + madeUp + "'")
                        .get(0)
                        .getValue(0))
                .as("it is not sealed now")
                .isNull();
    }

    @Test
    void whoPutsTheOldKeyOfFingerprintsBackStopsNoProcessFromKnowingBetter() {
        sql("CREATE TABLE kept AS SELECT sealed FROM sealed_constant WHERE name = 'fingerprint-key'");
        replica.run(SEAL_ROWS);
        sql(
                "UPDATE sealed_constant SET version = 0, sealed = (SELECT sealed FROM kept) WHERE name = 'fingerprint-key'");

        replica.run(KeyCommand.NEW_DATA_KEY); // reads all keys anew

        assertThat(replica.sealer.keyring().rowsSealed()).isTrue();
    }

    private boolean believesIdentity(Replica by) {
        var row = sql("SELECT client_id, row_seal FROM identity WHERE id = '" + identity + "'")
                .get(0);
        var seal = row.getBuffer("row_seal");
        return new RowSeals(by.sealer, new SimpleMeterRegistry())
                .believes(
                        SealedRow.IDENTITY,
                        identity,
                        seal == null ? null : seal.getBytes(),
                        row.getString("client_id"));
    }

    private List<Object> seals() {
        return sql("SELECT row_seal FROM identity UNION ALL SELECT row_seal FROM role_binding").stream()
                .map(row -> row.getValue(0))
                .toList();
    }

    private Replica replica() throws IOException {
        var file = files.resolve("root-key");
        if (!Files.exists(file)) {
            Files.writeString(file, "k1:" + Base64.getEncoder().encodeToString(new byte[32]) + "\n");
        }
        var started = new Replica(postgres, store, file, null).start();
        replicas.add(started);
        return started;
    }

    private List<Row> sql(String statement) {
        return postgres.sqlIn(store, statement);
    }
}
