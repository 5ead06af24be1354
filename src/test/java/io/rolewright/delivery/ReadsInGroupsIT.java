package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.StoreTraffic;
import io.rolewright.testing.StoreTraffic.Counted;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Reads that come together are one statement to the store: how many statements and commits a read costs, and what each is answered when
 * something goes wrong for one of them, or changes between them.
 */
@TestInstance(Lifecycle.PER_CLASS)
class ReadsInGroupsIT {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres/";

    /** As many statements are under way at once; what comes then is in one group. */
    private static final int UNDER_WAY = 2;

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
    private final TcpProxy proxy = TcpProxy.to(target);
    private final Installation installation = Installation.on(target, proxy)
            .setting("ROLEWRIGHT_SCHEDULER_ENABLED", "false")
            // Nothing is to be asked by itself while statements are counted.
            .setting("ROLEWRIGHT_ACCESS_REVOCATION_DELAY", "60s");
    private ServiceProcess service;
    private StoreTraffic traffic;
    private String rotation;
    private String connection;
    private JsonObject place;

    @BeforeAll
    void start() {
        service = installation.start();
        place = new JsonObject()
                .put("environment", "production")
                .put("secretPath", "/reads")
                .put(
                        "secretsMapping",
                        new JsonObject().put("username", "DB_USER").put("password", "DB_PASSWORD"));
        rotation = Rotating.created(service, target, place);
        connection = service.get(Rotating.BASE + "/" + rotation)
                .expect(200)
                .json()
                .getJsonObject("secretRotation")
                .getString("connectionId");
        // So that each session of the pool has prepared what is counted.
        for (String path : paths()) {
            List<CompletableFuture<Answer>> asked = IntStream.range(0, 60)
                    .mapToObj(i -> service.callAsync("GET", path, null))
                    .toList();
            asked.forEach(answer -> answer.join().expect(200));
        }
    }

    @AfterEach
    void pass() {
        proxy.forget();
        sql("DROP TRIGGER IF EXISTS refused ON audit_event");
    }

    @AfterAll
    void close() {
        installation.close();
        proxy.close();
    }

    private String active() {
        return Rotating.BASE + "/" + rotation + "/active";
    }

    private List<String> paths() {
        String place = "?projectId=" + Rotating.project(service) + "&environment=production&secretPath=%2Freads";
        return List.of(
                CONNECTIONS + connection,
                active(),
                active() + "?format=pgbouncer",
                "/api/v4/secrets" + place,
                "/api/v4/secrets/DB_PASSWORD" + place,
                "/api/v3/secrets/raw" + place,
                "/api/v3/secrets/raw/DB_PASSWORD" + place);
    }

    // ---- What a read costs ------------------------------------------------------------------------------------------

    @Test
    void aReadThatComesAloneIsOneStatement() {
        for (String path : paths()) {
            traffic = StoreTraffic.through(proxy);
            long before = audited("SUCCESS");
            Counted counted = traffic.during(() -> service.get(path).expect(200));
            assertThat(counted.statements()).as(path).hasSize(1);
            assertThat(counted.commits()).as(path).isEqualTo(1);
            assertThat(audited("SUCCESS")).as(path).isEqualTo(before + 1);
        }
    }

    @Test
    void whoHasItIsToldSoByOneStatementThatRecordsNothing() throws Exception {
        for (String path : paths().subList(1, paths().size())) {
            String etag =
                    service.get(path).expect(200).headers().firstValue("ETag").orElseThrow();
            long before = audited("SUCCESS");
            traffic = StoreTraffic.through(proxy);
            Counted counted =
                    traffic.during(() -> service.ifNoneMatch(path, etag).expect(304));
            assertThat(counted.statements()).as(path).hasSize(1);
            assertThat(audited("SUCCESS")).as(path).isEqualTo(before);
        }
    }

    @Test
    void tenAtOnceShareOneStatementAndOneCommit() throws Exception {
        for (String path : paths()) {
            traffic = StoreTraffic.through(proxy);
            long before = audited("SUCCESS");
            List<String> bodies = new ArrayList<>();
            Counted counted = traffic.during(() -> {
                Group group = new Group(path);
                group.add(10, path);
                group.go().forEach(answer -> bodies.add(answer.expect(200).text()));
            });
            assertThat(counted.statements()).as(path).hasSize(UNDER_WAY + 1);
            assertThat(counted.commits()).as(path).isEqualTo(UNDER_WAY + 1);
            assertThat(bodies)
                    .as(path)
                    .hasSize(10)
                    .containsOnly(service.get(path).text());
            assertThat(audited("SUCCESS"))
                    .as("one row for each that was answered")
                    .isEqualTo(before + UNDER_WAY + 11);
        }
    }

    @Test
    void aTestOfAStoredConnectionIsTwoStatementsOnEitherSide() {
        try (TcpProxy server = TcpProxy.to(target)) {
            TestPostgres.Login login = target.role("LOGIN");
            String tested = service.post(
                            CONNECTIONS.substring(0, CONNECTIONS.length() - 1),
                            new JsonObject()
                                    .put("name", "tested")
                                    .put("method", "username-and-password")
                                    .put(
                                            "credentials",
                                            new JsonObject()
                                                    .put("host", "127.0.0.1")
                                                    .put("port", server.port())
                                                    .put("database", "postgres")
                                                    .put("username", login.role())
                                                    .put("password", login.password())
                                                    .put("sslEnabled", false)))
                    .expect(200)
                    .json()
                    .getJsonObject("appConnection")
                    .getString("id");
            String path = CONNECTIONS + tested + "/test";
            for (int i = 0; i < 60; i++) { // so that each session of the pool has prepared what is counted
                service.post(path, new JsonObject()).expect(200);
            }
            StoreTraffic there = StoreTraffic.through(server);
            traffic = StoreTraffic.through(proxy);
            Counted onTarget = there.during(() -> assertThat(
                            service.post(path, new JsonObject()).expect(200).text())
                    .contains("\"ok\":true"));
            Counted inStore =
                    traffic.during(() -> service.post(path, new JsonObject()).expect(200));
            assertThat(inStore.statements()).hasSize(2);
            assertThat(inStore.commits()).isEqualTo(1);
            assertThat(onTarget.statements()).hasSize(2);
            assertThat(sql("SELECT count(*) FROM audit_event WHERE type = 'test-app-connection' AND outcome = 'SUCCESS'"
                            + " AND subject_id = '" + tested + "'"))
                    .isEqualTo(62);
            assertThat(sql("SELECT count(*) FROM app_connection WHERE id = '" + tested
                            + "' AND test_ok AND tested_at > now() - interval '1 minute' AND login_of = credentials_hash"
                            + " AND server IS NOT NULL AND login IS NOT NULL AND login_address IS NOT NULL"))
                    .isEqualTo(1);
        }
    }

    /** The build before goes on beside a migration that adds columns, and so do the statements that its sessions have prepared. */
    @Test
    void goesOnWhenTheSchemaGrows() {
        for (String table : List.of(
                "app_connection", "secret_rotation", "managed_role", "password_version", "project", "audit_event")) {
            sql("ALTER TABLE " + table + " ADD COLUMN of_a_later_build text");
        }
        for (String path : paths()) {
            List<CompletableFuture<Answer>> asked = IntStream.range(0, 30)
                    .mapToObj(i -> service.callAsync("GET", path, null))
                    .toList();
            asked.forEach(answer -> answer.join().expect(200));
        }
    }

    // ---- What goes wrong --------------------------------------------------------------------------------------------

    /** At the statement, and when it commits: its rows were on their way then. */
    @ParameterizedTest
    @ValueSource(strings = {"TRIGGER refused AFTER", "CONSTRAINT TRIGGER refused AFTER"})
    void aRowThatTheStoreRefusesFailsItsOwnRead(String trigger) throws Exception {
        String other =
                Rotating.created(service, target, new JsonObject().put("secretPath", "/refused-" + trigger.length()));
        String refused = Rotating.BASE + "/" + other + "/active";
        service.get(refused).expect(200);
        sql(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room for it'; END $$;"
                        + "CREATE " + trigger + " INSERT ON audit_event "
                        + (trigger.startsWith("CONSTRAINT") ? "DEFERRABLE INITIALLY DEFERRED " : "")
                        + "FOR EACH ROW WHEN (NEW.subject_id = '" + other + "') EXECUTE FUNCTION refuse()");
        long before = audited("SUCCESS");

        Group group = new Group(active());
        group.add(2, active());
        group.add(1, refused);
        group.add(3, active());
        List<Answer> answers = group.go();
        for (int i = 0; i < 6; i++) {
            answers.get(i).expect(i == 2 ? 500 : 200);
        }
        assertThat(answers.get(2).text()).doesNotContain("password", "no room");
        assertThat(audited("SUCCESS")).isEqualTo(before + UNDER_WAY + 5);
    }

    @Test
    void aStatementThatIsLostAnswersNobody() throws Exception {
        Group group = new Group(active());
        group.add(3, active());
        proxy.before(
                message -> message.request()
                        && message.type() == 'B'
                        && message.sql().contains("of_connection, give"),
                () -> Fate.CUT);
        group.go().forEach(answer -> {
            answer.expect(503);
            assertThat(answer.text()).doesNotContain("password");
        });
        service.get(active()).expect(200);
    }

    @Test
    void aProcessThatDiesLeavesRowsOfWhatItHasNotGivenAndGivesNothingWithoutARow() throws Exception {
        for (boolean answered : List.of(false, true)) {
            long before = audited("SUCCESS");
            TcpProxy.Sighting dies =
                    proxy.before(answered ? TcpProxy.reply("SELECT") : TcpProxy.request("of_connection, give"), () -> {
                        service.killAtOnce();
                        return Fate.CUT;
                    });
            Answer answer = service.get(active());
            assertThat(dies.happensWithin(Duration.ofSeconds(10))).isTrue();
            assertThat(answer.status()).as("nothing was given").isZero();
            assertThat(audited("SUCCESS") - before).isEqualTo(answered ? 1 : 0);
            proxy.forget();
            service.kill();
            service.restart();
            service.get(active()).expect(200);
        }
    }

    // ---- What changes between them ----------------------------------------------------------------------------------

    @Test
    void whoIsRevokedWhileHeStandsInLineGetsNothing() throws Exception {
        String token = service.call(
                        "POST",
                        "/api/v1/auth/universal-auth/login",
                        new JsonObject()
                                .put("clientId", Installation.CLIENT_ID)
                                .put("clientSecret", Installation.CLIENT_SECRET))
                .expect(200)
                .json()
                .getString("accessToken");
        for (String path : paths()) {
            service.callAs(token, "GET", path).expect(200);
        }
        Group group = new Group(active());
        group.add(2, active());
        CompletableFuture<Answer> revoked = group.addAs(token, active());
        group.add(2, active());
        long before = audited("SUCCESS");
        service.callAs(token, "POST", "/api/v1/auth/token/revoke").expect(200);
        group.go().forEach(answer -> answer.expect(200));
        assertThat(revoked.get(10, TimeUnit.SECONDS).expect(403).json().getString("code"))
                .isEqualTo("token_revoked");
        assertThat(sql(
                        "SELECT count(*) FROM audit_event WHERE type = 'get-secret-rotation-generated-credentials' AND outcome = 'SUCCESS'"
                                + " AND id > (SELECT max(id) FROM audit_event WHERE type LIKE '%revoke%')"))
                .isEqualTo(UNDER_WAY + 4L);
        assertThat(before).isPositive();
    }

    @Test
    void allOfAGroupGetTheVersionThatIsServedWhenItIsRead() throws Exception {
        Group group = new Group(CONNECTIONS + connection, active());
        group.add(2, active());
        service.post(Rotating.BASE + "/" + rotation + "/rotate-secrets?force=true", null)
                .expect(200);
        group.add(2, active());
        List<Answer> answers = group.go();
        JsonObject first = answers.get(0).expect(200).json();
        assertThat(answers)
                .allSatisfy(answer -> assertThat(answer.expect(200).json()).isEqualTo(first));
        assertThat(target.login(first.getString("username"), first.getString("password")))
                .isEqualTo("ok");
        assertThat(first).isEqualTo(service.get(active()).json());
        assertThat(sql(
                        "SELECT count(*) FROM audit_event WHERE type = 'get-secret-rotation-generated-credentials' AND subject_id = '"
                                + rotation + "' AND (facts->>'credentialVersion')::bigint = "
                                + first.getLong("credentialVersion")))
                .as("the rows say which version was given")
                .isEqualTo(UNDER_WAY + 5L);
    }

    @Test
    void whatIsDeletedMeanwhileIsNotThere() throws Exception {
        String other = Rotating.created(service, target, new JsonObject().put("secretPath", "/deleted"));
        String unused = service.get(Rotating.BASE + "/" + other)
                .json()
                .getJsonObject("secretRotation")
                .getString("connectionId");
        Group group = new Group(CONNECTIONS + connection, active());
        group.add(1, CONNECTIONS + connection);
        group.add(1, CONNECTIONS + unused);
        group.add(1, Rotating.BASE + "/" + other + "/active");
        service.delete(Rotating.BASE + "/" + other).expect(200);
        service.delete(CONNECTIONS + unused).expect(200);
        List<Answer> answers = group.go();
        answers.get(0).expect(200);
        assertThat(answers.get(1).expect(404).json().getString("code")).isEqualTo("connection_not_found");
        assertThat(answers.get(2).expect(404).json().getString("code")).isEqualTo("rotation_not_found");
        assertThat(sql(
                        "SELECT count(*) FROM audit_event WHERE outcome = 'SUCCESS' AND type LIKE 'get-%' AND subject_id IN ('"
                                + unused + "', '" + other + "')"))
                .isZero();
    }

    // ---- Parts ------------------------------------------------------------------------------------------------------

    /** Reads that stand in line, since as many statements as may be are held back at the store's door. */
    private final class Group {

        private final CountDownLatch open = new CountDownLatch(1);
        private final List<CompletableFuture<Answer>> first = new ArrayList<>();
        private final List<CompletableFuture<Answer>> asked = new ArrayList<>();
        private int waiting;

        /** @param held of each kind of reads one */
        Group(String... held) {
            CountDownLatch here = new CountDownLatch(held.length * UNDER_WAY);
            TcpProxy.Sighting[] holds = new TcpProxy.Sighting[1];
            holds[0] = proxy.always(
                    message -> here.getCount() > 0
                            && message.request()
                            && message.type() == 'B'
                            && message.sql().contains("WITH asked AS"),
                    () -> {
                        here.countDown();
                        await(open);
                        return Fate.PASS;
                    });
            for (String path : held) {
                for (int i = 0; i < UNDER_WAY; i++) {
                    long left = here.getCount();
                    first.add(service.callAsync("GET", path, null));
                    Awaitility.await().until(() -> here.getCount() == left - 1);
                }
            }
        }

        void add(int count, String path) {
            for (int i = 0; i < count; i++) {
                asked.add(service.callAsync("GET", path, null));
                awaitInLine();
            }
        }

        CompletableFuture<Answer> addAs(String token, String path) {
            CompletableFuture<Answer> answer = CompletableFuture.supplyAsync(() -> service.callAs(token, "GET", path));
            awaitInLine();
            return answer;
        }

        private void awaitInLine() {
            waiting++;
            Awaitility.await().until(() -> inLine() == waiting);
        }

        List<Answer> go() {
            open.countDown();
            first.forEach(answer -> answer.join().expect(200));
            return asked.stream().map(CompletableFuture::join).toList();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(30, TimeUnit.SECONDS)) {
                throw new IllegalStateException("nobody lets it go on");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private int inLine() {
        Matcher gauges =
                Pattern.compile("rolewright_reads_waiting\\S* ([0-9.]+)").matcher(service.metrics());
        int sum = 0;
        while (gauges.find()) {
            sum += (int) Double.parseDouble(gauges.group(1));
        }
        return sum;
    }

    private long audited(String outcome) {
        return sql("SELECT count(*) FROM audit_event WHERE type LIKE 'get-%' AND outcome = '" + outcome + "'");
    }

    /** @return the first value, 0 for none */
    private long sql(String statements) {
        return Stream.of(target.sqlIn(installation.database(), statements))
                .filter(rows -> !rows.isEmpty())
                .map(rows -> rows.get(0).getLong(0))
                .findFirst()
                .orElse(0L);
    }
}
