package io.rolewright.sealing;

import static io.rolewright.sealing.KeyCommand.NEW_DATA_KEY;
import static io.rolewright.sealing.KeyCommand.RETIRE;
import static io.rolewright.sealing.KeyCommand.REWRAP;
import static io.rolewright.sealing.KeyCommand.RE_ENCRYPT;
import static io.rolewright.sealing.Replica.await;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.rolewright.problem.Problem;
import io.rolewright.sealing.KeyRun.State;
import io.rolewright.store.StartupStep.NotReady;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.VaultProtocolStub.Node;
import io.rolewright.testing.VaultUnderTest;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the key commands do to a store, on a real one, with several processes on it. */
class KeyCommandsTest {

    private static final byte[] SECRET = "a secret".getBytes(UTF_8);
    private static final Duration SOON = Duration.ofSeconds(20);

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final List<Replica> replicas = new ArrayList<>();
    private String store;

    @TempDir
    Path folder;

    @BeforeEach
    void makeStore() throws IOException {
        store = postgres.database();
        MigratedStore.migrate(postgres, store);
    }

    @AfterEach
    void stop() {
        replicas.forEach(Replica::close);
    }

    @Test
    void newDataKeySealsWhatIsNewAndTheOldOneStillOpensWhatIsOld() throws IOException {
        var replica = replica(keys("k1"));
        var old = signingKey(replica);

        var run = replica.run(NEW_DATA_KEY);

        assertThat(run.state()).as(run.reason()).isEqualTo(State.DONE);
        assertThat(run.reason()).startsWith("Data key 2 seals what is new.");
        assertThat(keyOf(signingKey(replica))).isEqualTo(2);
        assertThat(keyOf(old)).isEqualTo(1);
        assertOpens(replica, old);
    }

    @Test
    void newDataKeySealsNothingBeforeEveryProcessCanOpenIt() throws IOException {
        var one = replica(keys("k1"));
        var other = replica(keys("k1"));

        var run = await(one.commands.begin(NEW_DATA_KEY));
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(
                                await(one.commands.run(run.id())).orElseThrow().reason())
                        .isEqualTo("Waiting for 2 processes to read data key 2."));
        assertThat(keyOf(signingKey(one))).isEqualTo(1);

        await(other.commands.watch());

        await().atMost(SOON)
                .untilAsserted(() -> assertThat(
                                await(one.commands.run(run.id())).orElseThrow().state())
                        .isEqualTo(State.DONE));
        var sealed = signingKey(one);
        assertThat(keyOf(sealed)).isEqualTo(2);
        assertOpens(other, sealed);
    }

    /** One that was stopped in the debugger, or whose machine slept, while the others went on without it. */
    @Test
    void whatTheOthersSealedMeanwhileIsNotBrokenForAProcessThatStoodStill() throws IOException {
        var sleeper = replica(keys("k1"));
        var other = replica(keys("k1"));
        sql("UPDATE key_holder SET seen_at = seen_at - INTERVAL '31 seconds'");
        assertThat(other.run(NEW_DATA_KEY).state()).isEqualTo(State.DONE);
        var sealed = signingKey(other);

        assertThatThrownBy(() -> open(sleeper, sealed)).isInstanceOfSatisfying(Problem.class, p -> {
            assertThat(p.status()).isEqualTo(503);
            assertThat(p.code()).isEqualTo("data_key_not_loaded");
        });

        await(sleeper.commands.watch());
        assertOpens(sleeper, sealed);
    }

    @Test
    void newDataKeyOfARunThatDiedIsUsedAndNoOtherIsMade() throws IOException {
        var replica = replica(keys("k1"));
        var other = replica(keys("k1"));
        // It makes the key and waits for the first one; then its process dies.
        var run = await(other.commands.begin(NEW_DATA_KEY));
        await().atMost(SOON).until(() -> sql("SELECT FROM data_key").size() == 2);
        close(other);
        sql("UPDATE key_run SET lease_until = now() - INTERVAL '1 second'");
        // Who lives says so again; the dead one may not have said yet that it has the new key.
        sql("UPDATE key_holder SET seen_at = seen_at - INTERVAL '31 seconds'");

        await(replica.commands.watch());

        await().atMost(SOON)
                .untilAsserted(() -> assertThat(await(replica.commands.run(run.id()))
                                .orElseThrow()
                                .state())
                        .isEqualTo(State.DONE));
        assertThat(sql("SELECT id FROM data_key")).hasSize(2);
        assertThat(replica.sealer.keyring().active().id).isEqualTo(2);
    }

    @Test
    void reEncryptionBringsEveryFieldUnderTheActiveKeyAndChangesNothingElse() throws IOException {
        var replica = replica(keys("k1"));
        byte[] fingerprint = replica.sealer.fingerprint("test", SECRET);
        var records = new EnumMap<SealedField, UUID>(SealedField.class);
        for (var field : SealedField.values()) {
            records.put(field, insert(replica, field));
        }
        var before = sql("SELECT credentials_hash, version, credentials_version, updated_at FROM app_connection")
                .get(0);
        replica.run(NEW_DATA_KEY);

        var run = replica.run(RE_ENCRYPT);

        assertThat(run.state()).as(run.reason()).isEqualTo(State.DONE);
        assertThat(run.done()).isEqualTo(SealedField.values().length);
        assertThat(run.total()).isEqualTo(run.done());
        assertThat(run.unreadable()).isZero();
        for (var field : SealedField.values()) {
            var row = sealed(field);
            assertThat(row.getInteger("key")).as(field.name()).isEqualTo(2);
            byte[] opened = replica.sealer.open(
                    field,
                    row.getUUID("record"),
                    row.getLong("version"),
                    row.getBuffer("sealed").getBytes());
            if (field.place.table().equals("sealed_constant")) {
                assertThat(opened).hasSizeGreaterThanOrEqualTo(32);
            } else {
                assertThat(opened).as(field.name()).isEqualTo(SECRET);
                assertThat(row.getUUID("record")).isEqualTo(records.get(field));
            }
        }
        var after = sql("SELECT credentials_hash, version, credentials_version, updated_at FROM app_connection")
                .get(0);
        assertThat(after.deepToString()).isEqualTo(before.deepToString());
        assertThat(replica.sealer.fingerprint("test", SECRET)).isEqualTo(fingerprint);
        assertThat(replica(keys("k1")).sealer.fingerprint("test", SECRET)).isEqualTo(fingerprint);
    }

    @Test
    void recordsThatCannotBeOpenedAreNamedAndNeitherStopNorLoopTheRun() throws IOException {
        var replica = replica(keys("k1"));
        for (int i = 0; i < 450; i++) {
            signingKey(replica);
        }
        var broken = signingKey(replica);
        sql("UPDATE signing_key SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE id = '" + broken
                + "'");
        var shapeless = signingKey(replica);
        sql("UPDATE signing_key SET sealed = '\\xff' WHERE id = '" + shapeless + "'");
        replica.run(NEW_DATA_KEY);

        var run = replica.run(RE_ENCRYPT);

        assertThat(run.state()).as(run.reason()).isEqualTo(State.DONE);
        assertThat(run.done()).isEqualTo(452);
        assertThat(run.unreadable()).isEqualTo(2);
        assertThat(run.total()).isEqualTo(454);
        assertThat(await(replica.commands.unreadable(run.id())))
                .extracting(KeyRun.Unreadable::record)
                .containsExactlyInAnyOrder(broken, shapeless);
        var again = replica.run(RE_ENCRYPT);
        assertThat(again.done()).isZero();
        assertThat(again.unreadable()).isEqualTo(2);
    }

    @Test
    void aRowThatSomebodyWorksOnHoldsNobodyUpAndIsDoneLater() throws IOException {
        var replica = replica(keys("k1"));
        var busy = signingKey(replica);
        var free = signingKey(replica);
        replica.run(NEW_DATA_KEY);
        var session = await(replica.pool.getConnection());
        var transaction = await(session.begin());
        await(session.query("SELECT FROM signing_key WHERE id = '" + busy + "' FOR UPDATE")
                .execute());

        var run = await(replica.commands.begin(RE_ENCRYPT));

        await().atMost(SOON).until(() -> keyOf(free) == 2);
        assertThat(keyOf(busy)).isEqualTo(1);
        await(transaction.commit());
        await(session.close());
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(await(replica.commands.run(run.id()))
                                .orElseThrow()
                                .state())
                        .isEqualTo(State.DONE));
        assertThat(keyOf(busy)).isEqualTo(2);
        assertOpens(replica, busy);
    }

    @Test
    void dataKeyIsRetiredOnlyWhenNothingNeedsIt() throws IOException {
        var replica = replica(keys("k1"));
        var record = signingKey(replica);
        replica.run(NEW_DATA_KEY);

        var tooEarly = replica.run(RETIRE);
        assertThat(tooEarly.state()).isEqualTo(State.FAILED);
        assertThat(tooEarly.reason())
                .isEqualTo("Data key 1 stays: records need it ({SIGNING_KEY=1, CANARY=1, FINGERPRINT_KEY=1}).");
        assertOpens(replica, record);

        replica.run(RE_ENCRYPT);
        var run = replica.run(RETIRE);

        assertThat(run.state()).as(run.reason()).isEqualTo(State.DONE);
        assertThat(run.reason()).isEqualTo("Nothing needs these data keys, and they are gone: 1.");
        assertThat(sql("SELECT id FROM data_key"))
                .extracting(row -> row.getInteger("id"))
                .containsExactly(2);
        assertOpens(replica, record);
        assertOpens(replica(keys("k1")), record);
    }

    @Test
    void dataKeyThatAProcessStillSealsWithStaysAndALateWriterLosesNothing() throws IOException {
        var late = replica(keys("k1"));
        var replica = replica(keys("k1"));
        byte[] sealedLate = late.sealer.seal(SealedField.SIGNING_KEY, UUID.randomUUID(), 0, SECRET);
        sql("UPDATE key_holder SET seen_at = seen_at - INTERVAL '31 seconds'");
        replica.run(NEW_DATA_KEY);
        replica.run(RE_ENCRYPT);
        sql("UPDATE key_holder SET seen_at = now()");

        assertThat(replica.run(RETIRE).reason()).isEqualTo("Data key 1 stays: a process still seals with it.");

        await(late.commands.watch());
        assertThat(replica.run(RETIRE).state()).isEqualTo(State.DONE);
        // A value that was sealed before and is only now written would never open: PostgreSQL refuses the row.
        assertThatThrownBy(() -> sql("INSERT INTO signing_key (id, sealed) VALUES (gen_random_uuid(), '\\x"
                        + HexFormat.of().formatHex(sealedLate) + "')"))
                .isInstanceOfSatisfying(
                        PgException.class,
                        refusal -> assertThat(refusal.getSqlState()).isEqualTo("23503"));
    }

    @Test
    void rewrapMovesToAnotherRootKeyAndNeedsTheOldOneNoMore() throws IOException {
        var replica = replica(keys("k1"));
        var record = signingKey(replica);
        replica.run(NEW_DATA_KEY);
        close(replica);

        var moved = replica(keys("k2", "k1"));
        var run = moved.run(REWRAP);

        assertThat(run.state()).as(run.reason()).isEqualTo(State.DONE);
        assertThat(run.reason())
                .isEqualTo(
                        "The data keys are wrapped by file k2. This store needs no other root key; its older backups do.");
        assertOpens(replica(keys("k2")), record);
        assertThatThrownBy(() -> replica(keys("k1"))).isInstanceOf(NotReady.class);
    }

    @Test
    void aProcessThatHoldsTheKeysRewrapsThemWhenTheOldRootKeyIsLost() throws IOException {
        var file = keys("k1");
        var replica = replica(file);
        var record = signingKey(replica);
        Files.writeString(file, keyLine("k2"));
        assertThatThrownBy(() -> replica(keys("k2"))).isInstanceOf(NotReady.class);

        assertThat(replica.run(REWRAP).reason()).startsWith("The data keys are wrapped by file k2.");

        assertOpens(replica(keys("k2")), record);
    }

    @Test
    void aRootKeyFileThatNoLongerOpensTheStoreIsFoundWhileItRuns() throws IOException {
        var file = keys("k1");
        var replica = replica(file);
        var record = signingKey(replica);
        Replica.await(replica.commands.watch());

        Files.writeString(file, keyLine("k2"));
        for (int look = 0; look < 2; look++) {
            assertThatThrownBy(() -> Replica.await(replica.commands.watch()))
                    .isInstanceOf(NotReady.class)
                    .hasMessageContaining("wrapped by root key k1, which the root key file does not list");
        }
        assertOpens(replica, record);
        Files.delete(file);
        assertThatThrownBy(() -> Replica.await(replica.commands.watch()))
                .isInstanceOf(NotReady.class)
                .hasMessageContaining("does not exist");

        // The new key first, and the old one below it, without a restart.
        Files.writeString(file, keyLine("k2") + "\n" + keyLine("k1"));
        Replica.await(replica.commands.watch());
        assertThat(replica.run(REWRAP).reason()).startsWith("The data keys are wrapped by file k2.");
        Files.writeString(file, keyLine("k2"));
        Replica.await(replica.commands.watch());
    }

    @Test
    void rewrapMovesToVaultAndToANewVersionOfItsKey() throws IOException {
        try (var vault = VaultUnderTest.start()) {
            var mount = vault.transit("rolewright");
            var root = VaultRootKeyTest.rootKey(vault, mount, Map.of());
            var inFile = replica(keys("k1"));
            var record = signingKey(inFile);
            close(inFile);

            var moving = replica(keys("k1"), root);
            assertThat(moving.run(REWRAP).reason())
                    .startsWith("The data keys are wrapped by vault-transit rolewright:v1.");
            var inVault = replica(null, root);
            assertOpens(inVault, record);

            vault.rotate(mount, "rolewright");
            assertThat(inVault.run(REWRAP).reason())
                    .startsWith("The data keys are wrapped by vault-transit rolewright:v2.");
            vault.write(mount + "/keys/rolewright/config", Map.of("min_decryption_version", 2));
            assertOpens(replica(null, root), record);
        }
    }

    @Test
    void aRootThatIsDownHurtsNobodyUntilANewDataKeyIsNeeded() {
        try (var vault = VaultUnderTest.start()) {
            var stub = vault.stub().orElse(null);
            assumeTrue(stub != null, "no one does that to a server of others");
            var mount = vault.transit("rolewright");
            var root = VaultRootKeyTest.rootKey(vault, mount, Map.of());
            var replica = replica(null, root);
            var record = signingKey(replica);
            stub.takeRequests();
            replica(null, root);
            assertThat(stub.takeRequests()).containsExactly("POST " + mount + "/decrypt/rolewright");

            stub.become(Node.SEALED);

            for (int i = 0; i < 20; i++) {
                assertOpens(replica, signingKey(replica));
                await(replica.commands.watch());
            }
            assertOpens(replica, record);
            assertThat(stub.takeRequests()).isEmpty();
            assertThatThrownBy(() -> replica(null, root))
                    .isInstanceOf(NotReady.class)
                    .hasMessage("Vault does not give the root key: 503, it is sealed.");
            for (var command : List.of(NEW_DATA_KEY, REWRAP)) {
                var run = replica.run(command);
                assertThat(run.state()).isEqualTo(State.FAILED);
                assertThat(run.reason()).isEqualTo("Vault does not give the root key: 503, it is sealed.");
            }
            assertThat(replica.run(RE_ENCRYPT).state()).isEqualTo(State.DONE);

            stub.become(Node.ACTIVE);
            sql("DELETE FROM key_holder");
            assertThat(replica.run(NEW_DATA_KEY).state()).isEqualTo(State.DONE);
        }
    }

    @Test
    void oneCommandRunsAtATime() throws IOException {
        var one = replica(keys("k1"));
        var other = replica(keys("k1"));
        var run = await(one.commands.begin(NEW_DATA_KEY));

        assertThat(await(other.commands.begin(NEW_DATA_KEY)).id()).isEqualTo(run.id());
        assertThatThrownBy(() -> await(other.commands.begin(REWRAP))).isInstanceOfSatisfying(Problem.class, p -> {
            assertThat(p.code()).isEqualTo("key_command_running");
            assertThat(p.details()).containsEntry("runId", run.id());
        });
    }

    @Test
    void statusCountsWhatEachKeyIsNeededFor() throws IOException {
        var replica = replica(keys("k1"));
        signingKey(replica);
        replica.run(NEW_DATA_KEY);
        signingKey(replica);
        signingKey(replica);

        var status = await(replica.commands.status());

        assertThat(status.processes()).isEqualTo(1);
        assertThat(status.dataKeys())
                .extracting(key -> key.id() + " " + key.active() + " " + key.rootKeyId() + " " + key.records())
                .containsExactly(
                        "1 false k1 {SIGNING_KEY=1, CANARY=1, FINGERPRINT_KEY=1}", "2 true k1 {SIGNING_KEY=2}");
    }

    // ---- Rows -------------------------------------------------------------------------------------------------------

    private UUID signingKey(Replica replica) {
        return insert(replica, SealedField.SIGNING_KEY);
    }

    /** No default: a field that is new must say here how a row of it looks. */
    private UUID insert(Replica replica, SealedField field) {
        var id = switch (field) {
            case CONNECTION_ROW, MANAGED_CONNECTION_ROW -> existing("app_connection");
            case MANAGED_ROLE_ROW -> existing("managed_role");
            case WEBHOOK_ROW -> existing("webhook");
            case VAULT_DELIVERY_ROW -> existing("secret_rotation");
            default -> UUID.randomUUID();
        };
        long version = switch (field) {
            case CONNECTION_CREDENTIALS, PASSWORD_VERSION, WEBHOOK_RECEIVER -> 3;
            default -> 0;
        };
        var sealed = "'\\x" + HexFormat.of().formatHex(replica.sealer.seal(field, id, version, SECRET)) + "'";
        switch (field) {
            case CANARY, FINGERPRINT_KEY -> {} // every store has them
            case SIGNING_KEY -> sql("INSERT INTO signing_key (id, sealed) VALUES ('%s', %s)".formatted(id, sealed));
            case CONNECTION_CREDENTIALS -> sql("""
                        INSERT INTO app_connection (id, name, version, credentials, credentials_version, credentials_hash,
                            created_at, updated_at)
                        VALUES ('%1$s', '%1$s', 5, %2$s, 3, 'the hash', now(), now())""".formatted(id, sealed));
            case IDEMPOTENT_REPLY -> sql("""
                        INSERT INTO idempotent_request (identity_id, key, run_id, fingerprint, lapses_at, expires_at, reply)
                        VALUES ('%1$s', 'k', '%1$s', '', now(), now(), %2$s);
                        INSERT INTO idempotent_request (identity_id, key, run_id, fingerprint, lapses_at, expires_at)
                        VALUES ('%1$s', 'running', gen_random_uuid(), '', now(), now())""".formatted(id, sealed));
            case PASSWORD_VERSION -> sql("""
                        INSERT INTO managed_role (id, owner_kind, owner_id, self, role_name, server, marked, epoch, state,
                            created_at)
                        VALUES ('%1$s', 'rotation', '%1$s', false, 'r', '', true, 1, 'OK', now());
                        INSERT INTO password_version (id, role_id, number, state, cause, sealed, created_at)
                        VALUES ('%1$s', '%1$s', 3, 'CURRENT', 'test', %2$s, now())""".formatted(id, sealed));
            case WEBHOOK_RECEIVER -> sql("""
                        INSERT INTO project (id, name, slug, created_at, updated_at)
                        VALUES ('%1$s', 'p', 'p', now(), now());
                        INSERT INTO webhook (id, project_id, name, events, enabled, sealed, sealed_version, created_at, updated_at)
                        VALUES ('%1$s', '%1$s', 'w', 'rotation.failed', true, %2$s, 3, now(), now())""".formatted(id, sealed));
            case IDENTITY_ROW ->
                sql("INSERT INTO identity (id, name, client_id, row_seal) VALUES ('%1$s', '%1$s', '%1$s', %2$s)"
                        .formatted(id, sealed));
            case ROLE_BINDING_ROW ->
                sql("INSERT INTO role_binding (id, identity_id, role, row_seal) VALUES ('%s', %s, 'r', %s)"
                        .formatted(id, anIdentity(), sealed));
            case CLIENT_SECRET_ROW ->
                sql("INSERT INTO client_secret (id, identity_id, fingerprint, row_seal) VALUES ('%s', %s, '', %s)"
                        .formatted(id, anIdentity(), sealed));
            case STATIC_TOKEN_ROW -> sql("""
                        INSERT INTO static_token (id, identity_id, name, role, fingerprint, expires_at, row_seal)
                        VALUES ('%s', %s, 't', 'r', '', now(), %s)""".formatted(id, anIdentity(), sealed));
            case TOKEN_RULE_ROW -> sql("""
                        INSERT INTO token_rule (id, identity_id, method, issuer, conditions, row_seal)
                        VALUES ('%s', %s, 'oidc-auth', 'i', '{}', %s)""".formatted(id, anIdentity(), sealed));
            case LOGIN_SETTING_ROW -> sql("""
                        INSERT INTO login_setting (id, identity_id, method, row_seal)
                        VALUES ('%s', %s, 'oidc-auth', %s)""".formatted(id, anIdentity(), sealed));
            case PROJECT_ROW -> sql("""
                        INSERT INTO project (id, name, slug, row_seal) VALUES ('%1$s', '%1$s', '%1$s', %2$s)""".formatted(id, sealed));
            case ROTATION_ROW ->
                sql("""
                        INSERT INTO secret_rotation (id, project_id, environment, secret_path, name, connection_id, strategy, drift_policy,
                            takeover, allow_privileged, username1, username2, role1_id, username_secret, password_secret,
                            auto_rotation, interval_days, rotate_at_minute, active_index, credential_version, last_rotation_manual,
                            failures, roles_to_revoke, created_at, updated_at, row_seal)
                        VALUES ('%1$s', '%2$s', 'e', '/', 'r', '%3$s', 'SINGLE', 'REPORT', false, false, 'u', 'u', '%4$s', 'U', 'P',
                            false, 30, 0, 0, 0, false, 0, 0, now(), now(), %5$s)""".formatted(
                                id, existing("project"), existing("app_connection"), existing("managed_role"), sealed));
            case MANAGED_CONNECTION_ROW -> sql("""
                        INSERT INTO managed_connection (connection_id, id, role_id, auto_rotation, last_manual, created_at, updated_at,
                            row_seal)
                        VALUES ('%1$s', '%1$s', '%2$s', false, false, now(), now(), %3$s)""".formatted(id, existing("managed_role"), sealed));
            case VAULT_DELIVERY_ROW ->
                sql("INSERT INTO vault_delivery (rotation_id, mount, path, row_seal) VALUES ('%s', 'm', 'p', %s)"
                        .formatted(id, sealed));
            case CONNECTION_ROW, MANAGED_ROLE_ROW, WEBHOOK_ROW ->
                sql("UPDATE %s SET row_seal = %s WHERE id = '%s'".formatted(field.place.table(), sealed, id));
        }
        return id;
    }

    /** Of the fields before. */
    private UUID existing(String table) {
        return sql("SELECT id FROM " + table + " LIMIT 1").get(0).getUUID(0);
    }

    private static String anIdentity() {
        return "(SELECT id FROM identity LIMIT 1)";
    }

    private Row sealed(SealedField field) {
        var place = field.place;
        return sql("SELECT %s AS record, %s::bigint AS version, %s AS sealed, %s AS key FROM %s WHERE %s"
                        .formatted(
                                place.record(),
                                place.version(),
                                place.column(),
                                place.keyId(),
                                place.table(),
                                place.where()))
                .get(0);
    }

    private int keyOf(UUID signingKey) {
        return sql("SELECT sealed_key_id FROM signing_key WHERE id = '" + signingKey + "'")
                .get(0)
                .getInteger(0);
    }

    private byte[] open(Replica replica, UUID signingKey) {
        var row = sql("SELECT sealed FROM signing_key WHERE id = '" + signingKey + "'")
                .get(0);
        return replica.sealer.open(
                SealedField.SIGNING_KEY, signingKey, 0, row.getBuffer(0).getBytes());
    }

    private void assertOpens(Replica replica, UUID signingKey) {
        assertThat(open(replica, signingKey)).isEqualTo(SECRET);
    }

    private List<Row> sql(String statements) {
        return postgres.sqlIn(store, statements);
    }

    // ---- Processes and root keys ------------------------------------------------------------------------------------

    private Replica replica(Path rootKeyFile) {
        return replica(rootKeyFile, null);
    }

    private Replica replica(Path rootKeyFile, VaultRootKey vault) {
        var replica = new Replica(postgres, store, rootKeyFile, vault);
        replicas.add(replica);
        return replica.start();
    }

    private void close(Replica replica) {
        replicas.remove(replica);
        replica.close();
    }

    private Path keys(String... ids) throws IOException {
        var lines = Stream.of(ids).map(KeyCommandsTest::keyLine).toList();
        return Files.write(Files.createTempFile(folder, "root", ".keys"), lines);
    }

    /** The same name is always the same key. */
    private static String keyLine(String id) {
        byte[] key = new byte[32];
        key[0] = (byte) id.hashCode();
        return id + ":" + Base64.getEncoder().encodeToString(key);
    }
}
