package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.rolewright.sealing.Resealed;
import io.rolewright.sealing.SealedColumns;
import io.rolewright.sealing.SealedRow;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.LoggedErrors;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Somebody who may write the store, and has no key, makes himself nobody by it: what a thief of {@code psql} tries. */
@QuarkusTest
class HostileStoreTest {

    /**
     * Of the identity that the rows are moved to; not the one that the tests log in as: {@link Resealed} makes them believed in the
     * end, and what it would then have to log in with would outlive this class.
     */
    private static final String SOMEBODY_ELSE = "somebody else";

    /** Another value for each column that decides; a new column must say here how it is altered. */
    private static final Map<String, String> ALTERED = Map.ofEntries(
            Map.entry("client_id", "client_id = gen_random_uuid()::text"),
            Map.entry(
                    "identity_id", "identity_id = (select id from identity where client_id = '" + SOMEBODY_ELSE + "')"),
            Map.entry("project_id", "project_id = (select id from project order by created_at limit 1)"),
            Map.entry("role", "role = 'admin'"),
            Map.entry("fingerprint", "fingerprint = '\\x0102'"),
            Map.entry("expires_at", "expires_at = now() + interval '1000 days'"),
            Map.entry("uses_limit", "uses_limit = 1000"),
            Map.entry("trusted_ips", "trusted_ips = '0.0.0.0/0'"),
            Map.entry("method", "method = 'kubernetes-auth'"),
            Map.entry("issuer", "issuer = 'https://thief.example'"),
            Map.entry("ca_cert", "ca_cert = 'of the thief'"),
            Map.entry("conditions::text", "conditions = '{\"audiences\": [\"any\"]}'"),
            Map.entry("access_token_ttl", "access_token_ttl = 7"),
            Map.entry("access_token_max_ttl", "access_token_max_ttl = 7000000"),
            Map.entry("access_token_trusted_ips", "access_token_trusted_ips = '0.0.0.0/0'"),
            Map.entry("client_secret_trusted_ips", "client_secret_trusted_ips = null"),
            Map.entry("slug", "slug = gen_random_uuid()::text"),
            Map.entry("environment", "environment = 'another'"),
            Map.entry("secret_path", "secret_path = '/another'"),
            Map.entry(
                    "connection_id",
                    "connection_id = (select id from app_connection c where c.id <> t.connection_id limit 1)"),
            Map.entry("strategy", "strategy = 'DUAL', role2_id = gen_random_uuid()"),
            Map.entry("role1_id", "role1_id = gen_random_uuid()"),
            Map.entry("role2_id", "strategy = 'DUAL', role2_id = gen_random_uuid()"),
            Map.entry("allow_privileged", "allow_privileged = true"),
            Map.entry("takeover", "takeover = true"),
            Map.entry(
                    "password_requirements",
                    "password_requirements = '{\"length\": 1, \"required\": {\"digits\": 1}}'"),
            Map.entry("owner_kind", "owner_kind = 'connection'"),
            Map.entry("owner_id", "owner_id = gen_random_uuid()"),
            Map.entry("self", "self = true"),
            Map.entry("role_name", "role_name = gen_random_uuid()::text"),
            Map.entry("server", "server = '\\x0102'"),
            Map.entry(
                    "role_id",
                    "role_id = (select id from managed_role m where m.id <> t.role_id and not exists ("
                            + "select from managed_connection o where o.role_id = m.id) limit 1)"),
            Map.entry("mount", "mount = 'thief'"),
            Map.entry("path", "path = 'thief/' || gen_random_uuid()"),
            Map.entry("events", "events = 'rotation.failed'"));

    private static final String AN_IDENTITY =
            "insert into identity (id, name, client_id) values ('%2$s', 'of the thief', '%2$s');";

    private static final String A_PROJECT =
            "insert into project (id, name, slug) values ('%2$s', 'of the thief %2$s', '%2$s');";

    private static final String A_CONNECTION = "insert into app_connection (id, project_id, name, version, credentials,"
            + " credentials_version, credentials_hash, created_at, updated_at) values ('%2$s', '%2$s', 'c', 1, '', 1, '', now(), now());";

    private static final String A_ROLE =
            "insert into managed_role (id, owner_kind, owner_id, connection_id, self, role_name, server,"
                    + " marked, epoch, state, created_at) values ('%1$s', 'rotation', '%2$s', '%2$s', false, '%1$s', '\\x01', true, 0, 'OK', now());";

    private static final String A_ROTATION =
            "insert into secret_rotation (id, project_id, environment, secret_path, name, connection_id,"
                    + " strategy, drift_policy, takeover, allow_privileged, username1, username2, role1_id, username_secret, password_secret,"
                    + " auto_rotation, interval_days, rotate_at_minute, active_index, credential_version, last_rotation_manual, failures,"
                    + " roles_to_revoke, created_at, updated_at) values ('%1$s', '%2$s', 'e', '/', 'r', '%2$s', 'SINGLE', 'REPORT', false, false,"
                    + " 'u', 'u', '%2$s', 'U', 'P', false, 30, 0, 0, 0, false, 0, 0, now(), now());";

    /** How a row %1$s of each table comes to be, with an identity or a project %2$s of its own. */
    private static final Map<SealedRow, String> MADE = Map.ofEntries(
            Map.entry(
                    SealedRow.IDENTITY,
                    "insert into identity (id, name, client_id) values ('%1$s', 'of the thief', '%2$s')"),
            Map.entry(
                    SealedRow.ROLE_BINDING,
                    AN_IDENTITY + "insert into role_binding (id, identity_id, role) values ('%1$s', '%2$s', 'reader')"),
            Map.entry(
                    SealedRow.CLIENT_SECRET,
                    AN_IDENTITY
                            + "insert into client_secret (id, identity_id, fingerprint) values ('%1$s', '%2$s', '\\x01')"),
            Map.entry(
                    SealedRow.STATIC_TOKEN,
                    AN_IDENTITY
                            + "insert into static_token (id, identity_id, name, role, fingerprint, expires_at) values ('%1$s', '%2$s',"
                            + " 't', 'reader', '\\x01', now())"),
            Map.entry(
                    SealedRow.TOKEN_RULE,
                    AN_IDENTITY
                            + "insert into token_rule (id, identity_id, method, issuer, conditions) values ('%1$s', '%2$s',"
                            + " 'oidc-auth', 'https://issuer.example', '{}')"),
            Map.entry(
                    SealedRow.LOGIN_SETTING,
                    AN_IDENTITY
                            + "insert into login_setting (id, identity_id, method, client_secret_trusted_ips) values ('%1$s',"
                            + " '%2$s', 'oidc-auth', '10.0.0.0/8')"),
            Map.entry(
                    SealedRow.PROJECT,
                    "insert into project (id, name, slug) values ('%1$s', 'of the thief %1$s', '%1$s')"),
            Map.entry(
                    SealedRow.CONNECTION,
                    A_PROJECT + A_CONNECTION.replace("values ('%2$s', '%2$s'", "values ('%1$s', '%2$s'")),
            Map.entry(SealedRow.ROTATION, A_PROJECT + A_CONNECTION + A_ROTATION),
            Map.entry(SealedRow.MANAGED_ROLE, A_PROJECT + A_CONNECTION + A_ROLE),
            Map.entry(
                    SealedRow.MANAGED_CONNECTION,
                    A_PROJECT + A_CONNECTION.replace("values ('%2$s', '%2$s'", "values ('%1$s', '%2$s'")
                            + A_ROLE.replace(
                                    "('%1$s', 'rotation', '%2$s', '%2$s'", "('%2$s', 'connection', '%1$s', '%1$s'")
                            + "insert into managed_connection (connection_id, id, role_id, auto_rotation, last_manual, created_at,"
                            + " updated_at) values ('%1$s', '%1$s', '%2$s', false, false, now(), now())"),
            Map.entry(
                    SealedRow.VAULT_DELIVERY,
                    A_PROJECT + A_CONNECTION + A_ROTATION
                            + "insert into vault_delivery (rotation_id, mount, path) values ('%1$s', 'm', '%1$s')"),
            Map.entry(
                    SealedRow.WEBHOOK,
                    A_PROJECT
                            + "insert into webhook (id, project_id, name, events, enabled, sealed, sealed_version, created_at,"
                            + " updated_at) values ('%1$s', '%2$s', 'w', 'rotation.succeeded', false, '', 1, now(), now())"));

    @Inject
    TokenLedger ledger;

    @Inject
    AccessConfig access;

    private Somebody reader;

    @BeforeEach
    void aReader() {
        reader = Identities.with("reader");
        createsAProject(reader.token()).statusCode(403);
    }

    @AfterEach
    void leaveNothingThatIsNotBelieved() {
        String his = "(select id from project where name like 'of the thief%')";
        String through = "(select id from app_connection where project_id in " + his + ")";
        TestStore.sql("delete from identity where name = 'of the thief';"
                + " delete from webhook where project_id in " + his + " or name = 'w' and sealed = '';"
                + " delete from secret_rotation where connection_id in " + through + " or role1_id in " + his
                + " or project_id in " + his + ";"
                + " delete from managed_connection where connection_id in " + through + " or connection_id in "
                + "(select id from app_connection where name = 'c' and credentials = '');"
                + " delete from managed_role where server in ('\\x01', '\\x0102');"
                + " delete from app_connection where name = 'c' and credentials = '';"
                + " delete from project where name like 'of the thief%'");
        Resealed.rows();
    }

    @Test
    void everyColumnThatDecidesIsSealed() {
        Set<String> expected = new HashSet<>();
        Map<UUID, String> tried = new HashMap<>();
        TestStore.sql("insert into identity (id, name, client_id) values (gen_random_uuid(), 'of the thief', '"
                + SOMEBODY_ELSE + "')");
        for (var kind : SealedRow.values()) {
            for (var column : kind.columns) {
                var id = UUID.randomUUID();
                TestStore.sql(MADE.get(kind).formatted(id, UUID.randomUUID()));
                tried.put(
                        id,
                        "update %s as t set %s where t.%s = '%s'"
                                .formatted(kind.table(), ALTERED.get(column), kind.id(), id));
                expected.add(id.toString());
            }
        }
        Resealed.rows();
        tried.values().forEach(TestStore::sql);
        // Beside them, rows that nobody sealed, and one with the seal of another.
        var made = UUID.randomUUID();
        TestStore.sql("insert into identity (id, name, client_id) values ('" + made + "', 'of the thief', 'made up')");
        var binding = UUID.randomUUID();
        TestStore.sql("insert into role_binding (id, identity_id, role, row_seal) select '" + binding + "', '" + made
                + "', role, row_seal from role_binding where role = 'admin' and row_seal is not null limit 1");
        expected.addAll(Set.of(made.toString(), binding.toString()));

        String run = Api.as()
                .body(Map.of("command", "seal-rows"))
                .post("/api/v1/keys/runs")
                .then()
                .statusCode(200)
                .extract()
                .path("run.id");
        await().atMost(Duration.ofSeconds(30))
                .until(() -> !"running"
                        .equals(Api.as().get("/api/v1/keys/runs/" + run).path("run.state")));

        var ended = Api.as().get("/api/v1/keys/runs/" + run).jsonPath();
        assertThat(ended.getString("run.state")).isEqualTo("done");
        assertThat(ended.getList("run.unreadableRecords.recordId", String.class))
                .as("tried: %s", tried)
                .containsExactlyInAnyOrderElementsOf(expected);
    }

    /**
     * Of every table the columns that no seal covers and that hold nothing sealed, by what their writer gets; docs/SECURITY.md says the same
     * by kinds. A new column has to be in one of these lines, in {@link SealedRow} or in {@code SealedField}.
     */
    private static final String OPEN_TO_HIM = """
            misleads: what is shown, when something is due, which of two roles is served
              app_connection name description version created_at updated_at platform_managed tested_at test_ok test_reason
              secret_rotation name description username1 username2 username_secret password_secret uri_secret drift_policy auto_rotation
              secret_rotation interval_days rotate_at_minute active_index credential_version last_rotated_at last_rotation_manual
              secret_rotation last_attempted_at last_status last_message failures planned_at next_rotation_at due_at revoking_since
              secret_rotation roles_to_revoke created_at updated_at overdue_told_for expiry_told_for
              managed_connection id auto_rotation interval_days rotate_at_hours rotate_at_minutes status last_attempted_at
              managed_connection last_rotated_at last_manual last_message next_rotation_at released_version created_at updated_at
              managed_connection rotate_at_minute planned_at due_at last_rotation_manual last_status failures overdue_told_for
              managed_connection expiry_told_for
              managed_role marked epoch lease_owner lease_until due_at change_at state reason probed_at probe_result created_at
              managed_role deleted_at lease_guard looked_at look refused_since version_floor fence_epoch seen_timeline seen_wal
              managed_role seen_transaction verified_at state_since role_oid role_server adopted_generation adoption_tried_at
              managed_role adoption_found look_minutes owner_name owner_project_id
              managed_role valid_until valid_until_told_for
              rotation_secret project_id environment secret_path name rotation_id
              attempt id role_id owner_id version_id epoch cause state step reason sql_state message actor_id actor_name request_id
              attempt tries started_at finished_at next_try_at asked
              password_version role_id state cause created_at in_doubt_at applied_at current_at ended_at rejected_at
              environment id project_id slug name position
              folder id environment_id path description
              project name type created_at updated_at description delete_protected
              identity name organisation_role created_at updated_at delete_protected metadata role_word project_id
              project_membership identity_id project_id role_words
              client_secret created_at description prefix last_used_at
              static_token name created_at
              token_rule created_at
              role_binding created_at
              login_setting sent
              webhook name enabled failures quiet_until last_delivered_at created_at updated_at environment_id secret_path
              webhook_delivery id webhook_id position fact_id type project_id subject_kind subject_id credential_version facts
              webhook_delivery ordering_key at state tries due_at lease give_up_at last_tried_at last_failure last_status ended_at
              outbox_fact position id type project_id subject_kind subject_id credential_version facts ordering_key at told_at
              vault_delivery delivered_version delivered_at due_at lease failures last_failure last_tried_at look_at lost_since warning
              served_version rotation_id version version_id role_id username_secret password_secret since
              vault_server id failures quiet_until
              audit_event id at type outcome actor_id actor_name address request_id project_id subject_kind subject_id reason facts
              organisation id singleton created_at
              store_origin id system_identifier database_oid addresses installation recorded_at generation superseded_by
              store_origin rotates_behind
              store_pulse id beat at xid timeline silent_until went_back_at sign
              access_change identity_id at
              key_run id command state reason total done owner lease_until started_at finished_at
              unreadable_record run_id field record_id reason
              key_holder process_id seen_at newest_key_id active_key_id seals_rows
            counts anew: what only counts, and what ends
              client_secret uses
              login_failure client_id address failures window_ends_at locked_until
              revoked_token token_id revoked_at expires_at
            copies, judged by the seal and the rows that they were copied from (rotation.MisledStoreTest)
              credential id strategy project_id connection_id role1_id role2_id active_index credential_version auto_rotation
              credential interval_days rotate_at_minute planned_at next_rotation_at due_at last_rotated_at last_rotation_manual
              credential last_attempted_at last_status last_message failures overdue_told_for expiry_told_for revoking_since
              credential created_at updated_at drift_policy takeover allow_privileged password_requirements roles_to_revoke
              credential released_version shown_id name environment secret_path row_seal
            weakens: which connections log in as one role, how a person's password may be asked for, by what Vault is known
              vault_engine mount known_as suspect suspect_at seen_as suspect_by
              vault_delivery written_version written_at written_until
              app_connection credentials_hash login_of server login login_address scram_of
            takes something else that leaked: an old key, an Idempotency-Key
              signing_key created_at signs_from verifies_until longest_ttl
              data_key id state root_key_id wrapped created_at root_key_source
              idempotent_request identity_id key fingerprint lapses_at expires_at
              unanswered_creation id identity_id fingerprint answered_by expires_at
            says which constant it is, and is sealed with it
              sealed_constant name
            says how the schema was made, which he alters all the same
              rolewright_migration version sentence checksum applied_at
            """;

    private static final String COLUMNS = "select table_name || ' ' || column_name from information_schema.columns"
            + " where table_schema = 'public' and table_name not like 'kept_by%'";

    @Test
    void everyColumnOfTheStoreIsSealedOrSaysWhatItsWriterGets() {
        Set<String> said = new TreeSet<>();
        OPEN_TO_HIM.lines().filter(line -> line.startsWith("  ")).forEach(line -> {
            String[] words = line.strip().split(" ");
            for (int i = 1; i < words.length; i++) {
                assertThat(said.add(words[0] + " " + words[i]))
                        .as(words[0] + " " + words[i])
                        .isTrue();
            }
        });
        Set<String> open = new TreeSet<>();
        TestStore.sql(COLUMNS).forEach(row -> open.add(row.getString(0)));
        for (var kind : SealedRow.values()) {
            open.remove(kind.table() + " " + kind.id());
            kind.columns.forEach(column -> open.remove(kind.table() + " " + column.replaceAll("::.*", "")));
        }
        SealedColumns.all().forEach(open::remove);

        assertThat(open).containsExactlyElementsOf(said);
    }

    @Test
    void aRoleThatIsWrittenIntoTheStoreIsNone() {
        TestStore.sql("insert into role_binding (identity_id, role) values ('" + reader.id() + "', 'admin')");
        heardOf(reader.id());

        createsAProject(reader.token()).statusCode(403).body("code", equalTo("permission_denied"));
    }

    @Test
    void aRoleThatWasAlteredOrMovedIsNone() {
        try (var errors = new LoggedErrors()) {
            TestStore.sql("update role_binding set role = 'admin' where identity_id = '" + reader.id() + "'");
            heardOf(reader.id());
            createsAProject(reader.token()).statusCode(403);

            assertThat(errors.lines())
                    .anySatisfy(line -> assertThat(line).contains("RowSeals").contains("is not believed"));
        }

        var admin = Identities.with("admin");
        TestStore.sql("delete from role_binding where identity_id = '" + reader.id()
                + "'; update role_binding set identity_id = '" + reader.id() + "' where identity_id = '" + admin.id()
                + "'");
        heardOf(reader.id());
        createsAProject(reader.token()).statusCode(403);
    }

    @Test
    void aTokenWithAnotherRoleIsRefused() {
        var admin = Identities.with("admin");
        String token = Api.as()
                .body(Map.of("role", "reader", "name", "narrow"))
                .post("/api/v1/auth/token-auth/identities/" + admin.id() + "/tokens")
                .then()
                .statusCode(200)
                .extract()
                .path("accessToken");
        createsAProject(token).statusCode(403).body("code", equalTo("permission_denied"));

        TestStore.sql("update static_token set role = 'admin' where identity_id = '" + admin.id() + "'");
        heardOf(admin.id());

        createsAProject(token).statusCode(403).body("code", equalTo("token_revoked"));
    }

    @Test
    void aSecretOfHisOwnLogsInAsNobodyElse() {
        var admin = Identities.with("admin");
        TestStore.sql("update client_secret set identity_id = '" + admin.id() + "' where identity_id = '" + reader.id()
                + "'; update identity set client_id = 'taken' where id = '" + reader.id()
                + "'; update identity set client_id = '" + reader.clientId() + "' where id = '" + admin.id() + "'");

        login(reader).statusCode(401).body("code", equalTo("invalid_credentials"));
        assertThat(lastRefusal(reader.clientId())).isEqualTo("row_not_believed");
    }

    @Test
    void anEndThatWasPutOffIsNone() {
        TestStore.sql("update client_secret set expires_at = now() + interval '1 day' where identity_id = '"
                + reader.id() + "'");
        heardOf(reader.id());

        login(reader).statusCode(401);
        createsAProject(reader.token()).statusCode(403).body("code", equalTo("token_revoked"));
        given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", reader.token()))
                .post("/api/v1/auth/token/renew")
                .then()
                .statusCode(403);
    }

    @Test
    void anIssuerOfHisOwnIsNone() {
        TestStore.sql(
                "insert into token_rule (id, identity_id, method, issuer, conditions) values (gen_random_uuid(), '"
                        + reader.id() + "', 'oidc-auth', 'https://thief.example',"
                        + " '{\"audiences\":[\"a\"],\"claims\":{},\"namespaces\":[],\"names\":[]}')");

        given().contentType(ContentType.JSON)
                .body(Map.of("identityId", reader.id(), "jwt", "e30.e30.e30"))
                .post("/api/v1/auth/oidc-auth/login")
                .then()
                .statusCode(401);

        assertThat(lastRefusal("identity " + reader.id())).isEqualTo("row_not_believed");
    }

    @Test
    void aSettingThatWasAlteredClosesWhatItIsFor() {
        Api.as()
                .body(Map.of("accessTokenTrustedIps", List.of(Map.of("ipAddress", "127.0.0.0/8"))))
                .patch("/api/v1/auth/universal-auth/identities/" + reader.id())
                .then()
                .statusCode(200);
        login(reader).statusCode(200);

        TestStore.sql(
                "update login_setting set access_token_trusted_ips = null where identity_id = '" + reader.id() + "'");
        heardOf(reader.id());

        login(reader).statusCode(401);
        createsAProject(reader.token()).statusCode(403).body("code", equalTo("token_revoked"));
        Api.as()
                .get("/api/v1/auth/universal-auth/identities/" + reader.id())
                .then()
                .statusCode(500);
    }

    /** The bootstrap identity is the last one that is believed, whoever else is called an administrator in the store. */
    @Test
    void theLastAdministratorIsOneWhoIsBelieved() {
        String bootstrap = TestStore.sql("select id from identity where client_id = '" + TestStore.CLIENT_ID + "'")
                .get(0)
                .getUUID(0)
                .toString();
        var other = Identities.with("admin");
        TestStore.sql("delete from role_binding where project_id is null and role = 'admin' and identity_id not in ('"
                + bootstrap + "', '" + other.id() + "')");
        TestStore.sql("insert into role_binding (identity_id, role) values ('" + reader.id() + "', 'admin')");
        TestStore.sql("update client_secret set trusted_ips = '192.0.2.0/24' where identity_id = '" + other.id() + "'");

        Api.as()
                .body(Map.of("roles", List.of("reader")))
                .patch("/api/v1/identities/" + bootstrap)
                .then()
                .statusCode(400)
                .body("code", equalTo("last_administrator"));
        Api.as()
                .delete("/api/v1/identities/" + bootstrap)
                .then()
                .statusCode(400)
                .body("code", equalTo("last_administrator"));

        TestStore.sql("delete from role_binding where identity_id in ('" + reader.id() + "', '" + other.id() + "')");
    }

    /** What remains, and docs/SECURITY.md says: there is no seal over what is not there, nor over what only counts. */
    @Test
    void whatIsDeletedOrCountedAnewIsNoLongerThere() {
        Api.as()
                .body(Map.of("clientSecretTrustedIps", List.of(Map.of("ipAddress", "192.0.2.0/24"))))
                .patch("/api/v1/auth/universal-auth/identities/" + reader.id())
                .then()
                .statusCode(200);
        login(reader).statusCode(401);
        TestStore.sql("delete from login_setting where identity_id = '" + reader.id() + "'");
        login(reader).statusCode(200);

        TestStore.sql("update client_secret set uses_limit = 1, uses = 1 where identity_id = '" + reader.id() + "'");
        Resealed.rows();
        login(reader).statusCode(401);
        TestStore.sql("update client_secret set uses = 0 where identity_id = '" + reader.id() + "'");
        login(reader).statusCode(200);

        TestStore.sql("delete from role_binding where identity_id = '" + reader.id() + "'");
        heardOf(reader.id());
        lists(reader.token()).statusCode(403);
    }

    /** What remains, and docs/SECURITY.md says: a row that the service itself wrote once may be put back whole. */
    @Test
    void anOlderRowThatIsPutBackCounts() {
        TestStore.sql("create table kept_by_the_thief as select id, identity_id, role, row_seal from role_binding where"
                + " identity_id = '" + reader.id() + "'");
        try {
            Api.as().body(Map.of("roles", List.of())).patch("/api/v1/identities/" + reader.id());
            lists(reader.token()).statusCode(403);
            TestStore.sql("insert into role_binding (id, identity_id, role, row_seal) select * from kept_by_the_thief");
            heardOf(reader.id());

            lists(reader.token()).statusCode(200);
        } finally {
            TestStore.sql("drop table kept_by_the_thief");
        }
    }

    /** The thief says so too: otherwise a replica goes on with what it has read before. */
    private void heardOf(String identity) {
        TestStore.sql("insert into access_change (identity_id, at) values ('" + identity
                + "', clock_timestamp()) on conflict (identity_id) do update set at = excluded.at");
        ledger.age(access.revocationDelay());
    }

    private static String lastRefusal(String claimed) {
        return TestStore.sql(
                        "select reason from audit_event where actor_name = '" + claimed + "' order by at desc limit 1")
                .get(0)
                .getString(0);
    }

    private static ValidatableResponse login(Somebody somebody) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("clientId", somebody.clientId(), "clientSecret", somebody.clientSecret()))
                .post("/api/v1/auth/universal-auth/login")
                .then();
    }

    private static ValidatableResponse lists(String token) {
        return given().header("Authorization", "Bearer " + token)
                .get("/api/v1/app-connections")
                .then();
    }

    private static ValidatableResponse createsAProject(String token) {
        return given().header("Authorization", "Bearer " + token)
                .contentType(ContentType.JSON)
                .body(Map.of("projectName", "of the thief " + UUID.randomUUID()))
                .post("/api/v1/projects")
                .then();
    }
}
