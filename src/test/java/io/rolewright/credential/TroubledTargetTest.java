package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.target.Login;
import io.rolewright.target.TargetBusy;
import io.rolewright.target.TlsSettings;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Servers that cannot or may not do what they are asked for just now, and what becomes of it when they can. */
@QuarkusTest
class TroubledTargetTest {

    @Inject
    Scenes scenes;

    /**
     * The change is on the primary's disk and nobody sees it before a standby that is not there confirms it. No timeout of the server
     * ends that wait, and a cancel would make it visible.
     */
    @Test
    void aCommitThatWaitsForItsStandbyIsInDoubtUntilItIsSeen() {
        try (TestPostgres server = TestPostgres.own(TestPostgres.NEWEST)) {
            var scene = scenes.on(server);
            scene.change(Cause.CREATION);
            String served = scene.current();
            confirmedBy(server, "nobody");

            ChangeOutcome outcome = scene.change(Cause.MANUAL, Duration.ofSeconds(5));

            assertThat(outcome).isInstanceOf(ChangeOutcome.InDoubt.class);
            assertThat(scene.versions()).containsExactly("1 CURRENT", "2 IN_DOUBT");
            assertThat(scene.current()).as("what is served").isEqualTo(served);
            assertThat(scene.opens(served)).isEqualTo("ok");

            scene.carryOn();
            assertThat(scene.status().state()).as("still waiting").isEqualTo(RoleState.IN_DOUBT);
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
            assertThat(server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'rw:%'"
                                    + " AND wait_event IS DISTINCT FROM 'SyncRep'")
                            .get(0)
                            .getLong(0))
                    .as("sessions that wait behind it")
                    .isZero();

            confirmedBy(server, "");
            scene.carryOn();

            assertThat(scene.status().state()).isEqualTo(RoleState.OK);
            assertThat(scene.versions()).containsExactly("1 PREVIOUS", "2 CURRENT");
            assertThat(scene.attempts()).containsExactly("CREATION DONE", "MANUAL DONE");
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
            assertThat(scene.opens(served)).isEqualTo("28P01");
        }
    }

    private static void confirmedBy(TestPostgres server, String standbys) {
        server.sql("ALTER SYSTEM SET synchronous_standby_names = '" + standbys + "'");
        server.sql("SELECT pg_reload_conf()");
        Awaitility.await()
                .until(() -> server.sql("SELECT current_setting('synchronous_standby_names')")
                        .get(0)
                        .getString(0)
                        .equals(standbys));
    }

    /** The request had its turn at an address that does not answer, and at the one that does its turn does not come. */
    @Test
    void aRequestWhoseTurnDoesNotComeWhereTheServerAnswersIsRefusedAndNothingIsBegun() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        try (TcpProxy proxy = TcpProxy.to(server)) {
            var scene = scenes.on(server, proxy.port());
            scene.change(Cause.CREATION);
            Login elsewhere = new Login("127.0.0.2", server.port(), "postgres", "app", TlsSettings.DISABLED, "x");
            Duration within = Duration.ofSeconds(5);

            try (Scenes.Turn held = scene.holdTheTurn(proxy.port())) {
                assertThatThrownBy(() -> scene.changeFromAnAddressThatDoesNotAnswer(Cause.MANUAL, elsewhere, within))
                        .isInstanceOfSatisfying(
                                TargetBusy.class,
                                busy -> assertThat(busy.status()).isEqualTo(429));
                assertThat(scene.attempts()).containsExactly("CREATION DONE");
                assertThat(scene.status().state()).isEqualTo(RoleState.OK);
                assertThat(scene.facts()).containsExactly("app-connection.credential-changed 1");

                // An attempt that waits already waits on.
                proxy.refuse();
                scene.change(Cause.SCHEDULE);
                proxy.accept(true);
                List<String> parked = scene.attempts();
                assertThat(parked).hasSize(2);
                List<?> waits = waits(scene);
                assertThatThrownBy(() -> scene.changeFromAnAddressThatDoesNotAnswer(Cause.MANUAL, elsewhere, within))
                        .isInstanceOf(TargetBusy.class);
                assertThat(scene.attempts()).isEqualTo(parked);
                assertThat(waits(scene)).isEqualTo(waits);
            }

            assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
        }
    }

    private static List<String> waits(Scenes.Scene scene) {
        return TestStore.sql(
                        "SELECT concat_ws(' ', a.tries, a.asked, a.next_try_at, r.due_at, r.lease_until) FROM attempt a"
                                + " JOIN managed_role r ON r.id = a.role_id WHERE r.id = '" + scene.role
                                + "' AND a.state = 'PARKED'")
                .stream()
                .map(row -> row.getString(0))
                .toList();
    }

    @Test
    void aRoleThatAnotherSessionHoldsLockedIsTriedAgain() throws Exception {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        var scene = scenes.on(server);
        CompletableFuture<?> holder = CompletableFuture.runAsync(() -> server.sql(
                "BEGIN; ALTER ROLE " + scene.managed.role() + " CONNECTION LIMIT 5; SELECT pg_sleep(7); ROLLBACK"));
        Awaitility.await()
                .until(() -> server.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN; ALTER ROLE "
                                        + scene.managed.role() + " %' AND wait_event = 'PgSleep'")
                                .get(0)
                                .getLong(0)
                        == 1);

        assertThat(scene.change(Cause.SCHEDULE, Duration.ofSeconds(5)))
                .isInstanceOfSatisfying(ChangeOutcome.Parked.class, parked -> {
                    assertThat(parked.reason()).isEqualTo("role_locked");
                    assertThat(parked.sqlState()).isEqualTo("55P03");
                });
        assertThat(scene.opens(scene.managed.password())).isEqualTo("ok");

        holder.get(20, TimeUnit.SECONDS);
        scene.carryOn();
        assertThat(scene.status().state()).isEqualTo(RoleState.OK);
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
    }

    /** PostgreSQL answers {@code tuple concurrently updated} to whoever comes second; that change definitely did not happen. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void othersWhoAlterTheRoleAllTheTimeDoNotKeepItFromChanging(int major) throws Exception {
        TestPostgres server = TestPostgres.shared(major);
        var scene = scenes.on(server);
        CompletableFuture<?> other = CompletableFuture.runAsync(() -> server.sql("DO $$ BEGIN FOR i IN 1..10000 LOOP"
                + " BEGIN EXECUTE 'ALTER ROLE " + scene.managed.role() + " CONNECTION LIMIT ' || (i % 50 + 10);"
                + " EXCEPTION WHEN OTHERS THEN NULL; END; COMMIT; PERFORM pg_sleep(0.01);"
                + " EXIT WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = '" + scene.managed.role()
                + "' AND NOT rolinherit); END LOOP; END $$"));
        for (int i = 1; i <= 5; i++) {
            assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
        }
        assertThat(other).as("the others").isNotDone();
        Awaitility.await("a word to the others to stop").ignoreExceptions().until(() -> {
            server.sql("ALTER ROLE " + scene.managed.role() + " NOINHERIT");
            return true;
        });
        other.get(20, TimeUnit.SECONDS);
    }

    /** It is not looked for elsewhere: what the connection names is what was agreed on. When it is promoted, it takes passwords. */
    @Test
    void aStandbyIsLeftAloneUntilItIsPromoted() {
        try (TestPostgres primary = TestPostgres.own(TestPostgres.NEWEST)) {
            TestPostgres.Login managing = primary.role("LOGIN CREATEROLE");
            TestPostgres.Login managed = primary.role("LOGIN");
            primary.sql("GRANT " + managed.role() + " TO " + managing.role() + " WITH ADMIN OPTION");
            try (TestPostgres standby = primary.standby()) {
                var scene = scenes.on(primary, standby.port(), managing, managed);

                assertThat(scene.change(Cause.MANUAL))
                        .isInstanceOfSatisfying(
                                ChangeOutcome.Failed.class,
                                failed -> assertThat(failed.reason()).isEqualTo("standby"));
                assertThat(scene.versions()).isEmpty();

                standby.sql("SELECT pg_promote()");
                assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
                assertThat(standby.login(managed.role(), scene.current())).isEqualTo("ok");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void whatKeepsANewPasswordFromWorkingIsSaidBeforeAnythingIsSent(int major) {
        TestPostgres server = TestPostgres.shared(major);
        var scene = scenes.on(server);
        String role = scene.managed.role();

        server.sql("ALTER ROLE " + role + " NOLOGIN");
        refuses(scene, "role_cannot_login", "ALTER ROLE " + role + " LOGIN");
        server.sql("ALTER ROLE " + role + " LOGIN VALID UNTIL '2001-01-01'");
        refuses(scene, "role_expired", "ALTER ROLE " + role + " VALID UNTIL 'infinity'");
        server.sql("ALTER ROLE " + role + " VALID UNTIL 'infinity'");
        assertThat(scene.opens(scene.managed.password()))
                .as("nothing was changed")
                .isEqualTo("ok");

        server.sql("ALTER ROLE " + role + " RENAME TO " + role + "_x");
        refuses(scene, "role_renamed", "ALTER ROLE " + role + "_x RENAME TO " + role);
        server.sql("ALTER ROLE " + role + "_x RENAME TO " + role);

        assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
    }

    private static void refuses(Scenes.Scene scene, String reason, String sql) {
        assertThat(scene.change(Cause.SCHEDULE)).isInstanceOfSatisfying(ChangeOutcome.Failed.class, failed -> {
            assertThat(failed.reason()).isEqualTo(reason);
            if (sql != null) {
                assertThat(failed.obstacles().get(0).sql()).isEqualTo(sql);
            }
        });
        assertThat(scene.versions()).isEmpty();
    }
}
