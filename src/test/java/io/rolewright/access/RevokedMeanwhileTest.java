package io.rolewright.access;

import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import io.rolewright.rotation.Rotating;
import io.rolewright.sealing.Resealed;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.LoggedErrors;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TcpProxy.Sighting;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Who loses his right in the middle of something that lasts gets nothing more from it: every way to lose it against everything that may
 * last longer than {@link AccessConfig#revocationDelay}.
 */
@QuarkusTest
class RevokedMeanwhileTest {

    private static final String RUN_DUE = "/api/v1/rotations/run-due";

    /** The delay, one look at the versions, and what two busy cores take. */
    private static final Duration BOUND = Duration.ofSeconds(5).plusMillis(500).plusSeconds(3);

    private static final String CHANGED = "; insert into access_change (identity_id) values ('%1$s')"
            + " on conflict (identity_id) do update set at = now()";

    @Inject
    MeterRegistry metrics;

    @Inject
    TokenLedger ledger;

    @Inject
    AccessConfig access;

    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void end() {
        threads.shutdownNow();
    }

    /** How the right is lost: by a call to this replica, or by what the call to another leaves in the store. */
    private enum Loss {
        MEMBERSHIP_REMOVED("permission_denied", "delete from role_binding where identity_id = '%1$s'" + CHANGED) {
            @Override
            void here(Held held) {
                if (held.project == null) {
                    roles(held, List.of());
                } else {
                    Api.as().delete(membership(held)).then().statusCode(200);
                }
            }
        },
        ROLE_NARROWED(
                "permission_denied", "update role_binding set role = 'reader' where identity_id = '%1$s'" + CHANGED) {
            @Override
            void here(Held held) {
                if (held.project == null) {
                    roles(held, List.of("reader"));
                } else {
                    Api.as()
                            .body(Map.of("roles", List.of("reader")))
                            .put(membership(held))
                            .then()
                            .statusCode(200);
                }
            }
        },
        IDENTITY_DELETED("token_revoked", "delete from identity where id = '%1$s'" + CHANGED) {
            @Override
            void here(Held held) {
                Api.as()
                        .delete("/api/v1/identities/" + held.somebody.id())
                        .then()
                        .statusCode(200);
            }
        },
        TOKEN_REVOKED(
                "token_revoked",
                "insert into revoked_token (token_id, expires_at) values ('%2$s', now() + interval '1 day')") {
            @Override
            void here(Held held) {
                Api.as()
                        .body(Map.of("accessToken", held.token))
                        .post("/api/v1/auth/token/revoke")
                        .then()
                        .statusCode(200);
            }
        },
        CLIENT_SECRET_REVOKED("token_revoked", "delete from client_secret where identity_id = '%1$s'" + CHANGED) {
            @Override
            void here(Held held) {
                String secrets = "/api/v1/auth/universal-auth/identities/" + held.somebody.id() + "/client-secrets";
                String id = Api.as().get(secrets).path("clientSecretData[0].id");
                Api.as().post(secrets + "/" + id + "/revoke").then().statusCode(200);
            }
        },
        STATIC_TOKEN_REVOKED("token_revoked", "delete from static_token where identity_id = '%1$s'" + CHANGED) {
            @Override
            void here(Held held) {
                String tokens = "/api/v1/auth/token-auth/identities/" + held.somebody.id() + "/tokens";
                String id = Api.as().get(tokens).path("tokens[0].id");
                Api.as().post(tokens + "/" + id + "/revoke").then().statusCode(200);
            }
        },
        STATIC_TOKEN_EXPIRED(
                "token_expired",
                "update static_token set expires_at = now() - interval '1 s' where identity_id = '%1$s'" + CHANGED) {
            @Override
            void here(Held held) {
                elsewhere(held); // Time does it, and is no call.
            }
        };

        private final String code;
        private final String sql;

        Loss(String code, String sql) {
            this.code = code;
            this.sql = sql;
        }

        abstract void here(Held held);

        void elsewhere(Held held) {
            Resealed.sql(sql.formatted(held.somebody.id(), held.tokenId()));
        }

        boolean isOfAStaticToken() {
            return name().startsWith("STATIC");
        }

        private static String membership(Held held) {
            return "/api/v1/projects/" + held.project + "/identity-memberships/" + held.somebody.id();
        }

        private static void roles(Held held, List<String> roles) {
            Api.as()
                    .body(Map.of("roles", roles))
                    .patch("/api/v1/identities/" + held.somebody.id())
                    .then()
                    .statusCode(200);
        }
    }

    /** @param project where the role is held; null for the organisation */
    private record Held(Somebody somebody, String project, String token) {

        static Held of(String project, String role, Loss loss) {
            Somebody somebody = project == null ? Identities.with(role) : Identities.in(project, role);
            return new Held(
                    somebody,
                    project,
                    loss.isOfAStaticToken()
                            ? Api.as()
                                    .body(Map.of("name", "static", "role", role))
                                    .post("/api/v1/auth/token-auth/identities/" + somebody.id() + "/tokens")
                                    .then()
                                    .statusCode(200)
                                    .extract()
                                    .path("accessToken")
                            : somebody.token());
        }

        String tokenId() {
            String[] parts = token.split("\\.");
            return parts.length < 3
                    ? "00000000-0000-0000-0000-000000000000"
                    : new JsonObject(new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8))
                            .getString("jti");
        }

        Response get(String path) {
            return RestAssured.given()
                    .header("Authorization", "Bearer " + token)
                    .get(path);
        }
    }

    // ---- Waiting for a version -------------------------------------------------------------------------------------

    private static final List<String> FORMATS = List.of("json", "uri", "conninfo", "jdbc", "pgpass", "pgbouncer");

    @TestFactory
    Stream<DynamicTest> aWaitEndsWithTheRight() {
        return Arrays.stream(Loss.values())
                .map(loss -> dynamicTest("revoked here: " + loss, () -> {
                    String rotation = Rotating.on(TestPostgres.NEWEST).created();
                    Held held = Held.of(Rotating.project(), "consumer", loss);
                    List<CompletableFuture<Response>> waiting = waiting(held, rotation);

                    loss.here(held);

                    refused(waiting, loss);
                }));
    }

    /** The replica that is asked knows nothing of it when the new version is there. */
    @TestFactory
    Stream<DynamicTest> nobodyGetsAVersionThatWasMadeAfterHeWasRevokedElsewhere() {
        return Arrays.stream(Loss.values())
                .map(loss -> dynamicTest("revoked elsewhere, then rotated at once: " + loss, () -> {
                    String rotation = Rotating.on(TestPostgres.NEWEST).created();
                    Held held = Held.of(Rotating.project(), "consumer", loss);
                    List<CompletableFuture<Response>> waiting = waiting(held, rotation);

                    loss.elsewhere(held);
                    rotateAtOnce(rotation).then().statusCode(200);

                    refused(waiting, loss);
                    assertThat(TestStore.sql("select from audit_event where actor_id = '" + held.somebody.id()
                                    + "' and outcome = 'SUCCESS' and subject_id = '" + rotation + "'"))
                            .as("nothing was given out")
                            .isEmpty();
                    assertThat(TestStore.sql("select from audit_event where actor_id = '" + held.somebody.id()
                                    + "' and outcome = 'REFUSED' and subject_id = '" + rotation + "'"))
                            .hasSize(FORMATS.size());
                }));
    }

    /** What changed was not about him: he waits on, and is answered. */
    @TestFactory
    Stream<DynamicTest> whoKeepsTheRightKeepsWaiting() {
        return Stream.of(dynamicTest("another role beside", () -> {
            String rotation = Rotating.on(TestPostgres.NEWEST).created();
            Held held = Held.of(Rotating.project(), "consumer", Loss.ROLE_NARROWED);
            List<CompletableFuture<Response>> waiting = waiting(held, rotation);

            Api.as()
                    .body(Map.of("roles", List.of("consumer", "operator")))
                    .put(Loss.membership(held))
                    .then()
                    .statusCode(200);
            await().pollDelay(Duration.ofSeconds(2))
                    .until(() -> waiting.stream().noneMatch(CompletableFuture::isDone));
            rotateAtOnce(rotation).then().statusCode(200);

            for (CompletableFuture<Response> each : waiting) {
                assertThat(each.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
            }
        }));
    }

    @TestFactory
    Stream<DynamicTest> aWaitEndsWithItsProject() {
        return Stream.of(dynamicTest("rotation and project deleted", () -> {
            String project = Identities.project();
            Rotating roles = Rotating.on(TestPostgres.NEWEST);
            Map<String, Object> body = roles.body(Rotating.name("rotation"));
            body.put("projectId", project);
            String rotation = Rotating.created(body);
            Held held = Held.of(project, "consumer", Loss.MEMBERSHIP_REMOVED);
            List<CompletableFuture<Response>> waiting = waiting(held, rotation);

            Api.as().delete(BASE + "/" + rotation).then().statusCode(200);
            Api.as().delete("/api/v1/projects/" + project).then().statusCode(200);

            for (CompletableFuture<Response> each : waiting) {
                assertThat(each.get(BOUND.toMillis(), TimeUnit.MILLISECONDS).statusCode())
                        .isIn(403, 404);
            }
            assertThat(held.get("/api/v1/projects").<String>path("code"))
                    .as("no replica knows a role of his any more")
                    .isEqualTo("permission_denied");
        }));
    }

    private List<CompletableFuture<Response>> waiting(Held held, String rotation) {
        double before = waiters();
        List<CompletableFuture<Response>> waiting = FORMATS.stream()
                .map(format -> CompletableFuture.supplyAsync(
                        () -> held.get(BASE + "/" + rotation + "/active?waitForVersion=2&timeout=50&format=" + format),
                        threads))
                .toList();
        await().until(() -> waiters() == before + FORMATS.size());
        return waiting;
    }

    private double waiters() {
        Gauge gauge = metrics.find("rolewright.delivery.waiters").gauge();
        return gauge == null ? 0 : gauge.value(); // there is none before the first has waited
    }

    private static void refused(List<CompletableFuture<Response>> waiting, Loss loss) throws Exception {
        long end = System.nanoTime() + BOUND.toNanos();
        for (CompletableFuture<Response> each : waiting) {
            Response answer = each.get(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(403);
            assertThat(answer.<String>path("code")).isEqualTo(loss.code);
        }
    }

    // ---- Waiting for a server --------------------------------------------------------------------------------------

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    /**
     * What a request that waits for a server is about.
     *
     * @param send as somebody who loses the right while the server lets the service in for the first time
     * @param state what the request would have changed, as an administrator and the server see it
     */
    private record Lasting(String what, Function<RequestSpecification, Response> send, Supplier<Object> state) {}

    private static Lasting lasting(String what, Function<RequestSpecification, Response> send, Supplier<Object> state) {
        return new Lasting(what, send, state);
    }

    /** Every request that waits for a server, each with things of its own behind the proxy. */
    private static List<Lasting> lasting(TestPostgres server, TcpProxy slow) {
        Map<String, Object> fresh = connection(server.role("LOGIN"), slow.port(), false);
        Map<String, Object> toManage = connection(server.role("LOGIN"), slow.port(), true);
        Login moved = server.role("LOGIN");
        String plain = connected(connection(moved, server.port(), false));
        Map<String, Object> there = Map.of("credentials", credentials(moved, slow.port()));
        Login taken = server.role("LOGIN");
        String managedLater = connected(connection(taken, slow.port(), false));
        Map<String, Object> managing =
                Map.of("credentials", credentials(taken, slow.port()), "isPlatformManagedCredentials", true);
        String managed = connected(connection(server.role("LOGIN"), slow.port(), true));
        Login changer = server.role("LOGIN CREATEROLE");
        Login first = server.role("LOGIN");
        Login second = server.role("LOGIN");
        Rotating.grant(server, changer, first);
        Rotating.grant(server, changer, second);
        String by = Rotating.connection(slow.port(), changer);
        String rotation = Rotating.created(rotation(by, first));
        Map<String, Object> other = rotation(by, second);
        Supplier<Object> nothing = () -> "";
        return List.of(
                lasting("create a connection", as -> as.body(fresh).post(CONNECTIONS), () -> named(fresh)),
                lasting(
                        "create a managed connection",
                        as -> as.body(toManage).post(CONNECTIONS),
                        () -> named(toManage) + server.login(username(toManage), password(toManage))),
                lasting(
                        "change a connection",
                        as -> as.body(there).patch(CONNECTIONS + "/" + plain),
                        () -> shown(plain)),
                lasting(
                        "take a password under management",
                        as -> as.body(managing).patch(CONNECTIONS + "/" + managedLater),
                        () -> shown(managedLater) + server.login(taken.role(), taken.password())),
                lasting(
                        "test credentials",
                        as -> as.body(Map.of("credentials", fresh.get("credentials")))
                                .post(CONNECTIONS + "/test"),
                        nothing),
                lasting("test a connection", as -> as.post(CONNECTIONS + "/" + managedLater + "/test"), nothing),
                lasting(
                        "rotate a managed password",
                        as -> as.post(CONNECTIONS + "/" + managed + "/rotate"),
                        () -> shown(managed) + "" + history(CONNECTIONS + "/" + managed)),
                lasting("verify a managed password", as -> as.post(CONNECTIONS + "/" + managed + "/verify"), nothing),
                lasting(
                        "create a rotation",
                        as -> as.body(other).post(BASE),
                        () -> server.login(second.role(), second.password())
                                + TestStore.sql("select from secret_rotation where name = '" + other.get("name") + "'")
                                        .size()),
                lasting(
                        "rotate",
                        as -> as.post(BASE + "/" + rotation + "/rotate-secrets"),
                        () -> Rotating.credentials(rotation) + "" + history(BASE + "/" + rotation)),
                lasting("verify a rotation", as -> as.post(BASE + "/" + rotation + "/verify"), nothing),
                lasting("preflight of a rotation", as -> as.post(BASE + "/" + rotation + "/preflight"), nothing),
                lasting(
                        "preflight",
                        as -> as.body(Map.of(
                                        "connectionId",
                                        by,
                                        "parameters",
                                        other.get("parameters"),
                                        "strategy",
                                        "single"))
                                .post(BASE + "/preflight"),
                        nothing));
    }

    @TestFactory
    Stream<DynamicTest> whoIsRevokedWhileAServerIsWaitedForGetsAndChangesNothing() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        TcpProxy slow = TcpProxy.to(server);
        List<Lasting> all = lasting(server, slow);
        return Stream.of(Loss.ROLE_NARROWED, Loss.TOKEN_REVOKED)
                .flatMap(loss -> all.stream()
                        .map(lasting -> dynamicTest(lasting.what + ": " + loss, () -> {
                            Object before = lasting.state.get();
                            Held held = Held.of(null, "operator", loss);
                            Sighting lost = slow.before(TcpProxy.loggedIn(), () -> {
                                if (loss == Loss.TOKEN_REVOKED) {
                                    loss.elsewhere(held);
                                    ledger.age(access.revocationDelay()); // Nobody has told this replica.
                                } else {
                                    loss.here(held);
                                }
                                return Fate.PASS;
                            });

                            Response answer = lasting.send.apply(RestAssured.given()
                                    .contentType("application/json")
                                    .header("Authorization", "Bearer " + held.token));

                            slow.forget();
                            assertThat(lost.times()).isEqualTo(1);
                            assertThat(answer.statusCode())
                                    .as(answer.asString())
                                    .isEqualTo(403);
                            assertThat(answer.<String>path("code")).isEqualTo(loss.code);
                            assertThat(lasting.state.get()).isEqualTo(before);
                        })))
                .onClose(slow::close);
    }

    /** The row is locked by somebody else when the request comes; in the end it is his who came first. */
    @TestFactory
    Stream<DynamicTest> whoIsRevokedWhileTheStoreIsWaitedForGetsAndChangesNothing() {
        Map<String, BiFunction<RequestSpecification, String, Response>> ofConnections = new LinkedHashMap<>();
        ofConnections.put("release", (by, path) -> by.post(path + "/release"));
        ofConnections.put(
                "rename",
                (by, path) -> by.body(Map.of("description", "changed")).patch(path));
        ofConnections.put("delete", (by, path) -> by.delete(path + "?discardManagedPassword=true"));
        Map<String, BiFunction<RequestSpecification, String, Response>> ofRotations = new LinkedHashMap<>();
        ofRotations.put(
                "rename",
                (by, path) -> by.body(Map.of("description", "changed")).patch(path));
        ofRotations.put("delete", (by, path) -> by.delete(path));
        ofRotations.put("revoke", (by, path) -> by.delete(path + "?revokeGeneratedCredentials=true"));
        return Stream.concat(
                ofConnections.entrySet().stream()
                        .map(each -> dynamicTest("connection: " + each.getKey(), () -> {
                            Login login =
                                    TestPostgres.shared(TestPostgres.NEWEST).role("LOGIN");
                            String managed = connected(connection(
                                    login,
                                    TestPostgres.shared(TestPostgres.NEWEST).port(),
                                    true));
                            getsNothing(
                                    "app_connection",
                                    managed,
                                    CONNECTIONS + "/" + managed,
                                    "appConnection",
                                    each.getValue());
                        })),
                ofRotations.entrySet().stream()
                        .map(each -> dynamicTest("rotation: " + each.getKey(), () -> {
                            String rotation = Rotating.on(TestPostgres.shared(TestPostgres.NEWEST))
                                    .created();
                            getsNothing(
                                    "secret_rotation",
                                    rotation,
                                    Rotating.BASE + "/" + rotation,
                                    "secretRotation",
                                    each.getValue());
                        })));
    }

    private void getsNothing(
            String table,
            String id,
            String path,
            String name,
            BiFunction<RequestSpecification, String, Response> request)
            throws Exception {
        Map<String, Object> before = Api.as().get(path).path(name);
        Held held = Held.of(null, "admin", Loss.ROLE_NARROWED);
        CompletableFuture<?> locking = CompletableFuture.runAsync(
                () -> TestStore.sql("update " + table + " set id = id where id = '" + id + "' returning pg_sleep(60)"),
                threads);
        try {
            await().until(() -> waits("PgSleep") == 1);
            CompletableFuture<Response> answered = CompletableFuture.supplyAsync(
                    () -> request.apply(
                            RestAssured.given()
                                    .header("Authorization", "Bearer " + held.token)
                                    .contentType(ContentType.JSON),
                            path),
                    threads);
            await().until(() -> waits("transactionid") == 1);

            Loss.ROLE_NARROWED.here(held);
            unlock();

            Response answer = answered.get(20, TimeUnit.SECONDS);
            assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(403);
            assertThat(answer.<String>path("code")).isEqualTo("permission_denied");
            assertThat(Api.as().get(path).<Map<String, Object>>path(name)).isEqualTo(before);
        } finally {
            unlock();
            assertThat(locking).failsWithin(Duration.ofSeconds(20));
        }
    }

    private static void unlock() {
        TestStore.sql("select pg_terminate_backend(pid) from pg_stat_activity"
                + " where datname = current_database() and wait_event = 'PgSleep'");
    }

    private static int waits(String event) {
        return TestStore.sql("select from pg_stat_activity where datname = current_database() and wait_event = '"
                        + event + "'")
                .size();
    }

    private static Map<String, Object> credentials(Login login, int port) {
        return Map.of(
                "host",
                "127.0.0.1",
                "port",
                port,
                "database",
                "postgres",
                "username",
                login.role(),
                "password",
                login.password(),
                "sslEnabled",
                false);
    }

    private static Map<String, Object> connection(Login login, int port, boolean managed) {
        return Map.of(
                "name",
                Rotating.name("connection"),
                "method",
                "username-and-password",
                "credentials",
                credentials(login, port),
                "isPlatformManagedCredentials",
                managed);
    }

    private static String connected(Map<String, Object> body) {
        return Api.as()
                .body(body)
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    private static Map<String, Object> rotation(String connection, Login role) {
        String name = Rotating.name("rotation");
        return Map.of(
                "name",
                name,
                "projectId",
                Rotating.project(),
                "connectionId",
                connection,
                "environment",
                "production",
                "secretPath",
                "/" + name,
                "rotationInterval",
                30,
                "strategy",
                "single",
                "parameters",
                Map.of("username1", role.role()),
                "secretsMapping",
                Map.of("username", "DB_USER", "password", "DB_PASSWORD"));
    }

    private static String username(Map<String, Object> connection) {
        return (String) ((Map<?, ?>) connection.get("credentials")).get("username");
    }

    private static String password(Map<String, Object> connection) {
        return (String) ((Map<?, ?>) connection.get("credentials")).get("password");
    }

    private static int named(Map<String, Object> connection) {
        return Api.as()
                .get(CONNECTIONS + "/connection-name/" + connection.get("name"))
                .statusCode();
    }

    private static String shown(String connection) {
        Map<String, Object> shown = Api.as().get(CONNECTIONS + "/" + connection).path("appConnection");
        return "" + List.of(shown.get("credentials"), shown.get("version"), shown.get("isPlatformManagedCredentials"));
    }

    private static Object history(String path) {
        return List.of(
                Api.as().get(path + "/versions").path("versions.size()"),
                Api.as().get(path + "/attempts").path("attempts.size()"));
    }

    // ---- Having due work done --------------------------------------------------------------------------------------

    @TestFactory
    Stream<DynamicTest> aClockOutsideIsSentAwayWithTheRight() {
        return Arrays.stream(Loss.values())
                .map(loss -> dynamicTest("run-due: " + loss, () -> {
                    Held held = Held.of(null, "scheduler", loss);
                    TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
                    Login managing = server.role("LOGIN CREATEROLE");
                    Login first = server.role("LOGIN");
                    Rotating.grant(server, managing, first);
                    try (TcpProxy slow = TcpProxy.to(server)) {
                        String name = Rotating.name("rotation");
                        String rotation = Rotating.created(Map.of(
                                "name",
                                name,
                                "projectId",
                                Rotating.project(),
                                "connectionId",
                                Rotating.connection(slow.port(), managing),
                                "environment",
                                "production",
                                "secretPath",
                                "/" + name,
                                "rotationInterval",
                                30,
                                "strategy",
                                "single",
                                "parameters",
                                Map.of("username1", first.role()),
                                "secretsMapping",
                                Map.of("username", "DB_USER", "password", "DB_PASSWORD")));
                        Rotating.makeDue(rotation);
                        slow.pause();
                        CompletableFuture<Response> running = CompletableFuture.supplyAsync(
                                () -> RestAssured.given()
                                        .header("Authorization", "Bearer " + held.token)
                                        .queryParam("budgetSeconds", 60)
                                        .post(RUN_DUE),
                                threads);
                        await().until(() -> !TestStore.sql(
                                        "select from secret_rotation where id = '" + rotation + "' and due_at > now()")
                                .isEmpty()); // claimed

                        loss.here(held);

                        Response answer = running.get(BOUND.toMillis(), TimeUnit.MILLISECONDS);
                        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(403);
                        assertThat(answer.<String>path("code")).isEqualTo(loss.code);
                        slow.resume();
                        Api.as().delete(BASE + "/" + rotation);
                    }
                }));
    }

    // ---- Downloading the audit -------------------------------------------------------------------------------------

    private static final int ROWS = 20_000;

    /** It has its status already: what remains is one line of the log, and none of a fault of ours. */
    @Test
    void aDownloadIsBrokenOffWhenTheStoreIsTooSlow() throws IOException {
        Held held = Held.of(manyEvents(), "admin", Loss.TOKEN_REVOKED);
        try (LoggedErrors errors = new LoggedErrors();
                Download download = new Download(held, "/api/v1/audit-events/export.csv?type=bulk")) {
            assertThat(download.begin()).startsWith("HTTP/1.1 200");
            CompletableFuture<?> locked = CompletableFuture.runAsync(
                    () -> TestStore.sql("BEGIN; LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(20)"));
            await().until(() -> !TestStore.sql("SELECT FROM pg_locks WHERE relation = 'audit_event'::regclass"
                            + " AND mode = 'AccessExclusiveLock' AND granted")
                    .isEmpty());
            CompletableFuture<?> cancelled = CompletableFuture.runAsync(() -> {
                await().until(() -> !TestStore.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                                + " WHERE wait_event_type = 'Lock' AND query LIKE 'select id, at, type, outcome%'")
                        .isEmpty());
                TestStore.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)'");
            });

            String rest = download.rest();

            cancelled.join();
            assertThat(rest.length()).as("bytes").isLessThan(ROWS * 1000);
            assertThat(rest).as("the end of a chunked body").doesNotEndWith("\r\n0\r\n\r\n");
            assertThat(locked).as("the one who held the lock").failsWithin(Duration.ofSeconds(10));
            assertThat(errors.lines()).isEmpty();
        }
    }

    /** @return the project that they are of */
    private static String manyEvents() {
        String project = Identities.project();
        TestStore.sql("insert into audit_event (at, type, outcome, project_id, facts) select"
                + " now() - interval '1 day' + n * interval '1 ms', 'bulk', 'SUCCESS', '" + project
                + "', jsonb_build_object('n', n, 'text', repeat('x', 1000)) from generate_series(1, " + ROWS + ") n");
        return project;
    }

    @TestFactory
    Stream<DynamicTest> aDownloadIsCutOffWithTheRight() {
        String project = manyEvents();
        return Stream.of("csv", "jsonl")
                .flatMap(format -> Arrays.stream(Loss.values())
                        .map(loss -> dynamicTest("export." + format + ": " + loss, () -> {
                            Held held = Held.of(project, "admin", loss);
                            try (LoggedErrors errors = new LoggedErrors();
                                    Download download = new Download(
                                            held, "/api/v1/audit-events/export." + format + "?type=bulk")) {
                                assertThat(download.begin()).startsWith("HTTP/1.1 200");

                                loss.here(held);
                                if (loss == Loss.STATIC_TOKEN_EXPIRED) {
                                    ledger.age(access.revocationDelay()); // Nobody has told this replica.
                                }

                                String rest = download.rest();
                                assertThat(rest.length()).as("bytes").isLessThan(ROWS * 1000);
                                assertThat(rest).as("the end of a chunked body").doesNotEndWith("\r\n0\r\n\r\n");
                                await().untilAsserted(() -> assertThat(TestStore.sql(
                                                "select from audit_event where actor_id = '" + held.somebody.id()
                                                        + "' and type = 'export-audit-logs' and outcome = 'REFUSED' and reason = '"
                                                        + loss.code + "'"))
                                        .hasSize(1));
                                assertThat(errors.lines()).isEmpty();
                            }
                        })));
    }

    /** Of a client that reads slowly: what is on its way to it is small beside what it has asked for. */
    private static final class Download implements AutoCloseable {
        private final Socket socket = new Socket();

        Download(Held held, String path) throws IOException {
            socket.setReceiveBufferSize(8192);
            socket.setSoTimeout(30_000);
            socket.connect(new InetSocketAddress("127.0.0.1", RestAssured.port));
            socket.getOutputStream()
                    .write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + held.token
                                    + "\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
        }

        String begin() throws IOException {
            return new String(socket.getInputStream().readNBytes(2000), StandardCharsets.UTF_8);
        }

        String rest() throws IOException {
            StringBuilder all = new StringBuilder();
            byte[] block = new byte[65_536];
            try {
                for (int n = 0;
                        n >= 0 && all.length() < ROWS * 2000;
                        n = socket.getInputStream().read(block)) {
                    all.append(new String(block, 0, n, StandardCharsets.ISO_8859_1));
                    if (all.length() > 7 && all.substring(all.length() - 7).equals("\r\n0\r\n\r\n")) {
                        break;
                    }
                }
            } catch (java.net.SocketException reset) { // which is as good an end
            }
            return all.toString();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
