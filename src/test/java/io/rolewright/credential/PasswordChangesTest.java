package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.problem.Problem;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Roles that a managing role changes, on real servers. */
@QuarkusTest
class PasswordChangesTest {

    @Inject
    Scenes scenes;

    static TestPostgres newest() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aNewPasswordIsAppliedProvenAndMadeCurrent(int major) {
        var scene = scenes.on(TestPostgres.shared(major));

        ChangeOutcome first = scene.change(Cause.CREATION);

        assertThat(first).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(((ChangeOutcome.Done) first).number()).isEqualTo(1);
        String one = scene.current();
        assertThat(scene.opens(one)).isEqualTo("ok");
        assertThat(scene.opens(scene.managed.password())).isEqualTo("28P01");
        assertThat(scene.comment()).matches("rolewright:[0-9a-f]{32}/" + scene.owner + " epoch=3 version=1");

        scene.change(Cause.MANUAL);
        scene.change(Cause.SCHEDULE);

        assertThat(scene.versions()).containsExactly("1 RETIRED", "2 PREVIOUS", "3 CURRENT");
        assertThat(scene.attempts()).containsExactly("CREATION DONE", "MANUAL DONE", "SCHEDULE DONE");
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(scene.opens(one)).isEqualTo("28P01");
        assertThat(scene.facts())
                .containsExactly(
                        "app-connection.credential-changed 1",
                        "app-connection.credential-changed 2",
                        "app-connection.credential-changed 3");
        RoleStatus status = scene.status();
        assertThat(status.state()).isEqualTo(RoleState.OK);
        assertThat(status.currentNumber()).isEqualTo(3);
        assertThat(status.openAttempt()).isNull();
    }

    // ---- Answers that get lost ------------------------------------------------------------------------------------

    @Test
    void aLostAnswerIsMadeUpForInTheSameRunWithTheSamePassword() {
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            var scene = scenes.on(newest(), proxy.port());
            proxy.before(TcpProxy.reply("COMMIT"), () -> Fate.CUT);

            assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);

            assertThat(scene.versions()).containsExactly("1 CURRENT");
            assertThat(scene.comment()).endsWith("epoch=4 version=1");
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
        }
    }

    @Test
    void whatIsInDoubtGoesOnAsTheSameAttemptWhenTheTargetIsBack() {
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            var scene = scenes.on(newest(), proxy.port());
            scene.change(Cause.CREATION);
            String served = scene.current();
            proxy.before(TcpProxy.reply("COMMIT"), () -> {
                proxy.refuse();
                return Fate.CUT;
            });

            ChangeOutcome outcome = scene.change(Cause.MANUAL);

            assertThat(outcome).isInstanceOf(ChangeOutcome.InDoubt.class);
            var attempt = ((ChangeOutcome.InDoubt) outcome).attemptId();
            assertThat(scene.status().state()).isEqualTo(RoleState.IN_DOUBT);
            assertThat(scene.status().openAttempt()).isEqualTo(attempt);
            assertThat(scene.versions()).containsExactly("1 CURRENT", "2 IN_DOUBT");
            assertThat(scene.current()).as("what is served").isEqualTo(served);

            scene.carryOn();
            assertThat(scene.status().state()).as("still away").isEqualTo(RoleState.IN_DOUBT);
            proxy.accept(true);
            scene.carryOn();

            assertThat(scene.status().state()).isEqualTo(RoleState.OK);
            assertThat(scene.versions()).containsExactly("1 PREVIOUS", "2 CURRENT");
            assertThat(scene.attempts()).containsExactly("CREATION DONE", "MANUAL DONE");
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
            assertThat(TestStore.sql("SELECT tries FROM attempt WHERE id = '" + attempt + "'")
                            .get(0)
                            .getInteger(0))
                    .isEqualTo(3);
        }
    }

    /** Nothing was sent: whoever waits hears so and nothing stays; a schedule tries again by itself. */
    @Test
    void aTargetThatIsAwayFailsWhoWaitsAndParksTheSchedule() {
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            var scene = scenes.on(newest(), proxy.port());
            proxy.refuse();

            assertThat(scene.change(Cause.CREATION)).isInstanceOf(ChangeOutcome.Failed.class);
            assertThat(scene.versions()).isEmpty();
            assertThat(scene.change(Cause.SCHEDULE)).isInstanceOf(ChangeOutcome.Parked.class);
            assertThat(scene.status().state()).isEqualTo(RoleState.PARKED);
            assertThat(scene.status().nextTryAt()).isNotNull();

            proxy.accept(true);
            scene.carryOn();

            assertThat(scene.status().state()).isEqualTo(RoleState.OK);
            assertThat(scene.versions()).containsExactly("1 CURRENT");
        }
    }

    // ---- What the server refuses ----------------------------------------------------------------------------------

    @Test
    void whatIsMissingIsSaidWithTheStatementThatHelps() {
        var scene = scenes.on(newest());
        newest().sql("REVOKE " + scene.managed.role() + " FROM " + scene.manager.role());

        ChangeOutcome outcome = scene.change(Cause.MANUAL);

        assertThat(outcome).isInstanceOfSatisfying(ChangeOutcome.Failed.class, failed -> {
            assertThat(failed.reason()).isEqualTo("admin_option_missing");
            assertThat(failed.obstacles().get(0).sql()).startsWith("GRANT " + scene.managed.role());
        });
        assertThat(scene.versions()).isEmpty();
        assertThat(scene.opens(scene.managed.password())).isEqualTo("ok");
    }

    @Test
    void aRoleThatNobodyAsksForItsPasswordIsLeftAlone() {
        try (TestPostgres server = TestPostgres.own(TestPostgres.NEWEST)) {
            var scene = scenes.on(server);
            server.authentication(
                    "host all " + scene.managed.role() + " 127.0.0.1/32 trust",
                    "host all all 127.0.0.1/32 scram-sha-256");

            assertThat(scene.change(Cause.MANUAL))
                    .isInstanceOfSatisfying(
                            ChangeOutcome.Failed.class,
                            failed -> assertThat(failed.reason()).isEqualTo("password_not_asked"));
            assertThat(scene.versions()).isEmpty();
        }
    }

    // ---- Whose role it is -----------------------------------------------------------------------------------------

    @Test
    void aMarkerOfAnotherStoreNeedsLeaveToBeTakenOver() {
        var scene = scenes.on(newest());
        newest().sql("COMMENT ON ROLE " + scene.managed.role() + " IS 'Ann''s rolewright:other-store/some-rotation"
                + " epoch=41'");

        assertThat(scene.change(Cause.MANUAL))
                .isInstanceOfSatisfying(
                        ChangeOutcome.Failed.class,
                        failed -> assertThat(failed.reason()).isEqualTo("role_already_managed"));
        assertThat(scene.opens(scene.managed.password())).isEqualTo("ok");
        scene.terms("takeover", "true");

        assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(scene.comment()).matches("Ann's rolewright:[0-9a-f]{32}/" + scene.owner + " epoch=[0-9]+ version=1");
    }

    @Test
    void theMarkerOfAnOwnerThatIsGoneIsNoObstacle() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        scene.change(Cause.MANUAL);
        scene.forget();

        var next = scenes.on(newest(), newest().port(), newest().role("LOGIN CREATEROLE"), scene.managed);

        assertThat(next.change(Cause.CREATION)).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(next.comment()).contains("/" + next.owner + " epoch=");
        assertThat(next.opens(next.current())).isEqualTo("ok");
    }

    @Test
    void oneRoleOfOneServerIsRegisteredOnce() {
        var scene = scenes.on(newest());

        assertThatThrownBy(() -> scenes.on(newest(), newest().port(), newest().role("LOGIN CREATEROLE"), scene.managed))
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.code()).isEqualTo("role_already_managed"));
    }

    /** The store was restored from an older copy, or a copy of it is at work. */
    @Test
    void aStoreBehindTheTargetGoesOnOnlyWhereNothingIsLost() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        ahead(scene);
        assertThat(scene.change(Cause.MANUAL)).as("its password is known").isInstanceOf(ChangeOutcome.Done.class);

        ahead(scene);
        newest().sql("ALTER ROLE " + scene.managed.role() + " PASSWORD 'set by the other copy'");
        assertThat(scene.change(Cause.MANUAL))
                .isInstanceOfSatisfying(
                        ChangeOutcome.Failed.class,
                        failed -> assertThat(failed.reason()).isEqualTo("store_behind_target"));
        assertThat(scene.opens("set by the other copy")).isEqualTo("ok");

        assertThat(scene.force()).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
    }

    /** As if another copy of the store had changed the role three times. */
    private static void ahead(Scenes.Scene scene) {
        newest().sql("COMMENT ON ROLE " + scene.managed.role() + " IS '"
                + scene.comment()
                        .replaceAll(
                                "epoch=[0-9]+",
                                "epoch="
                                        + (Long.parseLong(scene.comment().replaceAll(".*epoch=([0-9]+) .*", "$1")) + 3))
                + "'");
    }

    // ---- Claims ---------------------------------------------------------------------------------------------------

    @Test
    void aClaimThatLapsedWritesNothingAnyMore() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        Claim lapsed = scene.claim(Cause.MANUAL);
        scene.carryOn();
        assertThat(scene.versions()).containsExactly("1 PREVIOUS", "2 CURRENT");
        String current = scene.current();

        scene.carryOn(lapsed);

        assertThat(scene.versions()).containsExactly("1 PREVIOUS", "2 CURRENT");
        assertThat(scene.current()).isEqualTo(current);
        assertThat(scene.opens(current)).isEqualTo("ok");
    }

    @Test
    void whileSomebodyWorksOnARoleOthersAreTold() {
        var scene = scenes.on(newest());
        scene.claim(Cause.MANUAL);

        assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.InProgress.class);
        scene.makeDue();
        assertThat(scene.change(Cause.MANUAL)).as("after the lease").isInstanceOf(ChangeOutcome.Done.class);
        assertThat(scene.attempts()).containsExactly("MANUAL DONE");
    }

    @Test
    void connectionsThatAreBusyAreLeftOut() {
        var busy = scenes.on(newest());
        var other = scenes.on(newest());
        busy.change(Cause.CREATION);
        other.change(Cause.CREATION);
        busy.makeDue();
        other.makeDue();

        var claimed = scenes.claimDue(Set.of(busy.connection)).stream()
                .map(Claim::roleId)
                .toList();

        assertThat(claimed).contains(other.role).doesNotContain(busy.role);
    }

    // ---- Drift ----------------------------------------------------------------------------------------------------

    @Test
    void aTargetThatWentBackInTimeGetsTheCurrentPasswordAgain() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        String first = scene.current();
        scene.change(Cause.MANUAL);
        scene.change(Cause.MANUAL);
        newest().sql("ALTER ROLE " + scene.managed.role() + " PASSWORD '" + first + "'");

        scene.carryOn();

        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(scene.opens(first)).isEqualTo("28P01");
        assertThat(scene.versions()).containsExactly("1 RETIRED", "2 PREVIOUS", "3 CURRENT");
        assertThat(scene.attempts()).endsWith("TARGET_WENT_BACK DONE");
        assertThat(scene.facts()).containsOnlyOnce("app-connection.drifted target_went_back");
    }

    /** The server was restored to a time at which none of our passwords had been sent yet. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aTargetThatWentBackToBeforeTheFirstChangeGetsTheCurrentPasswordAgain(boolean marked) {
        try (TestPostgres server = TestPostgres.own(TestPostgres.NEWEST)) {
            TestPostgres.Login manager = server.role("LOGIN CREATEROLE");
            TestPostgres.Login first = server.role("LOGIN");
            TestPostgres.Login second = server.role("LOGIN");
            try (TcpProxy proxy = TcpProxy.to(server)) {
                Scenes.Scene one;
                Scenes.Scene two;
                if (marked) {
                    one = scenes.on(server, proxy.port(), manager, first);
                    two = scenes.on(server, proxy.port(), manager, second);
                    try (TestPostgres backup = server.copy()) {
                        healed(proxy, backup, one, two);
                    }
                } else {
                    for (TestPostgres.Login each : List.of(first, second)) {
                        server.sql("GRANT " + each.role() + " TO " + manager.role()
                                + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
                    }
                    try (TestPostgres backup = server.copy()) {
                        one = scenes.on(server, proxy.port(), manager, first);
                        two = scenes.on(server, proxy.port(), manager, second);
                        healed(proxy, backup, one, two);
                    }
                }
            }
        }
    }

    private void healed(TcpProxy proxy, TestPostgres backup, Scenes.Scene one, Scenes.Scene two) {
        one.change(Cause.CREATION);
        two.change(Cause.CREATION);
        one.change(Cause.MANUAL);
        proxy.redirect(backup);
        assertThat(backup.login(one.managed.role(), one.managed.password())).isEqualTo("ok");
        TestStore.sql(
                "UPDATE managed_role SET probed_at = now() - interval '1 hour', due_at = now() + interval '1 hour'"
                        + " WHERE id IN ('" + one.role + "', '" + two.role + "')");

        one.carryOn();

        assertThat(backup.login(one.managed.role(), one.current())).isEqualTo("ok");
        assertThat(one.versions()).containsExactly("1 PREVIOUS", "2 CURRENT");
        assertThat(one.facts()).containsOnlyOnce("app-connection.drifted target_went_back");
        assertThat(TestStore.sql("SELECT due_at <= now() FROM managed_role WHERE id = '" + two.role + "'")
                        .get(0)
                        .getBoolean(0))
                .as("the other roles of the server are looked at at once")
                .isTrue();
        two.carryOn();
        assertThat(backup.login(two.managed.role(), two.current())).isEqualTo("ok");
    }

    /** One look through the managing role tells apart what a refused login cannot. */
    @ParameterizedTest
    @CsvSource({
        "ALTER ROLE ROLE VALID UNTIL 'yesterday', role_expired",
        "ALTER ROLE ROLE NOLOGIN, role_cannot_login",
        "ALTER ROLE ROLE RENAME TO ROLE_x, role_renamed"
    })
    void whatKeepsARoleOutIsNamed(String statement, String reason) {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        newest().sql(statement
                        .replaceFirst("ROLE ROLE", "ROLE " + scene.managed.role())
                        .replace("ROLE_x", scene.managed.role() + "_x")
                + "; ALTER ROLE " + scene.managed.role() + ("role_renamed".equals(reason) ? "_x" : "")
                + " PASSWORD 'another'");

        scene.carryOn();

        assertThat(scene.status().reason()).isEqualTo(reason);
        assertThat(scene.facts()).containsOnlyOnce("app-connection.drifted " + reason);
    }

    @Test
    void aThirdPartysPasswordIsReportedOrReplacedAsWasAskedFor() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        newest().sql("ALTER ROLE " + scene.managed.role() + " PASSWORD 'theirs'");

        scene.carryOn();
        scene.carryOn();

        assertThat(scene.status().state()).isEqualTo(RoleState.PARKED);
        assertThat(scene.status().reason()).isEqualTo("changed_by_third_party");
        assertThat(scene.facts()).containsOnlyOnce("app-connection.drifted changed_by_third_party");
        assertThat(scene.opens("theirs")).isEqualTo("ok");

        scene.terms("drift_policy", "REASSERT");
        scene.carryOn();

        assertThat(scene.status().state()).isEqualTo(RoleState.OK);
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(scene.opens("theirs")).isEqualTo("28P01");
        assertThat(scene.attempts()).endsWith("REASSERT DONE");
    }

    // ---- The end --------------------------------------------------------------------------------------------------

    @Test
    void aRevokedRoleHasAPasswordThatNobodyIsGivenAndAnEndedMarker() {
        var scene = scenes.on(newest());
        newest().sql("COMMENT ON ROLE " + scene.managed.role() + " IS 'billing'");
        scene.change(Cause.CREATION);
        String given = scene.current();

        assertThat(scene.change(Cause.REVOKE)).isInstanceOf(ChangeOutcome.Done.class);

        assertThat(scene.opens(given)).isEqualTo("28P01");
        assertThat(scene.comment()).matches("billing rolewright:\\S+ epoch=[0-9]+ version=0 ended");
        assertThat(scene.status()).isNull();
        assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Gone.class);
    }

    @Test
    void passwordsAreKeptForThirtyDaysAndTheLastTenForEver() {
        var scene = scenes.on(newest());
        for (int i = 0; i < 12; i++) {
            TestStore.sql(
                    "INSERT INTO password_version (id, role_id, number, state, cause, sealed, created_at, ended_at)"
                            + " VALUES (gen_random_uuid(), '" + scene.role + "', " + (i + 1)
                            + ", 'RETIRED', 'MANUAL', '\\x00',"
                            + " now() - interval '40 days', now() - interval '31 days')");
        }
        var gone = scenes.on(newest());
        gone.change(Cause.CREATION);
        gone.forget();
        TestStore.sql("UPDATE managed_role SET deleted_at = now() - interval '29 days' WHERE id = '" + gone.role + "'");

        scene.carryOn();
        scenes.purge();
        assertThat(scene.versions()).hasSize(10).first().isEqualTo("3 RETIRED");
        assertThat(gone.versions()).hasSize(1);

        TestStore.sql("UPDATE managed_role SET deleted_at = now() - interval '31 days' WHERE id = '" + gone.role + "'");
        scenes.purge();
        assertThat(gone.versions()).isEmpty();
    }

    /** Whoever can write the store cannot have one role's secret applied to another. */
    @Test
    void aVersionThatWasPutUnderAnotherRoleIsNotOpened() {
        var scene = scenes.on(newest());
        var other = scenes.on(newest());
        scene.change(Cause.CREATION);
        other.change(Cause.CREATION);
        TestStore.sql("DELETE FROM password_version WHERE role_id = '" + other.role + "'");
        TestStore.sql(
                "UPDATE password_version SET role_id = '" + other.role + "' WHERE role_id = '" + scene.role + "'");

        assertThatThrownBy(other::current).hasMessageContaining("belongs to another role");
    }
}
