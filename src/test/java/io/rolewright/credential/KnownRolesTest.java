package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Roles are known by the number that their server gave them, and servers by their identifier; what has only the name is left alone. */
@QuarkusTest
class KnownRolesTest {

    @Inject
    Scenes scenes;

    private static TestPostgres newest() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    /** As somebody does who only knows the name. */
    private static void makeAnew(TestPostgres server, Scenes.Scene scene, String secret) {
        server.sql("CREATE ROLE " + scene.managed.role() + " LOGIN PASSWORD '" + secret + "'");
        if (scene.server
                .sql("SELECT current_setting('server_version_num')::int >= 160000")
                .get(0)
                .getBoolean(0)) {
            server.sql("GRANT " + scene.managed.role() + " TO " + scene.manager.role()
                    + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
        }
    }

    private static void drop(Scenes.Scene scene) {
        scene.server.sql("DROP ROLE " + scene.managed.role());
    }

    private static String secret(Scenes.Scene scene) {
        return scene.server
                .sql("SELECT rolpassword FROM pg_authid WHERE rolname = '" + scene.managed.role() + "'")
                .get(0)
                .getString(0);
    }

    private static long oid(TestPostgres server, Scenes.Scene scene) {
        return server.sql("SELECT oid::bigint FROM pg_roles WHERE rolname = '" + scene.managed.role() + "'")
                .get(0)
                .getLong(0);
    }

    private static Long known(Scenes.Scene scene) {
        return TestStore.sql("SELECT role_oid FROM managed_role WHERE id = '" + scene.role + "'")
                .get(0)
                .getLong(0);
    }

    private static long noticed(Scenes.Scene scene, String what) {
        return TestStore.sql("SELECT count(*) FROM audit_event WHERE subject_id = '" + scene.owner
                        + "' AND facts->>'noticed' = '" + what + "'")
                .get(0)
                .getLong(0);
    }

    private static void refuses(Scenes.Scene scene, String reason, String sentence) {
        assertThat(scene.change(Cause.MANUAL)).isInstanceOfSatisfying(ChangeOutcome.Failed.class, failed -> {
            assertThat(failed.reason()).isEqualTo(reason);
            assertThat(failed.message()).contains(sentence);
        });
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aRoleThatWasDroppedAndMadeAnewIsLeftAlone(int major) {
        var scene = scenes.on(TestPostgres.shared(major));
        assertThat(known(scene)).as("from its registration on").isEqualTo(oid(scene.server, scene));
        scene.change(Cause.CREATION);
        drop(scene);
        makeAnew(scene.server, scene, "theirs");

        refuses(scene, "role_replaced", "was dropped, and a new one made");
        scene.carryOn();
        scene.terms("drift_policy", "REASSERT");
        scene.carryOn();

        assertThat(scene.status().reason()).isEqualTo("role_replaced");
        assertThat(scene.opens("theirs")).isEqualTo("ok");
        assertThat(scene.comment()).isNull();
        assertThat(scene.facts()).containsOnlyOnce("app-connection.drifted role_replaced");

        scene.terms("takeover", "true");
        assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(known(scene)).isEqualTo(oid(scene.server, scene));
        assertThat(noticed(scene, "taken_over")).isEqualTo(1);
        assertThat(TestStore.sql("SELECT takeover FROM credential WHERE id = '" + scene.owner + "'")
                        .get(0)
                        .getBoolean(0))
                .as("it is used once")
                .isFalse();
    }

    @Test
    void aRoleThatGotTheNameOfAnotherIsLeftAloneAndTheOtherIsNamed() {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        String password = scene.current();
        newest().sql("ALTER ROLE " + scene.managed.role() + " RENAME TO " + scene.managed.role() + "_old");
        makeAnew(newest(), scene, "theirs");

        refuses(scene, "role_replaced", "is called " + scene.managed.role() + "_old now");

        assertThat(scene.opens("theirs")).isEqualTo("ok");
        assertThat(newest().login(scene.managed.role() + "_old", password)).isEqualTo("ok");
    }

    /** As pg_dumpall and psql do it: the secret and the comment are the same, the number is not. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aRoleThatCameOutOfADumpIsRecognised(int major) {
        var scene = scenes.on(TestPostgres.shared(major));
        scene.change(Cause.CREATION);
        String secret = secret(scene);
        String comment = scene.comment();
        drop(scene);
        makeAnew(scene.server, scene, secret);
        scene.server.sql("COMMENT ON ROLE " + scene.managed.role() + " IS '" + comment + "'");

        assertThat(scene.change(Cause.SCHEDULE)).isInstanceOf(ChangeOutcome.Done.class);

        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(known(scene)).isEqualTo(oid(scene.server, scene));
        assertThat(noticed(scene, "role_recognised")).isEqualTo(1);
        assertThat(scene.change(Cause.SCHEDULE)).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(noticed(scene, "role_recognised")).as("told once").isEqualTo(1);
    }

    /** Neither half of the evidence does. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theMarkerOrThePasswordAloneIsNoEvidence(boolean marker) {
        var scene = scenes.on(newest());
        scene.change(Cause.CREATION);
        String secret = secret(scene);
        String comment = scene.comment();
        drop(scene);
        makeAnew(newest(), scene, marker ? "theirs" : secret);
        if (marker) {
            newest().sql("COMMENT ON ROLE " + scene.managed.role() + " IS '" + comment + "'");
        }
        String now = secret(scene);

        refuses(scene, "role_replaced", "Nothing was changed");
        scene.carryOn();

        assertThat(secret(scene)).isEqualTo(now);
        assertThat(scene.status().reason()).isEqualTo(marker ? "role_replaced" : null);
    }

    /** What the build before has registered. */
    @Test
    void aNumberThatIsNotKnownIsLearnedWithTheNextChange() {
        var scene = scenes.on(newest());
        TestStore.sql("UPDATE managed_role SET role_oid = NULL, role_server = NULL WHERE id = '" + scene.role + "'");

        assertThat(scene.change(Cause.SCHEDULE)).isInstanceOf(ChangeOutcome.Done.class);

        assertThat(known(scene)).isEqualTo(oid(newest(), scene));
        assertThat(noticed(scene, "role_recognised")).isZero();
    }

    /** Its number is asked for again by the very statement that changes the password. */
    @Test
    void aRoleThatIsReplacedBetweenLookAndChangeIsLeftAlone() {
        try (TcpProxy proxy = TcpProxy.to(newest())) {
            var scene = scenes.on(newest(), proxy.port());
            scene.change(Cause.CREATION);
            String comment = scene.comment();
            proxy.before(TcpProxy.request("DO $"), () -> {
                drop(scene);
                makeAnew(newest(), scene, "theirs");
                newest().sql("COMMENT ON ROLE " + scene.managed.role() + " IS '" + comment + "'");
                return Fate.PASS;
            });

            assertThat(scene.change(Cause.MANUAL)).isNotInstanceOf(ChangeOutcome.Done.class);

            assertThat(scene.opens("theirs")).isEqualTo("ok");
            assertThat(scene.comment()).isEqualTo(comment);
        }
    }

    /** A name that leads to another server from now on, which has roles of the same names, and numbers. */
    @Test
    void anotherServerIsLeftAloneUntilItShowsThatItIsTheSame() {
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST);
                TcpProxy proxy = TcpProxy.to(newest())) {
            var scene = scenes.on(newest(), proxy.port());
            scene.change(Cause.CREATION);
            String secret = secret(scene);
            String comment = scene.comment();
            other.sql("CREATE ROLE " + scene.manager.role() + " LOGIN CREATEROLE PASSWORD '" + scene.manager.password()
                    + "'");
            makeAnew(other, scene, "theirs");
            TestStore.sql(
                    "UPDATE managed_role SET role_oid = " + oid(other, scene) + " WHERE id = '" + scene.role + "'");
            proxy.redirect(other);

            refuses(scene, "server_replaced", "another server");
            scene.carryOn();

            assertThat(scene.status().reason()).isEqualTo("server_replaced");
            assertThat(other.login(scene.managed.role(), "theirs")).isEqualTo("ok");

            // As after pg_upgrade, which keeps all but the identifier.
            other.sql("ALTER ROLE " + scene.managed.role() + " PASSWORD '" + secret + "'; COMMENT ON ROLE "
                    + scene.managed.role() + " IS '" + comment + "'");
            assertThat(scene.change(Cause.MANUAL)).isInstanceOf(ChangeOutcome.Done.class);
            assertThat(other.login(scene.managed.role(), scene.current())).isEqualTo("ok");
            assertThat(noticed(scene, "role_recognised")).isEqualTo(1);
        }
    }

    /** A role that changes its own password carries no marker: only a password that was made here tells it from others. */
    @Test
    void aManagedConnectionLeavesAnotherServerAloneThatKnowsOnlyWhatAHumanChose() throws Exception {
        TestPostgres.Login own = newest().role("LOGIN");
        try (TestPostgres other = TestPostgres.own(TestPostgres.NEWEST);
                TcpProxy proxy = TcpProxy.to(newest())) {
            Map<String, Object> body = new HashMap<>();
            body.put("name", TestPostgres.uniqueName("self").replace('_', '-'));
            body.put("method", "username-and-password");
            body.put("credentials", Scenes.credentials(newest(), proxy.port(), own));
            body.put("isPlatformManagedCredentials", true);
            String id = Api.as()
                    .body(body)
                    .post("/api/v1/app-connections/postgres")
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("appConnection.id");
            other.sql("CREATE ROLE " + own.role() + " LOGIN PASSWORD '" + own.password() + "'");
            proxy.redirect(other);

            Api.as()
                    .post("/api/v1/app-connections/postgres/" + id + "/rotate")
                    .then()
                    .statusCode(400)
                    .body("details.reason", equalTo("server_replaced"));
            assertThat(other.login(own.role(), own.password())).isEqualTo("ok");

            proxy.redirect(newest());
            Api.as()
                    .post("/api/v1/app-connections/postgres/" + id + "/rotate")
                    .then()
                    .statusCode(200);
        }
    }
}
