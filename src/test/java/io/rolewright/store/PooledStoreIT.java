package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.PgBouncer;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The store behind a real PgBouncer in transaction mode, which gives each transaction another session of the server. */
@Tag("suite-store")
class PooledStoreIT {

    private static final int READS = 40;

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final Installation installation = Installation.on(postgres);
    private final PgBouncer pooler = PgBouncer.before(postgres, "transaction", "scram-sha-256", installation.owner());

    @AfterEach
    void close() {
        installation.close();
        pooler.close();
    }

    /** From making the schema on: two replicas, reads and changes that come together. */
    @Test
    void everyStatementFindsItsSession() {
        installation
                .setting(
                        "QUARKUS_DATASOURCE_REACTIVE_URL",
                        "postgresql://127.0.0.1:" + pooler.port() + "/" + installation.database())
                .setting("ROLEWRIGHT_STORE_TRANSACTION_POOLER", "true");
        List<ServiceProcess> replicas = List.of(installation.start(), installation.start());
        String rotation = Rotating.BASE + "/" + Rotating.created(replicas.get(0), postgres, new JsonObject());

        for (int round = 1; round <= 3; round++) {
            CompletableFuture<Answer> changed =
                    replicas.get(round % 2).callAsync("POST", rotation + "/rotate-secrets?force=true", null);
            List<CompletableFuture<Answer>> read = new ArrayList<>();
            for (int i = 0; i < READS; i++) {
                String path =
                        i % 3 == 0 ? "/api/v1/app-connections/postgres" : i % 3 == 1 ? rotation : rotation + "/active";
                read.add(replicas.get(i % 2).callAsync("GET", path, null));
            }

            read.forEach(answer -> answer.join().expect(200));
            changed.join().expect(200);
        }

        JsonObject active =
                replicas.get(0).get(rotation + "/active").expect(200).json();
        assertThat(active.getLong("credentialVersion")).isEqualTo(4);
        assertThat(postgres.login(active.getString("username"), active.getString("password")))
                .isEqualTo("ok");
        assertThat(installation
                        .sql(
                                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database"
                                        + " WHERE datname = current_database())")
                        .get(0)
                        .getLong(0))
                .as("locks that would outlast a transaction")
                .isZero();
    }
}
