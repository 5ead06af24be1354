package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The preflight of a rotation that there is and the rotation itself give the same first reason, whatever is in the way. A pooler in the way is
 * in {@code proof.PoolerTest}, as it takes one.
 */
@QuarkusTest
class SameReasonTest {

    private static final String SCRAM = "host all all 127.0.0.1/32 scram-sha-256";

    private TestPostgres target;
    private Rotating roles;
    private String id;

    /** What is done to the server and undone, and the reason. */
    private record Hindrance(Runnable done, Runnable undone) {}

    private Hindrance sql(String done, String undone) {
        return new Hindrance(() -> target.sql(named(done)), () -> target.sql(named(undone)));
    }

    private String named(String statements) {
        return statements.replace("ROLE", roles.first.role()).replace("MANAGER", roles.managing.role());
    }

    private Hindrance rule(String method) {
        return new Hindrance(
                () -> target.authentication("host all " + roles.first.role() + " 127.0.0.1/32 " + method, SCRAM),
                () -> target.authentication(SCRAM));
    }

    /** Somebody else is about to change it, and does not get on with it. */
    private Hindrance locked() {
        String sleeps = "SELECT pg_sleep(25)";
        String sessions = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%" + sleeps + "%'";
        return new Hindrance(
                () -> {
                    CompletableFuture.runAsync(
                            () -> target.sql(named("alter role ROLE connection limit 50; " + sleeps)));
                    await().until(() -> !target.sql("SELECT " + sessions).isEmpty());
                },
                () -> target.sql("SELECT pg_terminate_backend(pid, 5000) " + sessions));
    }

    private Map<String, Hindrance> hindrances(int major) {
        Map<String, Hindrance> all = new LinkedHashMap<>();
        all.put("password_not_asked", rule("trust"));
        all.put("login_not_offered", rule("reject"));
        all.put("login_not_offered ", rule("ident"));
        all.put("cleartext_password_demanded", rule("password"));
        all.put("role_renamed", sql("alter role ROLE rename to ROLE_away", "alter role ROLE_away rename to ROLE"));
        all.put("role_cannot_login", sql("alter role ROLE nologin", "alter role ROLE login"));
        all.put(
                "role_expired",
                sql("alter role ROLE valid until '2001-01-01'", "alter role ROLE valid until 'infinity'"));
        all.put("role_is_superuser", sql("alter role ROLE superuser", "alter role ROLE nosuperuser"));
        all.put("createrole_missing", sql("alter role MANAGER nocreaterole", "alter role MANAGER createrole"));
        if (major >= 16) {
            all.put(
                    "admin_option_missing",
                    sql("revoke admin option for ROLE from MANAGER", "grant ROLE to MANAGER with admin option"));
        }
        all.put(
                "connect_missing",
                sql(
                        "revoke connect on database postgres from public; grant connect on database postgres to MANAGER",
                        "grant connect on database postgres to public"));
        all.put(
                "role_already_managed",
                sql("comment on role ROLE is 'rolewright:somebody/else epoch=3'", "comment on role ROLE is null"));
        all.put("role_locked", locked());
        all.put(
                "password_refused",
                sql(
                        "alter role MANAGER password 'another'",
                        "alter role MANAGER password '" + roles.managing.password() + "'"));
        return all;
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void whateverIsInTheWay(int major) {
        try (TestPostgres own = TestPostgres.own(major);
                TcpProxy way = TcpProxy.to(own)) {
            target = own;
            roles = Rotating.on(own);
            Map<String, Object> body = roles.body(Rotating.name("rotation"));
            body.put("connectionId", Rotating.connection(way.port(), roles.managing));
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", roles.first.role(), "username2", roles.first.role()));
            id = Rotating.created(body);
            hindrances(major).forEach((reason, hindrance) -> {
                hindrance.done.run();
                assertSame(reason.strip());
                hindrance.undone.run();
            });

            behind();
            Rotating.rotate(id).then().statusCode(200);
            assertThat(roles.loginAsServed(id)).isEqualTo("ok");

            try (TestPostgres standby = own.standby()) {
                await().until(() -> standby.login(roles.managing.role(), roles.managing.password())
                        .equals("ok"));
                way.redirect(standby);
                assertSame("standby");
                way.redirect(own);
            }

            way.close();
            assertSame("connection_refused");
        }
    }

    /** A marker of ours that the store does not know: with a password that still works, and with none. */
    private void behind() {
        long epoch = TestStore.sql("SELECT epoch FROM managed_role WHERE owner_id = '" + id + "'")
                .get(0)
                .getLong(0);
        String marker = target.sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '"
                        + roles.first.role() + "'")
                .get(0)
                .getString(0);
        // The comment was cleared above; a rotation writes it again.
        assertThat(marker).isNull();
        Rotating.rotate(id).then().statusCode(200);
        String mark = target.sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '"
                        + roles.first.role() + "'")
                .get(0)
                .getString(0);
        target.sql("COMMENT ON ROLE " + roles.first.role() + " IS '"
                + mark.replaceAll("epoch=\\d+", "epoch=" + (epoch + 100)) + "'");
        assertThat(preflight().<Boolean>path("preflight.ok")).isTrue();
        target.sql("ALTER ROLE " + roles.first.role() + " PASSWORD 'somebody else''s'");
        assertSame("store_behind_target");
        Api.as()
                .queryParam("force", true)
                .post(BASE + "/" + id + "/rotate-secrets")
                .then()
                .statusCode(200);
    }

    private Response preflight() {
        return Rotating.preflight(id);
    }

    private void assertSame(String reason) {
        Rotating.assertSameReason(id, reason);
    }
}
