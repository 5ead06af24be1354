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

    private List<UUID> left() {
        return postgres.sqlIn(database, "SELECT id FROM credential").stream()
                .map(row -> row.getUUID(0))
                .toList();
    }
}
