package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestPostgres;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A store that the build before has filled, and in which it goes on writing beside this one while replicas are exchanged: each sees what the
 * other wrote, by the names that it knows.
 */
class CredentialsOfBothBuildsTest {

    private static final int CREDENTIALS = 37;

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final String database = postgres.database();
    private final UUID rotation = UUID.randomUUID();
    private final UUID connection = UUID.randomUUID();
    private final UUID role = UUID.randomUUID();

    private void sql(String statement) {
        postgres.sqlIn(
                database,
                statement
                        .replace(":rotation", "'" + rotation + "'")
                        .replace(":connection", "'" + connection + "'")
                        .replace(":role", "'" + role + "'"));
    }

    private String one(String query) {
        return postgres.sqlIn(
                        database,
                        query.replace(":rotation", "'" + rotation + "'").replace(":connection", "'" + connection + "'"))
                .get(0)
                .getString(0);
    }

    private String credential(UUID id, String what) {
        return one("SELECT concat_ws(' ', " + what + ") FROM credential WHERE id = '" + id + "'");
    }

    @BeforeEach
    void filledByTheBuildBefore() {
        migrate(Integer.MIN_VALUE, CREDENTIALS - 1);
        sql("INSERT INTO project (id, name, slug, created_at) VALUES (gen_random_uuid(), 'p', 'p', now())");
        sql("INSERT INTO app_connection (id, project_id, name, version, credentials, credentials_version,"
                + " credentials_hash, platform_managed, created_at, updated_at)"
                + " SELECT :connection, id, 'c', 1, '', 1, '', true, now(), now() FROM project");
        sql("INSERT INTO managed_role (id, owner_kind, owner_id, connection_id, self, role_name, server, marked, epoch,"
                + " state, created_at) VALUES (:role, 'connection', :connection, :connection, true, 'r', '', false, 1,"
                + " 'OK', now())");
        sql(
                "INSERT INTO managed_connection (connection_id, id, role_id, auto_rotation, interval_days, rotate_at_hours,"
                        + " rotate_at_minutes, status, last_manual, next_rotation_at, created_at, updated_at) VALUES"
                        + " (:connection, gen_random_uuid(), :role, true, 7, 3, 15, 'failed', false, '2026-01-01Z', now(), now())");
        sql("INSERT INTO secret_rotation (id, project_id, environment, secret_path, name, connection_id, strategy,"
                + " drift_policy, takeover, allow_privileged, username1, username2, role1_id, role2_id, username_secret,"
                + " password_secret, auto_rotation, interval_days, rotate_at_minute, active_index, credential_version,"
                + " last_rotation_manual, failures, next_rotation_at, due_at, roles_to_revoke, created_at, updated_at)"
                + " SELECT :rotation, id, 'e', '/', 'n', :connection, 'DUAL', 'REPORT', false, false, 'a', 'b', :role,"
                + " gen_random_uuid(), 'U', 'P', true, 30, 90, 1, 4, false, 2, '2026-02-01Z', '2026-02-02Z', 0, now(),"
                + " now() FROM project");
        migrate(CREDENTIALS, CREDENTIALS);
    }

    private void migrate(int from, int to) {
        for (Migration each : Migration.all()) {
            if (each.version() >= from && each.version() <= to) {
                postgres.sqlIn(database, each.sql());
            }
        }
    }

    @Test
    void whatIsThereHasItsCredential() {
        String plan = "strategy, auto_rotation, interval_days, rotate_at_minute, last_rotation_manual, failures,"
                + " (next_rotation_at AT TIME ZONE 'UTC')::date, (due_at AT TIME ZONE 'UTC')::date";

        assertThat(credential(rotation, plan)).isEqualTo("DUAL t 30 90 f 2 2026-02-01 2026-02-02");
        assertThat(credential(connection, plan)).isEqualTo("SELF t 7 195 f 0 2026-01-01 2026-01-01");
        assertThat(credential(connection, "last_status, project_id IS NOT NULL"))
                .isEqualTo("FAILED t");
    }

    @Test
    void whatTheBuildBeforeWritesIsSeen() {
        sql("UPDATE managed_connection SET failures = 3, due_at = '2026-01-05Z' WHERE connection_id = :connection");
        sql("UPDATE managed_connection SET status = 'success', last_rotated_at = now(), last_manual = true,"
                + " rotate_at_hours = 4, rotate_at_minutes = 0, next_rotation_at = '2026-01-08Z'"
                + " WHERE connection_id = :connection");
        sql(
                "UPDATE secret_rotation SET credential_version = 5, active_index = 0, last_status = 'SUCCESS', failures = 0,"
                        + " next_rotation_at = NULL, due_at = NULL WHERE id = :rotation");

        assertThat(credential(
                        connection,
                        "last_status, last_rotation_manual, rotate_at_minute, failures,"
                                + " (due_at AT TIME ZONE 'UTC')::date"))
                .isEqualTo("SUCCESS t 240 0 2026-01-08");
        assertThat(credential(rotation, "credential_version, active_index, last_status, failures, due_at IS NULL"))
                .isEqualTo("5 0 SUCCESS 0 t");
    }

    @Test
    void whatThisBuildWritesTheBuildBeforeSees() {
        sql("UPDATE managed_connection SET last_status = 'SUCCESS', last_rotation_manual = true, rotate_at_minute = 61"
                + " WHERE connection_id = :connection");

        assertThat(one("SELECT concat_ws(' ', status, last_manual, rotate_at_hours, rotate_at_minutes)"
                        + " FROM managed_connection"))
                .isEqualTo("success t 1 1");

        sql("DELETE FROM managed_connection");
        sql(
                "INSERT INTO managed_connection (connection_id, id, role_id, auto_rotation, last_rotation_manual, failures,"
                        + " created_at, updated_at) VALUES (:connection, gen_random_uuid(), :role, false, true, 0, now(), now())");

        assertThat(one("SELECT concat_ws(' ', last_manual, status IS NULL, rotate_at_hours IS NULL)"
                        + " FROM managed_connection"))
                .isEqualTo("t t t");
        assertThat(credential(connection, "strategy, auto_rotation")).isEqualTo("SELF f");
    }

    @Test
    void whatEndsHasNoCredentialAnyMore() {
        sql("UPDATE managed_connection SET released_version = 1 WHERE connection_id = :connection");
        assertThat(left()).containsExactly(rotation);

        // It comes under management again.
        sql("UPDATE managed_connection SET released_version = NULL WHERE connection_id = :connection");
        assertThat(left()).containsExactlyInAnyOrder(rotation, connection);

        sql("DELETE FROM secret_rotation");
        sql("UPDATE managed_role SET connection_id = NULL");
        sql("DELETE FROM app_connection");
        assertThat(left()).isEmpty();
    }

    // ---- From V70 on this build writes the credential ----

    private void written() {
        migrate(CREDENTIALS + 1, Integer.MAX_VALUE);
    }

    @Test
    void aCredentialKnowsWhatIsChangedAndWhatItIsCalled() {
        sql("UPDATE managed_connection SET released_version = 3 WHERE connection_id = :connection");
        written();

        String terms = "name, environment, secret_path, drift_policy, takeover, allow_privileged, roles_to_revoke";
        assertThat(credential(rotation, terms)).isEqualTo("n e / REPORT f f 0");
        assertThat(credential(connection, terms)).isEqualTo("c REPORT f t 0");
        assertThat(credential(connection, "released_version, (SELECT shown_id = m.id FROM managed_connection m)"))
                .isEqualTo("3 t");
    }

    @Test
    void whatIsWrittenOnACredentialTheBuildBeforeSees() {
        written();
        sql("UPDATE credential SET active_index = 0, credential_version = 5, last_status = 'SUCCESS', failures = 0,"
                + " next_rotation_at = NULL, due_at = NULL, roles_to_revoke = 1, drift_policy = 'REASSERT',"
                + " password_requirements = '{}' WHERE id = :rotation");
        sql(
                "UPDATE credential SET last_status = 'SUCCESS', last_rotation_manual = true, rotate_at_minute = 61,"
                        + " next_rotation_at = '2026-01-09Z', due_at = '2026-01-10Z', released_version = 2 WHERE id = :connection");

        assertThat(one("SELECT concat_ws(' ', active_index, credential_version, last_status, failures, due_at IS NULL,"
                        + " roles_to_revoke, drift_policy, password_requirements) FROM secret_rotation"))
                .isEqualTo("0 5 SUCCESS 0 t 1 REASSERT {}");
        assertThat(one("SELECT concat_ws(' ', status, last_manual, rotate_at_hours, rotate_at_minutes,"
                        + " (next_rotation_at AT TIME ZONE 'UTC')::date, (due_at AT TIME ZONE 'UTC')::date, released_version)"
                        + " FROM managed_connection"))
                .isEqualTo("success t 1 1 2026-01-09 2026-01-10 2");
    }

    @Test
    void whatTheBuildBeforeWritesIsSeenOnACredentialThatIsWritten() {
        written();
        sql("UPDATE credential SET failures = 7 WHERE id IN (:rotation, :connection)");
        sql("UPDATE managed_connection SET failures = 3, due_at = '2026-01-05Z' WHERE connection_id = :connection");
        sql("UPDATE secret_rotation SET failures = 4, name = 'other', takeover = true WHERE id = :rotation");
        sql("UPDATE app_connection SET name = 'another'");

        assertThat(credential(connection, "failures, (due_at AT TIME ZONE 'UTC')::date, name"))
                .isEqualTo("3 2026-01-05 another");
        assertThat(credential(rotation, "failures, name, takeover")).isEqualTo("4 other t");
    }

    /** A rotation written after its credential says only what it is called; a managed connection is its credential. */
    @Test
    void whatBeginsAsACredentialIsThereForTheBuildBefore() {
        written();
        sql("DELETE FROM credential WHERE id = :connection");
        assertThat(one("SELECT count(*)::text FROM managed_connection")).isEqualTo("0");
        sql("INSERT INTO credential SELECT * FROM jsonb_populate_record(NULL::credential, (SELECT to_jsonb(c)"
                + " || jsonb_build_object('id', :connection, 'strategy', 'SELF', 'role1_id', :role"
                + ", 'shown_id', gen_random_uuid()) FROM credential c WHERE id = :rotation))");
        assertThat(one("SELECT concat_ws(' ', interval_days, rotate_at_hours, failures, last_manual)"
                        + " FROM managed_connection WHERE role_id = '" + role + "'"))
                .isEqualTo("30 1 2 f");

        UUID next = UUID.randomUUID();
        sql("INSERT INTO credential SELECT * FROM jsonb_populate_record(NULL::credential, (SELECT to_jsonb(c)"
                + " || jsonb_build_object('id', '" + next + "') FROM credential c WHERE id = :rotation))");
        sql("INSERT INTO secret_rotation (id, project_id, environment, secret_path, name, username1, username2,"
                + " username_secret, password_secret) SELECT '" + next + "', id, 'e', '/', 'next', 'a', 'b', 'V', 'Q'"
                + " FROM project");
        assertThat(one("SELECT concat_ws(' ', strategy, credential_version, active_index, interval_days, failures)"
                        + " FROM secret_rotation WHERE name = 'next'"))
                .isEqualTo("DUAL 4 1 30 2");
        assertThat(credential(next, "name")).isEqualTo("next");
    }

    @Test
    void aDeliveryToVaultIsDueWhicheverBuildServesSomethingElse() {
        written();
        sql("INSERT INTO vault_delivery (rotation_id, mount, path) VALUES (:rotation, 'm', 'p')");
        for (String table : List.of("credential", "secret_rotation")) {
            sql("UPDATE " + table + " SET failures = 0 WHERE id = :rotation");
            assertThat(one("SELECT (due_at IS NULL)::text FROM vault_delivery")).isEqualTo("true");
            sql("UPDATE " + table + " SET credential_version = credential_version + 1 WHERE id = :rotation");
            assertThat(one("SELECT (due_at IS NULL)::text FROM vault_delivery"))
                    .as("the same password, counted anew")
                    .isEqualTo("true");
            sql("UPDATE " + table
                    + " SET credential_version = credential_version + 1, last_rotated_at = clock_timestamp()"
                    + " WHERE id = :rotation");
            assertThat(one("SELECT (due_at IS NULL)::text FROM vault_delivery"))
                    .as(table)
                    .isEqualTo("false");
            sql("UPDATE vault_delivery SET due_at = NULL");
        }
    }

    @Test
    void whatIsDeletedTakesItsCredentialAlong() {
        written();
        sql("UPDATE managed_connection SET released_version = 1 WHERE connection_id = :connection");
        assertThat(left()).as("one that was released").containsExactlyInAnyOrder(rotation, connection);

        sql("DELETE FROM secret_rotation");
        assertThat(left()).containsExactly(connection);
        sql("UPDATE managed_role SET connection_id = NULL");
        sql("DELETE FROM app_connection");
        assertThat(left()).isEmpty();
    }

    private List<UUID> left() {
        return postgres.sqlIn(database, "SELECT id FROM credential").stream()
                .map(row -> row.getUUID(0))
                .toList();
    }
}
