package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/**
 * What is shipped, with the limits that it is shipped with, under a client that does many things at once and follows a 429 at most
 * five times, as Terraform's provider does: everything is made, and nothing is left that nobody knows of.
 */
@Tag("suite-lanes")
class LanesIT {

    /** What Terraform's provider tries again, and how often. */
    private static final int MOST_RETRIES = 5;

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger mostTries = new AtomicInteger();

    /** Each in a lane of its own does the next that is left. @return what each came to, in no order */
    private List<Answer> inLanes(int lanes, List<JsonObject> bodies, String path, ServiceProcess service) {
        ConcurrentLinkedQueue<JsonObject> left = new ConcurrentLinkedQueue<>(bodies);
        List<Answer> answers = new ArrayList<>();
        List<Thread> threads = IntStream.range(0, lanes)
                .mapToObj(lane -> new Thread(() -> {
                    for (JsonObject body = left.poll(); body != null; body = left.poll()) {
                        Answer answer = followed(service, path, body);
                        synchronized (answers) {
                            answers.add(answer);
                        }
                    }
                }))
                .toList();
        threads.forEach(Thread::start);
        threads.forEach(thread -> {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        return answers;
    }

    private Answer followed(ServiceProcess service, String path, JsonObject body) {
        for (int tries = 0; ; tries++) {
            int now = tries;
            mostTries.updateAndGet(most -> Math.max(most, now));
            Answer answer = service.post(path, body);
            if (answer.status() != 429 || tries == MOST_RETRIES) {
                return answer;
            }
            refused.incrementAndGet();
            try {
                TimeUnit.SECONDS.sleep(
                        answer.headers().firstValueAsLong("Retry-After").orElseThrow());
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private JsonObject connection(String name, Login login) {
        return new JsonObject()
                .put("name", name)
                .put("method", "username-and-password")
                .put(
                        "credentials",
                        new JsonObject()
                                .put("host", "127.0.0.1")
                                .put("port", target.port())
                                .put("database", "postgres")
                                .put("username", login.role())
                                .put("password", login.password())
                                .put("sslEnabled", false));
    }

    private static void assertAllMade(List<Answer> answers, int wanted) {
        assertThat(answers)
                .hasSize(wanted)
                .allSatisfy(
                        answer -> assertThat(answer.status()).as(answer.text()).isEqualTo(200));
    }

    private Installation asShipped() {
        return Installation.on(target)
                .setting("ROLEWRIGHT_ACCESS_LIMITS_TESTS_PER_ADDRESS", "120")
                .setting("ROLEWRIGHT_ACCESS_LIMITS_TESTS_PER_IDENTITY", "60")
                .setting("ROLEWRIGHT_ACCESS_LIMITS_ROTATES_PER_ADDRESS", "120")
                .setting("ROLEWRIGHT_ACCESS_LIMITS_ROTATES_PER_IDENTITY", "60");
    }

    private void round() {
        try (Installation installation = asShipped()) {
            ServiceProcess service = installation.start();
            String project = Rotating.project(service);
            Login managing = target.role("LOGIN CREATEROLE");
            String by = service.post(CONNECTIONS, connection("by", managing))
                    .expect(200)
                    .json()
                    .getJsonObject("appConnection")
                    .getString("id");
            Map<String, Login> roles = new ConcurrentHashMap<>();
            List<JsonObject> rotations = IntStream.range(0, 30)
                    .mapToObj(i -> {
                        Login first = target.role("LOGIN");
                        Login second = target.role("LOGIN");
                        Rotating.grant(target, managing, first);
                        Rotating.grant(target, managing, second);
                        roles.put(first.role(), first);
                        String name = Rotating.name("lane");
                        return new JsonObject()
                                .put("name", name)
                                .put("projectId", project)
                                .put("connectionId", by)
                                .put("environment", "production")
                                .put("secretPath", "/" + name)
                                .put("rotationInterval", 30)
                                .put(
                                        "parameters",
                                        new JsonObject()
                                                .put("username1", first.role())
                                                .put("username2", second.role()))
                                .put(
                                        "secretsMapping",
                                        new JsonObject()
                                                .put("username", "DB_USER")
                                                .put("password", "DB_PASSWORD"));
                    })
                    .toList();
            List<JsonObject> connections = IntStream.range(0, 100)
                    .mapToObj(i -> connection(Rotating.name("lane"), managing))
                    .toList();

            long begun = System.nanoTime();
            List<Answer> made = inLanes(30, rotations, Rotating.BASE, service);
            told("30 rotations of one server in 30 lanes", begun);
            assertAllMade(made, 30);
            assertThat(made)
                    .allSatisfy(answer -> assertThat(answer.json()
                                    .getJsonObject("secretRotation")
                                    .getString("state"))
                            .isEqualTo("ok"));
            begun = System.nanoTime();
            assertAllMade(inLanes(10, connections, CONNECTIONS, service), 100);
            told("100 connections in 10 lanes", begun);

            assertThat(installation.sql("SELECT 1 FROM secret_rotation")).hasSize(30);
            assertThat(installation.sql("SELECT 1 FROM app_connection")).hasSize(101);
            assertThat(installation.sql("SELECT 1 FROM managed_role WHERE deleted_at IS NULL"))
                    .hasSize(60);
            assertThat(service.log()).doesNotContain("already been written").doesNotContain("\"level\":\"ERROR\"");
        }
    }

    private void told(String what, long begun) {
        System.out.printf(
                "%s: %.1f s, %d refused with 429, at most %d of one request%n",
                what, (System.nanoTime() - begun) / 1e9, refused.getAndSet(0), mostTries.getAndSet(0));
    }

    /** In every whole run of CI. */
    @Test
    void everythingIsMade() {
        round();
    }

    static boolean all() {
        return !"1".equals(System.getProperty("suite.lanes.rounds"));
    }

    /** When it is run by its name. */
    @RepeatedTest(4)
    @EnabledIf("all")
    void andAgain() {
        round();
    }
}
