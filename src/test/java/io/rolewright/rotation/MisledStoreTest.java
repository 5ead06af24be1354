package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.vertx.VertxContextSupport;
import io.restassured.response.Response;
import io.rolewright.credential.ScheduleNotices;
import io.rolewright.sealing.Resealed;
import io.rolewright.target.Deadline;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.LoggedErrors;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Somebody who may write the store, and has no key, has a password sent, or handed out, to where the service did not put it. */
@QuarkusTest
class MisledStoreTest {

    @Inject
    ScheduleNotices notices;

    private Rotating roles;
    private String rotation;

    @BeforeEach
    void aRotation() {
        roles = Rotating.on(TestPostgres.NEWEST);
        rotation = roles.created();
    }

    @AfterEach
    void believeWhatIsThereAgain() {
        TestStore.sql("update secret_rotation set project_id = '" + Rotating.project() + "', connection_id = '"
                + roles.connection
                + "', password_requirements = null where id = '" + rotation
                + "'; update app_connection set project_id = null"
                + " where id = '" + roles.connection + "'; update managed_role set connection_id = '" + roles.connection
                + "', role_name = case role_name when 'postgres' then '" + roles.second.role()
                + "' else role_name end where owner_id = '" + rotation + "'");
        Resealed.rows();
    }

    @Test
    void aRotationThatIsMovedToAProjectOfHisHandsNothingOut() {
        var project = Identities.project();
        var consumer = Identities.in(project, "consumer");
        Resealed.rows();

        TestStore.sql("update secret_rotation set project_id = '" + project + "' where id = '" + rotation + "'");

        gives(consumer.as().get(Rotating.BASE + "/" + rotation + "/active"));
        gives(consumer.as().get(Rotating.BASE + "/" + rotation + "/generated-credentials"));
        gives(consumer.as()
                .queryParam("projectId", project)
                .queryParam("environment", "production")
                .queryParam("secretPath", "/")
                .queryParam("recursive", true)
                .get("/api/v4/secrets"));
    }

    @Test
    void aConnectionThatIsMovedToAProjectOfHisIsNotShown() {
        var project = Identities.project();
        var operator = Identities.in(project, "operator");

        TestStore.sql("update app_connection set project_id = '" + project + "' where id = '" + roles.connection + "'");

        gives(operator.as().get("/api/v1/app-connections/postgres/" + roles.connection));
        gives(operator.as().queryParam("projectId", project).get("/api/v1/app-connections"));
    }

    @Test
    void aRoleThatIsChangedThroughAConnectionOfHisIsNotChanged() {
        try (TestPostgres his = TestPostgres.own(TestPostgres.NEWEST, TestPostgres.Tls.OFF, builder -> builder);
                TcpProxy watched = TcpProxy.to(his)) {
            TcpProxy.Sighting dialled = watched.always(message -> true, () -> TcpProxy.Fate.PASS);
            String connection = Rotating.connection(watched.port(), his.role("LOGIN CREATEROLE"));
            long before = dialled.times();

            TestStore.sql(
                    "update managed_role set connection_id = '" + connection + "' where owner_id = '" + rotation + "'");
            gives(Rotating.rotateAtOnce(rotation));
            runDue();

            assertThat((long) dialled.times()).isEqualTo(before);
        }
    }

    @Test
    void anotherRoleIsNotChangedInItsPlace() {
        TestStore.sql("update managed_role set role_name = 'postgres' where owner_id = '" + rotation
                + "' and role_name = '" + roles.second.role() + "'");

        gives(Rotating.rotateAtOnce(rotation));
        runDue();

        assertThat(roles.target.sql("select 1").get(0).getInteger(0)).isEqualTo(1);
    }

    /** By its number a role is only known again: what is changed is the one of the sealed name, or nothing. */
    @Test
    void theNumberOfAnotherRoleLeadsToNoOther() {
        TestPostgres.Login other = roles.target.role("LOGIN");
        roles.target.sql("GRANT " + other.role() + " TO " + roles.managing.role() + " WITH ADMIN TRUE");
        long number = roles.target
                .sql("SELECT oid::int8 FROM pg_roles WHERE rolname = '" + other.role() + "'")
                .get(0)
                .getLong(0);

        TestStore.sql("update managed_role set role_oid = " + number + " where owner_id = '" + rotation + "'");
        Rotating.rotateAtOnce(rotation);
        runDue();

        assertThat(roles.target.login(other.role(), other.password())).isEqualTo("ok");
        assertThat(roles.loginAsServed(rotation)).isEqualTo("ok");
        TestStore.sql("update managed_role set role_oid = null where owner_id = '" + rotation + "'");
    }

    /** What he does get, as docs/SECURITY.md says: a stored login is left outside, as if nobody had stored it. */
    @Test
    void aLoginThatHeHidesStandsInNobodysWay() {
        TestPostgres.Login stored = roles.target.role("LOGIN");
        roles.target.sql("GRANT " + stored.role() + " TO " + roles.managing.role() + " WITH ADMIN TRUE");
        String connection = Rotating.connection(roles.target.port(), stored);
        Map<String, Object> body = roles.body(Rotating.name("hidden"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", stored.role()));
        Rotating.post(body).then().statusCode(400).body("code", equalTo("role_of_a_connection"));

        TestStore.sql(
                "update app_connection set login = '\\x00', login_address = '\\x00' where id = '" + connection + "'");

        String made = Rotating.created(body);
        assertThat(roles.target.login(stored.role(), stored.password())).isEqualTo("28P01");
        Api.as().delete(Rotating.BASE + "/" + made).then().statusCode(200);
        Api.as().delete("/api/v1/app-connections/postgres/" + connection).then().statusCode(200);
    }

    @Test
    void noPasswordIsMadeThatCanBeGuessed() {
        TestStore.sql(
                "update secret_rotation set password_requirements = '{\"length\": 1, \"required\": {\"digits\": 1}}'"
                        + " where id = '" + rotation + "'");

        gives(Rotating.rotateAtOnce(rotation));
        runDue();

        assertThat(TestStore.sql(
                                "select count(*) from password_version v join managed_role m on m.id = v.role_id where m.owner_id = '"
                                        + rotation + "'")
                        .get(0)
                        .getLong(0))
                .isEqualTo(1);
    }

    /** What decides of a rotation stands in the table {@code credential} too, which the service works from. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "project_id = '%s'",
                "environment = 'another'",
                "secret_path = '/another'",
                "connection_id = '%s'",
                "strategy = 'SINGLE'",
                "strategy = 'SELF'",
                "role1_id = role2_id",
                "role2_id = role1_id",
                "allow_privileged = true",
                "takeover = true",
                "password_requirements = '{\"length\": 1, \"required\": {\"digits\": 1}}'",
                "row_seal = null",
                "row_seal = (select row_seal from credential o where o.connection_id = '%s')"
            })
    void aCredentialThatWasAlteredIsNotBelieved(String change) {
        String project = Identities.project();
        var consumer = Identities.in(project, "consumer");
        Rotating others = Rotating.on(TestPostgres.NEWEST);
        others.created();
        Resealed.rows();
        TestStore.sql("create table kept_by_the_thief as select * from credential where id = '" + rotation + "'");
        try (var errors = new LoggedErrors()) {
            TestStore.sql("update credential set "
                    + change.formatted(change.startsWith("project_id") ? project : others.connection) + " where id = '"
                    + rotation + "'");

            gives(Rotating.rotateAtOnce(rotation));
            gives(consumer.as().get(Rotating.BASE + "/" + rotation + "/active"));
            if (!change.startsWith("strategy = 'SELF'")) { // as which it is none that this path has
                gives(Api.as().get(Rotating.BASE + "/" + rotation + "/active"));
            }

            assertThat(errors.lines())
                    .anySatisfy(line ->
                            assertThat(line).contains("RowSeals", rotation).contains("is not believed"));
        } finally {
            TestStore.sql(
                    "update credential c set (project_id, environment, secret_path, connection_id, strategy, role1_id,"
                            + " role2_id, allow_privileged, takeover, password_requirements, row_seal) = (select project_id,"
                            + " environment, secret_path, connection_id, strategy, role1_id, role2_id, allow_privileged, takeover,"
                            + " password_requirements, row_seal from kept_by_the_thief) where id = '" + rotation
                            + "'; drop table kept_by_the_thief");
        }
        assertThat(Rotating.rotateAtOnce(rotation).statusCode()).isEqualTo(200);
    }

    /** Of a managed connection the seal is over its role; whose it is and where it leads, the connection's own row says. */
    @Test
    void aManagedConnectionsCredentialLeadsNowhereElse() {
        var project = Identities.project();
        var his = Identities.in(project, "admin");
        String connection = managed();
        try (TestPostgres elsewhere = TestPostgres.own(TestPostgres.NEWEST, TestPostgres.Tls.OFF, builder -> builder);
                TcpProxy watched = TcpProxy.to(elsewhere)) {
            String leading = Rotating.connection(watched.port(), elsewhere.role("LOGIN CREATEROLE"));
            TcpProxy.Sighting dialled = watched.always(message -> true, () -> TcpProxy.Fate.PASS);
            long before = dialled.times();

            TestStore.sql("update credential set project_id = '" + project + "', connection_id = '" + leading
                    + "', next_rotation_at = now() - interval '1 hour', due_at = now() - interval '1 hour',"
                    + " overdue_told_for = null, auto_rotation = true, interval_days = 30 where id = '" + connection
                    + "'");
            gives(his.as().get("/api/v1/app-connections/postgres/" + connection + "/active"));
            gives(his.as().post("/api/v1/app-connections/postgres/" + connection + "/rotate"));
            VertxContextSupport.subscribeAndAwait(() -> notices.tell(Deadline.in(Duration.ofSeconds(8))));
            runDue();

            assertThat((long) dialled.times()).isEqualTo(before);
            assertThat(TestStore.sql("select 1 from outbox_fact where project_id = '" + project + "'"))
                    .as("told to his webhooks")
                    .isEmpty();
        } catch (Throwable failed) {
            throw new AssertionError(failed);
        } finally {
            TestStore.sql(
                    "update credential set project_id = null, connection_id = id where id = '" + connection + "'");
        }
    }

    private String managed() {
        var login = roles.target.role("LOGIN");
        return Api.as()
                .body(Map.of(
                        "name",
                        Rotating.name("managed"),
                        "method",
                        "username-and-password",
                        "isPlatformManagedCredentials",
                        true,
                        "credentials",
                        Map.of(
                                "host",
                                "127.0.0.1",
                                "port",
                                roles.target.port(),
                                "database",
                                "postgres",
                                "username",
                                login.role(),
                                "password",
                                login.password(),
                                "sslEnabled",
                                false)))
                .post("/api/v1/app-connections/postgres")
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    /** One altered row is no outage of the others. */
    @Test
    void whatIsDueElsewhereIsDone() {
        Rotating others = Rotating.on(TestPostgres.NEWEST);
        String other = others.created();
        TestStore.sql("update secret_rotation set password_requirements = '{}' where id = '" + rotation + "';"
                + " update secret_rotation set next_rotation_at = now() - interval '2 minutes', due_at = now() - interval '2 minutes'"
                + " where id = '" + rotation
                + "'; update secret_rotation set next_rotation_at = now() - interval '1 minute',"
                + " due_at = now() - interval '1 minute' where id = '" + other + "'");

        runDue();

        assertThat(TestStore.sql("select credential_version from secret_rotation where id = '" + other + "'")
                        .get(0)
                        .getLong(0))
                .isEqualTo(2);
    }

    private static void runDue() {
        Api.as()
                .queryParam("budgetSeconds", 8)
                .post("/api/v1/rotations/run-due")
                .then()
                .statusCode(200);
    }

    private void gives(Response answer) {
        assertThat(answer.statusCode()).as(answer.asString()).isNotEqualTo(200);
        assertThat(answer.asString()).doesNotContain(roles.first.role(), "password_");
    }
}
