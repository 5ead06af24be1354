package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.TestStore;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.Level;
import org.jboss.logmanager.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Changes that come to nothing: who hears of them, and when they are tried again. */
@QuarkusTest
class FailuresTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private final List<ExtLogRecord> lines = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord line) {
            lines.add(ExtLogRecord.wrap(line));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void listen() {
        Logger.getLogger("rolewright.failures").addHandler(handler);
    }

    @AfterEach
    void listenNoMore() {
        Logger.getLogger("rolewright.failures").removeHandler(handler);
    }

    private List<ExtLogRecord> about(String name, String id) {
        return lines.stream().filter(line -> id.equals(line.getMdc(name))).toList();
    }

    private static Map<String, Object> single(Rotating roles) {
        Map<String, Object> body = roles.body(Rotating.name("rotation"));
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", roles.first.role(), "username2", roles.first.role()));
        return body;
    }

    private static void runDue() {
        Api.as()
                .queryParam("budgetSeconds", 20)
                .post("/api/v1/rotations/run-due")
                .then()
                .statusCode(200);
    }

    @Test
    void aScheduledRotationThatFailsIsToldOnceAtWarnAndAgainWhenTheReasonChanges() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = Rotating.created(single(roles));
        roles.target.sql("ALTER ROLE " + roles.first.role() + " NOLOGIN");
        Rotating.makeDue(id);
        runDue();
        Rotating.makeDue(id);
        runDue();
        roles.target.sql("ALTER ROLE " + roles.managing.role() + " NOCREATEROLE");
        Rotating.makeDue(id);
        runDue();

        List<ExtLogRecord> told = about("rotationId", id);
        assertThat(told).extracting(LogRecord::getLevel).containsExactly(Level.WARN, Level.INFO, Level.WARN);
        assertThat(told)
                .extracting(line -> line.getMdc("reason"))
                .containsExactly("role_cannot_login", "role_cannot_login", "createrole_missing");
        String attempt = TestStore.sql("SELECT id::text FROM attempt WHERE owner_id = '" + id
                        + "' AND state = 'FAILED' ORDER BY started_at LIMIT 1")
                .get(0)
                .getString(0);
        ExtLogRecord first = told.get(0);
        assertThat(first.getMdcCopy())
                .containsEntry("role", roles.first.role())
                .containsEntry("attemptId", attempt)
                .containsEntry("cause", "schedule")
                .containsEntry("outcome", "failed")
                .containsKey("nextTryAt");
        assertThat(OffsetDateTime.parse(first.getMdc("nextTryAt"))).isAfter(OffsetDateTime.now());
        assertThat(first.getMdc("requestId")).matches("due-[0-9a-f]{20}");
        assertThat(TestStore.sql("SELECT request_id FROM attempt WHERE id = '" + first.getMdc("attemptId") + "'")
                        .get(0)
                        .getString(0))
                .isEqualTo(first.getMdc("requestId"));
        assertThat(first.getFormattedMessage())
                .contains(id, attempt, roles.first.role(), "role_cannot_login", first.getMdc("nextTryAt"))
                .doesNotContain("127.0.0.1", roles.first.password(), roles.managing.password());
        roles.target.sql(
                "ALTER ROLE " + roles.first.role() + " LOGIN; ALTER ROLE " + roles.managing.role() + " CREATEROLE");
    }

    /** Whoever asked has the answer, and the log has nothing; so the first that nobody asked for is told as if it were the first. */
    @Test
    void aScheduledFailureIsToldAtWarnThoughItFailedByHandBefore() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = Rotating.created(single(roles));
        roles.target.sql("ALTER ROLE " + roles.first.role() + " NOLOGIN");
        Rotating.rotate(id).then().statusCode(400);
        assertThat(about("rotationId", id)).isEmpty();

        Rotating.makeDue(id);
        runDue();
        Rotating.rotate(id).then().statusCode(400);
        Rotating.makeDue(id);
        runDue();

        assertThat(about("rotationId", id)).extracting(LogRecord::getLevel).containsExactly(Level.WARN, Level.INFO);
        roles.target.sql("ALTER ROLE " + roles.first.role() + " LOGIN");
    }

    private static String scheduled(TestPostgres target, Login login) {
        Map<String, Object> credentials = new HashMap<>(
                Map.of("host", "127.0.0.1", "port", target.port(), "database", "postgres", "username", login.role()));
        credentials.put("password", login.password());
        credentials.put("sslEnabled", false);
        return Api.as()
                .body(Map.of(
                        "name",
                        Rotating.name("managed"),
                        "method",
                        "username-and-password",
                        "credentials",
                        credentials,
                        "isPlatformManagedCredentials",
                        true,
                        "isAutoRotationEnabled",
                        true,
                        "rotation",
                        Map.of("rotationInterval", 30, "rotateAtUtc", Map.of("hours", 2, "minutes", 0))))
                .post(CONNECTIONS)
                .then()
                .statusCode(200)
                .extract()
                .path("appConnection.id");
    }

    @Test
    void aManagedConnectionThatIsNotChangedOnScheduleIsToldToo() {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = target.role("LOGIN");
        String id = scheduled(target, login);
        target.sql("ALTER ROLE " + login.role() + " NOLOGIN");
        TestStore.sql("UPDATE managed_role SET change_at = now() - interval '1 minute', due_at = now() - interval '1"
                + " minute' WHERE owner_id = '" + id + "'");
        runDue();

        List<ExtLogRecord> told = about("connectionId", id);
        assertThat(told).extracting(LogRecord::getLevel).containsExactly(Level.WARN);
        assertThat(told.get(0).getMdcCopy())
                .containsEntry("role", login.role())
                .containsEntry("reason", "role_cannot_login")
                .containsEntry("cause", "schedule")
                .containsKey("nextTryAt");
        target.sql("ALTER ROLE " + login.role() + " LOGIN");
    }

    private List<ExtLogRecord> endsOf(Login login) {
        return lines.stream()
                .filter(line -> login.role().equals(line.getMdc("role")) && "valid_until".equals(line.getMdc("reason")))
                .toList();
    }

    private static List<String> toldThatItEnds(String id) {
        return TestStore.sql("SELECT facts->>'username' FROM outbox_fact WHERE subject_id = '" + id
                        + "' AND type LIKE '%.credential-expiring' AND facts->>'reason' = 'valid_until'")
                .stream()
                .map(row -> row.getString(0))
                .toList();
    }

    /** A password that a change has just proven, and that the server takes no more before the next one. */
    @Test
    void aRoleThatEndsBeforeItsNextChangeIsToldOfWhenThatIsSeenAndTheDayBefore() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> body = single(roles);
        body.put("isAutoRotationEnabled", true);
        body.put("rotationInterval", 30);
        String id = Rotating.created(body);
        assertThat(endsOf(roles.first)).isEmpty();
        roles.target.sql("ALTER ROLE " + roles.first.role() + " VALID UNTIL '"
                + OffsetDateTime.now().plusDays(3) + "'");

        Rotating.rotate(id).then().statusCode(200);

        assertThat(endsOf(roles.first)).extracting(LogRecord::getLevel).containsExactly(Level.WARN);
        assertThat(endsOf(roles.first).get(0).getMdc("rotationId")).isEqualTo(id);
        Rotating.rotate(id).then().statusCode(200);
        runDue();
        assertThat(endsOf(roles.first))
                .as("said before, and three days are left")
                .hasSize(1);
        assertThat(toldThatItEnds(id)).containsExactly(roles.first.role());

        TestStore.sql(
                "UPDATE managed_role SET valid_until = now() + interval '23 hours' WHERE owner_id = '" + id + "'");
        runDue();
        runDue();
        assertThat(endsOf(roles.first)).hasSize(2);
        assertThat(toldThatItEnds(id)).hasSize(2);
    }

    /** Nobody waits for a change to be told: the look sees it too. */
    @Test
    void aLookSeesItToo() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        Map<String, Object> body = single(roles);
        body.put("isAutoRotationEnabled", true);
        body.put("rotationInterval", 30);
        String id = Rotating.created(body);
        roles.target.sql("ALTER ROLE " + roles.first.role() + " VALID UNTIL '"
                + OffsetDateTime.now().plusDays(3) + "'");

        for (int i = 0; i < 2; i++) {
            TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + id + "'");
            runDue();
        }

        assertThat(endsOf(roles.first)).extracting(LogRecord::getLevel).containsExactly(Level.WARN);
        assertThat(toldThatItEnds(id)).containsExactly(roles.first.role());
    }

    @Test
    void soIsTheRoleOfAManagedConnectionAndNothingIsSaidOfWhatEndsAfterItsNextChange() {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
        Login login = target.role("LOGIN");
        String id = scheduled(target, login);
        target.sql("ALTER ROLE " + login.role() + " VALID UNTIL '"
                + OffsetDateTime.now().plusDays(90) + "'");
        Api.as().post(CONNECTIONS + "/" + id + "/rotate").then().statusCode(200);
        assertThat(endsOf(login)).isEmpty();
        target.sql("ALTER ROLE " + login.role() + " VALID UNTIL '"
                + OffsetDateTime.now().plusDays(3) + "'");

        Api.as().post(CONNECTIONS + "/" + id + "/rotate").then().statusCode(200);

        assertThat(endsOf(login)).hasSize(1);
        TestStore.sql(
                "UPDATE managed_role SET valid_until = now() + interval '23 hours' WHERE owner_id = '" + id + "'");
        runDue();
        runDue();
        assertThat(endsOf(login)).extracting(LogRecord::getLevel).containsExactly(Level.WARN, Level.WARN);
        target.sql("ALTER ROLE " + login.role() + " VALID UNTIL 'infinity'");
        Api.as().post(CONNECTIONS + "/" + id + "/rotate").then().statusCode(200);
        assertThat(TestStore.sql(
                        "SELECT 1 FROM managed_role WHERE valid_until IS NOT NULL AND owner_id = '" + id + "'"))
                .isEmpty();
    }

    /** Found by asking: each rotate by hand tripled the wait of what would have mended it by itself. */
    @Test
    void askingForItDoesNotPutOffWhatGoesByItself() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = Rotating.created(single(roles));
        Rotating.rotate(id).then().statusCode(200);
        leaveInDoubt(id);
        roles.target.sql("ALTER ROLE " + roles.managing.role() + " CONNECTION LIMIT 0");
        Rotating.rotate(id).then().statusCode(504);
        OffsetDateTime planned = nextTry(id);
        for (int i = 0; i < 5; i++) {
            Rotating.rotate(id).then().statusCode(504);
            assertThat(nextTry(id)).as("after %s more by hand", i + 1).isBeforeOrEqualTo(planned);
        }

        assertThat(tries(id)).isEqualTo("7 tries, 7 asked for");
        TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + id + "'");
        runDue();

        assertThat(tries(id)).isEqualTo("8 tries, 7 asked for");
        assertThat(nextTry(id))
                .as("the first wait and not the eighth")
                .isBefore(OffsetDateTime.now().plusSeconds(6));
        assertThat(about("rotationId", id))
                .as("the first, and one for each time that it was the same again")
                .hasSize(7)
                .first()
                .extracting(LogRecord::getLevel)
                .isEqualTo(Level.WARN);
        assertThat(about("rotationId", id).subList(1, 7))
                .extracting(LogRecord::getLevel)
                .containsOnly(Level.INFO);
        roles.target.sql("ALTER ROLE " + roles.managing.role() + " CONNECTION LIMIT -1");
        Rotating.rotate(id).then().statusCode(200);
    }

    /** The last change was sent, and its answer is missing. */
    private static void leaveInDoubt(String rotation) {
        String ofRole = " WHERE role_id IN (SELECT id FROM managed_role WHERE owner_id = '" + rotation + "')";
        TestStore.sql("UPDATE password_version SET state = 'IN_DOUBT', current_at = NULL" + ofRole
                + " AND state = 'CURRENT'");
        TestStore.sql(
                "UPDATE password_version SET state = 'CURRENT', ended_at = NULL" + ofRole + " AND state = 'PREVIOUS'");
        TestStore.sql("UPDATE attempt SET state = 'PARKED', step = 'APPLY', finished_at = NULL,"
                + " next_try_at = now() + interval '1 hour' WHERE id = (SELECT id FROM attempt WHERE owner_id = '"
                + rotation + "' ORDER BY started_at DESC LIMIT 1)");
    }

    private static OffsetDateTime nextTry(String rotation) {
        return TestStore.sql("SELECT next_try_at FROM attempt WHERE owner_id = '" + rotation + "' AND state = 'PARKED'")
                .get(0)
                .getOffsetDateTime(0);
    }

    private static String tries(String rotation) {
        return TestStore.sql("SELECT tries || ' tries, ' || asked || ' asked for' FROM attempt WHERE owner_id = '"
                        + rotation + "' AND state = 'PARKED'")
                .get(0)
                .getString(0);
    }

    /** A schedule that fails is tried again less and less often; what was asked for meanwhile counts in none of it. */
    @Test
    void failuresByHandDoNotMakeTheScheduleWaitLonger() {
        Rotating roles = Rotating.on(TestPostgres.NEWEST);
        String id = Rotating.created(single(roles));
        roles.target.sql("ALTER ROLE " + roles.first.role() + " NOLOGIN");
        for (int i = 0; i < 5; i++) {
            Rotating.rotate(id).then().statusCode(400);
        }
        Rotating.makeDue(id);
        runDue();

        assertThat(TestStore.sql(
                        "SELECT failures, due_at < now() + interval '16 minutes' FROM secret_rotation WHERE id = '" + id
                                + "'"))
                .singleElement()
                .satisfies(row -> {
                    assertThat(row.getInteger(0)).isEqualTo(1);
                    assertThat(row.getBoolean(1)).isTrue();
                });
        roles.target.sql("ALTER ROLE " + roles.first.role() + " LOGIN");
    }
}
