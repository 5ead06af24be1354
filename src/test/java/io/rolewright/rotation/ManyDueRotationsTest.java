package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.sealing.Resealed;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Two thousand rotations fall due at one moment, on twenty targets, of which one accepts connections and never says a word. */
@QuarkusTest
@Tag("suite-due")
class ManyDueRotationsTest {

    private static final int TARGETS = 20;
    private static final int PER_TARGET = 100;
    private static final int GOOD = (TARGETS - 1) * PER_TARGET;

    /** On two cores that do nothing else a tenth of it is enough. */
    private static final int MOST_SECONDS = 600;

    private final TestPostgres server = TestPostgres.shared(14);

    @Test
    void oneBlackHoleDelaysNobodyElse() {
        Login managing = server.role("LOGIN CREATEROLE");
        List<TcpProxy> targets = new ArrayList<>();
        List<String> connections = new ArrayList<>();
        for (int i = 0; i < TARGETS; i++) {
            TcpProxy target = TcpProxy.to(server);
            targets.add(target);
            connections.add(connection(target, managing));
        }
        // The black hole's are due first: whoever takes them in turn never comes to the others.
        for (int i = 0; i < TARGETS; i++) {
            due(connections.get(i), i);
        }
        targets.get(0).pause();
        // Other classes' rotations may stand in the same store.
        String good = "connection_id IN ('" + String.join("', '", connections.subList(1, TARGETS)) + "')";
        long done = 0;
        long begun = System.nanoTime();
        try {
            while (done < GOOD && seconds(begun) < MOST_SECONDS) {
                Api.as()
                        .queryParam("budgetSeconds", 20)
                        .post("/api/v1/rotations/run-due")
                        .then()
                        .statusCode(200);
                done = rotated(good); // what an answer counts may end after it
            }
            long seconds = Math.max(1, seconds(begun));
            System.out.printf(
                    "%d rotations in %d s (%d a second) beside a target that is silent%n",
                    done, seconds, done / seconds);

            assertThat(done).isEqualTo(GOOD);
            assertThat(rotated("connection_id = '" + connections.get(0) + "'")).isZero();
            assertThat(TestStore.sql("SELECT count(*) FROM secret_rotation WHERE connection_id = '" + connections.get(0)
                                    + "' AND due_at IS NULL")
                            .get(0)
                            .getLong(0))
                    .as("given up")
                    .isZero();
        } finally {
            targets.get(0).resume();
            targets.forEach(TcpProxy::close);
        }
    }

    private static long seconds(long since) {
        return (System.nanoTime() - since) / 1_000_000_000;
    }

    private static long rotated(String which) {
        return TestStore.sql("SELECT count(*) FROM secret_rotation WHERE credential_version = 2 AND " + which)
                .get(0)
                .getLong(0);
    }

    private static String connection(TcpProxy target, Login managing) {
        return Api.as()
                .body(Map.of(
                        "name", Rotating.name("many"),
                        "method", "username-and-password",
                        "credentials",
                                Map.of(
                                        "host",
                                        "127.0.0.1",
                                        "port",
                                        target.port(),
                                        "database",
                                        "postgres",
                                        "username",
                                        managing.role(),
                                        "password",
                                        managing.password(),
                                        "sslEnabled",
                                        false)))
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    /** As their creation leaves them, but for the passwords, which the rotation makes: two thousand creations would take longer. */
    private void due(String connection, int target) {
        String roles = "many_" + ProcessHandle.current().pid() + "_" + target + "_";
        server.sql("DO $$ BEGIN FOR i IN 1.." + PER_TARGET + " LOOP EXECUTE format('CREATE ROLE %I LOGIN', '" + roles
                + "' || i); END LOOP; END $$");
        Resealed.sql("""
                WITH one AS (
                  SELECT gen_random_uuid() AS id, gen_random_uuid() AS role, n FROM generate_series(1, %d) n
                ), rotation AS (
                  INSERT INTO secret_rotation (id, project_id, environment, secret_path, name, connection_id, strategy,
                    drift_policy, takeover, allow_privileged, username1, username2, role1_id, username_secret,
                    password_secret, auto_rotation, interval_days, rotate_at_minute, active_index, credential_version,
                    last_rotated_at, last_rotation_manual, failures, next_rotation_at, due_at, roles_to_revoke, created_at,
                    updated_at)
                  SELECT one.id, (SELECT id FROM project WHERE slug = 'default'), 'many', '/%s' || n, 'many-' || n, '%s',
                    'SINGLE', 'REPORT', false, false, '%s' || n, '%s' || n, role, 'U', 'P', true, 30, 0, 0, 1,
                    now() - interval '30 days', false, 0, now() - interval '1 hour' + interval '1 minute' * %d,
                    now() - interval '1 hour' + interval '1 minute' * %d, 0, now(), now() FROM one)
                INSERT INTO managed_role (id, owner_kind, owner_id, connection_id, self, role_name, server, marked, epoch,
                  state, created_at)
                SELECT role, 'rotation', one.id, '%s', false, '%s' || n, 'target %d', true, 0, 'OK', now() FROM one""".formatted(
                        PER_TARGET, connection, connection, roles, roles, target, target, connection, roles, target));
    }
}
