package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.credential.DueRoles;
import io.rolewright.testing.TestStore;
import io.vertx.core.Vertx;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The lease of a process that died ends with it, and of no other. */
@QuarkusTest
class ProcessLockTest {

    @Inject
    StorePool sessions;

    @Inject
    Vertx vertx;

    @Inject
    DueRoles due;

    private ProcessLock other;
    private UUID role;

    @BeforeEach
    void anotherProcess() {
        other = new ProcessLock(sessions, vertx);
        role = UUID.randomUUID();
    }

    @AfterEach
    void ends() {
        other.stop(null);
        TestStore.sql("DELETE FROM managed_role WHERE id = '" + role + "'");
    }

    private void lives() {
        other.begin();
        await().atMost(Duration.ofSeconds(20)).until(() -> other.held() != null);
    }

    /** @param guard by which process it is guarded; null for none */
    private void leased(UUID guard, String until) {
        TestStore.sql(
                "INSERT INTO managed_role (id, owner_kind, owner_id, self, role_name, server, marked, epoch, state,"
                        + " lease_owner, lease_guard, lease_until, due_at, created_at) VALUES ('" + role
                        + "', 'test', gen_random_uuid(), false, '" + role + "', '', true, 1, 'OK', '" + other.self()
                        + "', "
                        + (guard == null ? "NULL" : "'" + guard + "'") + ", " + until + ", " + until + ", now())");
    }

    private boolean isLeasedAfterALook() {
        due.endLeases().await().atMost(Duration.ofSeconds(20));
        return TestStore.sql("SELECT lease_until > clock_timestamp() AND due_at > clock_timestamp() FROM managed_role"
                        + " WHERE id = '" + role + "'")
                .get(0)
                .getBoolean(0);
    }

    @Test
    void theLeaseOfAProcessThatLivesLastsUntilItIsDead() {
        lives();
        leased(other.held(), "now() + interval '30 seconds'");
        assertThat(isLeasedAfterALook()).isTrue();

        other.stop(null); // closes its session, as the kernel does for one that was killed

        await().atMost(Duration.ofSeconds(20)).until(() -> !isLeasedAfterALook());
    }

    @Test
    void theLeaseOfAProcessThatHeldNoLockLastsUntilItLapses() {
        leased(null, "now() + interval '30 seconds'");

        assertThat(isLeasedAfterALook()).isTrue();
    }

    /** The build before has claimed what one of this build had claimed before it. */
    @Test
    void theLeaseOfTheBuildBeforeLastsUntilItLapses() {
        leased(UUID.randomUUID(), "now() + interval '30 seconds'");

        assertThat(isLeasedAfterALook()).isTrue();
    }

    @Test
    void aLeaseThatNobodyCanHaveTakenIsVoid() {
        leased(null, "now() + interval '1 day'");

        assertThat(isLeasedAfterALook()).isFalse();
    }

    @Test
    void aLockWhoseSessionTheStoreEndedIsTakenAgain() {
        lives();
        leased(other.held(), "now() + interval '30 seconds'");

        TestStore.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
                + " AND objid = (hashtext('" + other.self() + "')::bigint & 4294967295)::oid");

        await().atMost(Duration.ofSeconds(20))
                .until(() -> !TestStore.sql(
                                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND objid"
                                        + " = (hashtext('" + other.self() + "')::bigint & 4294967295)::oid")
                        .isEmpty());
        assertThat(other.held()).isEqualTo(other.self());
    }
}
