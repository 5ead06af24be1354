package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Row;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A statement that outlives the client that sent it, and runs when the recovery has long finished. */
class ZombieIT extends ChangeProof {

    /** The backend has been sent the statement and has not run it when its client dies; it does after the recovery. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aZombieThatRunsAfterTheRecoveryChangesNothing(boolean dual) {
        RotationSubject rotation = rotation(dual);
        rotation.settles(service);
        scene.toTarget.keepServerSide();
        AtomicLong backend = new AtomicLong();
        TcpProxy.Sighting sent = scene.toTarget.before(APPLY, () -> {
            backend.set(applyingBackend());
            signal("STOP", backend.get());
            return Fate.PASS;
        });

        CompletableFuture<Answer> call = rotation.change(service);
        assertThat(sent.happensWithin(Duration.ofSeconds(10))).isTrue();
        service.kill();
        call.join();
        service.restart();
        rotation.settles(service);
        String marker = marker(rotation);
        signal("CONT", backend.get());

        staysUsableForTenSeconds(rotation);
        assertThat(marker(rotation))
                .as("the zombie's epoch is older and was refused")
                .isEqualTo(marker);
        Awaitility.await().until(() -> gone(backend.get()));
    }

    /** The same statement from another database: an advisory lock, which is per database, would not have helped. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aZombieInAnotherDatabaseOfTheServerChangesNothing(boolean dual) {
        RotationSubject rotation = rotation(dual);
        rotation.settles(service);
        String elsewhere = scene.target.database();
        AtomicReference<String> statement = new AtomicReference<>();
        TcpProxy.Sighting seen = scene.toTarget.before(
                message -> {
                    if (APPLY.test(message)) {
                        statement.set(message.sql());
                        return true;
                    }
                    return false;
                },
                () -> {
                    service.killAtOnce();
                    return Fate.CUT;
                });
        rotation.change(service).join();
        assertThat(seen.times()).isEqualTo(1);
        service.kill();
        service.restart();
        rotation.settles(service);
        String marker = marker(rotation);

        TestPostgres.Login manager = scene.manager();
        String refused = "";
        try {
            scene.target.as(manager.role(), manager.password(), elsewhere, statement.get());
        } catch (PgException refusal) {
            refused = refusal.getSqlState();
        }

        assertThat(refused).as("our own SQLSTATE for a stale epoch").isEqualTo("RW001");
        staysUsableForTenSeconds(rotation);
        assertThat(marker(rotation)).isEqualTo(marker);
    }

    /** Somebody holds the role's row while the client is killed; the backend waits there, and the recovery behind it. */
    @Test
    void aZombieThatHangsOnTheRolesRowChangesNothing() {
        RotationSubject rotation = rotation(false);
        rotation.settles(service);
        scene.toTarget.keepServerSide();
        // Longer than the lease, so that the recovery begins while it is still held.
        CompletableFuture<Void> holder =
                CompletableFuture.runAsync(() -> scene.target.sql("BEGIN; ALTER ROLE " + rotation.first.role()
                        + " CONNECTION LIMIT 50; SELECT pg_sleep(" + (Scene.LEASE.toSeconds() + 3) + "); ROLLBACK"));
        Awaitility.await().until(() -> waiting("PgSleep") == 1);

        CompletableFuture<Answer> call = rotation.change(service);
        Awaitility.await()
                .atMost(Scene.LEASE.plusSeconds(1))
                .until(() -> waiting("transactionid") + waiting("tuple") > 0);
        service.kill();
        call.join();
        service.restart();
        holder.join();

        rotation.settles(service);
        staysUsableForTenSeconds(rotation);
    }

    private int waiting(String event) {
        return scene.target
                .sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = '" + event + "'")
                .size();
    }

    private void staysUsableForTenSeconds(RotationSubject rotation) {
        for (int second = 0; second < 10; second++) {
            rotation.assertSettled(service);
            sleep(Duration.ofSeconds(1));
        }
    }

    private long applyingBackend() {
        List<Row> backends =
                scene.target.sql("SELECT pid FROM pg_stat_activity WHERE application_name ~ '^rw:[0-9a-f]{32}:'");
        assertThat(backends).hasSize(1);
        return backends.get(0).getInteger(0);
    }

    private boolean gone(long backend) {
        return scene.target
                .sql("SELECT 1 FROM pg_stat_activity WHERE pid = " + backend)
                .isEmpty();
    }

    private String marker(RotationSubject rotation) {
        return scene.target
                .sql("SELECT string_agg(shobj_description(oid, 'pg_authid'), ' ' ORDER BY rolname) FROM pg_roles"
                        + " WHERE rolname IN ('" + rotation.first.role() + "', '" + rotation.second.role() + "')")
                .get(0)
                .getString(0);
    }

    private static void signal(String name, long pid) {
        try {
            assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(pid))
                            .start()
                            .waitFor())
                    .isZero();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
