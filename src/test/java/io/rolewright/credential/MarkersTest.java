package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import io.vertx.pgclient.PgException;
import jakarta.inject.Inject;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the marker in a role's comment lets through, whatever others do to it. */
@QuarkusTest
class MarkersTest {

    @Inject
    Scenes scenes;

    static TestPostgres newest() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    private static void comment(Scenes.Scene scene, String literal) {
        newest().sql("COMMENT ON ROLE " + scene.managed.role() + " IS " + literal);
    }

    private static long epoch(Scenes.Scene scene, String column) {
        return TestStore.sql("SELECT " + column + " FROM managed_role WHERE id = '" + scene.role + "'")
                .get(0)
                .getLong(0);
    }

    // ---- Late statements ------------------------------------------------------------------------------------------

    /** What becomes of the role while a statement is on its way. */
    enum Meanwhile {
        NOTHING,
        DELETED,
        WIPED,
        WIPED_AND_CHANGED,
        TAKEN_OVER,
        REVOKED
    }

    /** The bytes of a change that nobody heard of any more arrive at last: they change nothing. */
    @ParameterizedTest
    @EnumSource
    void aLateStatementAppliesNothing(Meanwhile meanwhile) {
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            var scene = scenes.on(newest(), proxy.port());
            scene.change(Cause.CREATION);
            AtomicReference<String> late = new AtomicReference<>();
            proxy.before(
                    message -> {
                        boolean change = message.request()
                                && message.sql() != null
                                && message.sql().contains("DO $")
                                && message.sql().contains(" PASSWORD 'SCRAM");
                        if (change) {
                            late.compareAndSet(null, message.sql());
                        }
                        return change;
                    },
                    () -> Fate.CUT);
            assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
            scene.change(Cause.MANUAL);
            String password = scene.current();

            switch (meanwhile) {
                case NOTHING -> {}
                case DELETED -> {
                    scene.forget();
                    scene.endMarker();
                    assertThat(scene.comment()).endsWith(" ended");
                }
                case WIPED -> comment(scene, "'by an operator'");
                case WIPED_AND_CHANGED -> {
                    comment(scene, "NULL");
                    scene.change(Cause.MANUAL);
                    password = scene.current();
                }
                case TAKEN_OVER -> comment(scene, "'rolewright:other/rotation epoch=1 version=1'");
                case REVOKED -> {
                    scene.change(Cause.REVOKE);
                    newest().sql("ALTER ROLE " + scene.managed.role() + " PASSWORD 'given by a human'");
                    password = "given by a human";
                }
            }
            String before = scene.comment();
            String refused = "";
            try {
                scene.server.as(scene.manager.role(), scene.manager.password(), "postgres", late.get());
            } catch (PgException refusal) {
                refused = refusal.getSqlState();
            }

            assertThat(refused).matches("RW00[123]");
            assertThat(scene.opens(password)).isEqualTo("ok");
            assertThat(scene.comment()).isEqualTo(before);
        }
    }

    // ---- Registration ---------------------------------------------------------------------------------------------

    @Test
    void aRoleIsMarkedBeforeItsPasswordIsTouched() {
        var scene = scenes.on(newest());

        assertThat(scene.comment()).matches("rolewright:[0-9a-f]{32}/" + scene.owner + " epoch=1 version=0");
        assertThat(scene.opens(scene.managed.password())).isEqualTo("ok");
        assertThat(scene.versions()).isEmpty();
    }

    @Test
    void aMarkerThatWasWipedIsPutBackAndToldAndStopsNothing() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        comment(scene, "'by an operator'");

        assertThat(scene.change(Cause.SCHEDULE)).isInstanceOf(ChangeOutcome.Done.class);

        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(scene.comment()).matches("by an operator rolewright:\\S+ epoch=[0-9]+ version=1");
        assertThat(scene.facts()).containsOnlyOnce("app-connection.drifted marker_removed");
    }

    /** Whoever the build before has left without a marker. */
    @Test
    void aRoleThatTheBuildBeforeLeftUnmarkedIsMarkedAtFirstContact() {
        var scene = scenes.on(newest());
        comment(scene, "NULL");
        TestStore.sql("UPDATE managed_role SET epoch = 0, fence_epoch = 0 WHERE id = '" + scene.role + "'");

        assertThat(scene.change(Cause.SCHEDULE)).isInstanceOf(ChangeOutcome.Done.class);

        assertThat(scene.comment()).contains(scene.owner.toString());
        assertThat(scene.facts()).as("nobody removed it").noneMatch(fact -> fact.contains("drifted"));
    }

    /** The answer to the marking is lost: whether the role has it is looked at, and then it goes on. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aMarkingWithoutAnAnswerIsMadeUpForInTheSameRun(boolean arrived) {
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            var scene = scenes.on(newest(), proxy.port());
            comment(scene, "NULL");
            if (arrived) {
                proxy.before(TcpProxy.reply("COMMIT"), () -> Fate.CUT);
            } else {
                proxy.before(TcpProxy.request("DO $"), () -> Fate.CUT);
            }

            assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);

            assertThat(scene.versions()).containsExactly("1 CURRENT");
            assertThat(scene.opens(scene.current())).isEqualTo("ok");
        }
    }

    // ---- What others write ----------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"999999999999999999", "99999999999999999999999999", "5000000"})
    void aNumberThatCannotBeOursIsNamedWithTheStatementThatRemovesIt(String epoch) {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        String ours = scene.comment();
        comment(scene, "'Ann''s " + ours.replaceAll("epoch=[0-9]+", "epoch=" + epoch) + "'");
        long before = epoch(scene, "epoch");

        assertThat(scene.change(Cause.MANUAL)).isInstanceOfSatisfying(ChangeOutcome.Failed.class, failed -> {
            assertThat(failed.reason()).isEqualTo("marker_implausible");
            assertThat(failed.obstacles())
                    .singleElement()
                    .satisfies(obstacle -> assertThat(obstacle.sql())
                            .isEqualTo("COMMENT ON ROLE " + scene.managed.role() + " IS 'Ann''s'"));
            newest().sql(failed.obstacles().get(0).sql());
        });
        assertThat(epoch(scene, "epoch")).isLessThan(before + 10);

        assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(scene.comment()).startsWith("Ann's rolewright:");
    }

    /** However often it looks: only what was sent counts. */
    @Test
    void aStoreThatIsBehindDoesNotCatchUpByLooking() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        String ours = scene.comment();
        long sent = epoch(scene, "fence_epoch");
        comment(scene, "'" + ours.replaceAll("epoch=[0-9]+", "epoch=" + (sent + 2)) + "'");
        newest().sql("ALTER ROLE " + scene.managed.role() + " PASSWORD 'set by the other copy'");

        for (int i = 0; i < 4; i++) {
            scene.carryOn(); // a look
            assertThat(scene.change(Cause.MANUAL))
                    .isInstanceOfSatisfying(
                            ChangeOutcome.Failed.class,
                            failed -> assertThat(failed.reason()).isEqualTo("store_behind_target"));
        }

        assertThat(epoch(scene, "fence_epoch")).isEqualTo(sent);
        assertThat(epoch(scene, "epoch")).isGreaterThan(sent + 2);
        assertThat(scene.opens("set by the other copy")).isEqualTo("ok");
    }

    @Test
    void aTakeoverNamesTheMarkerThatItReplaces() {
        var scene = scenes.on(newest());
        comment(scene, "'rolewright:other/rotation epoch=41'");
        scene.terms("takeover", "true");
        scene.terms("credential_version", "6");

        assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);

        assertThat(TestStore.sql("SELECT facts->>'replaces' FROM audit_event WHERE subject_id = '" + scene.owner
                                + "' AND facts->>'noticed' = 'taken_over'")
                        .stream()
                        .map(row -> row.getString(0)))
                .containsExactly("other/rotation epoch=41");
        assertThat(scene.comment()).endsWith("version=7");
    }
}
