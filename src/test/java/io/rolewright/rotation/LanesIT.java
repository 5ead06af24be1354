package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.restassured.response.Response;
import io.rolewright.delivery.Fixture;
import io.rolewright.testing.Api;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
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
        return followed(
                () -> service.post(path, body),
                answer -> answer.status() == 429
                        ? answer.headers().firstValueAsLong("Retry-After")
                        : OptionalLong.empty());
    }

    private <T> T followed(Supplier<T> request, Function<T, OptionalLong> refusedFor) {
        AtomicInteger tries = new AtomicInteger();
        return Api.following(
                MOST_RETRIES,
                () -> {
                    int before = tries.getAndIncrement();
                    mostTries.accumulateAndGet(before, Math::max);
                    refused.addAndGet(before == 0 ? 0 : 1);
                    return request.get();
                },
                refusedFor);
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

    // ---- Terraform's whole chain ------------------------------------------------------------------------------------

    /** A connection and the rotation that needs it, as the provider works on them. */
    private final class Pair {
        final Fixture calls;
        Map<String, Object> connection = Map.of();
        Map<String, Object> rotation = Map.of();

        Pair(Fixture calls) {
            this.calls = calls;
        }

        private Response followed(String call) {
            return LanesIT.this.followed(
                    () -> calls.call(call),
                    answer -> answer.statusCode() == 429
                            ? OptionalLong.of(Long.parseLong(answer.header("Retry-After")))
                            : OptionalLong.empty());
        }

        private Map<String, Object> kept(String call, String root, List<String> fields) {
            Response answer = followed(call);
            assertThat(answer.statusCode()).as(call + ": " + answer.asString()).isEqualTo(200);
            Map<String, Object> kept = new LinkedHashMap<>();
            fields.forEach(field -> kept.put(field, answer.path(root + "." + field)));
            return kept;
        }

        void create() {
            connection = kept("connection create", "appConnection", Fixture.TERRAFORM_KEEPS_OF_CONNECTION);
            calls.with("connectionId", connection.get("id"));
            rotation = kept("rotation create", "secretRotation", Fixture.TERRAFORM_KEEPS_OF_ROTATION);
            calls.with("rotationId", rotation.get("id"));
        }

        void refresh() {
            assertThat(kept("connection read", "appConnection", Fixture.TERRAFORM_KEEPS_OF_CONNECTION))
                    .isEqualTo(connection);
            assertThat(kept("rotation read", "secretRotation", Fixture.TERRAFORM_KEEPS_OF_ROTATION))
                    .isEqualTo(rotation);
        }

        void update() {
            connection = kept("connection update", "appConnection", Fixture.TERRAFORM_KEEPS_OF_CONNECTION);
            rotation = kept("rotation update", "secretRotation", Fixture.TERRAFORM_KEEPS_OF_ROTATION);
            assertThat(rotation).containsEntry("rotationInterval", 7);
        }

        void destroy() {
            for (String kind : List.of("rotation", "connection")) {
                Response answer = followed(kind + " delete");
                assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200);
                assertThat(calls.call(kind + " read").statusCode()).isEqualTo(404);
            }
        }
    }

    /** As {@code terraform apply} with its usual parallelism; a step is done before the next is begun. */
    private void step(String what, List<Pair> pairs, Consumer<Pair> work) throws Exception {
        long begun = System.nanoTime();
        ExecutorService lanes = Executors.newFixedThreadPool(10);
        try {
            List<Future<?>> steps = new ArrayList<>();
            pairs.forEach(pair -> steps.add(lanes.submit(() -> work.accept(pair))));
            for (Future<?> each : steps) {
                each.get();
            }
        } finally {
            lanes.shutdownNow();
        }
        told(what + " 30 connections and 30 rotations in 10 lanes", begun);
    }

    /** Twice, since what was destroyed must leave nothing in the way. */
    @Test
    @EnabledIf("all")
    void terraformsChainsInTenLanes() throws Exception {
        try (Installation installation = asShipped()) {
            ServiceProcess service = installation.start();
            String project = Rotating.project(service);
            Login managing = target.role("LOGIN CREATEROLE");
            List<Login[]> roles = IntStream.range(0, 30)
                    .mapToObj(i -> {
                        Login[] two = {target.role("LOGIN"), target.role("LOGIN")};
                        Rotating.grant(target, managing, two[0]);
                        Rotating.grant(target, managing, two[1]);
                        return two;
                    })
                    .toList();
            for (int time = 0; time < 2; time++) {
                List<Pair> pairs = roles.stream()
                        .map(two -> new Pair(Fixture.of("terraform-provider-infisical")
                                .at("http://127.0.0.1:" + service.port())
                                .with("token", installation.token(service))
                                .with("projectId", project)
                                .with("name", Rotating.name("terraform"))
                                .with("port", target.port())
                                .with("username", managing.role())
                                .with("password", managing.password())
                                .with("role1", two[0].role())
                                .with("role2", two[1].role())))
                        .toList();
                step("created", pairs, Pair::create);
                step("refreshed", pairs, Pair::refresh);
                step("updated", pairs, Pair::update);
                step("refreshed", pairs, Pair::refresh);
                step("destroyed", pairs, Pair::destroy);
            }

            assertThat(installation.sql("SELECT 1 FROM secret_rotation")).isEmpty();
            assertThat(installation.sql("SELECT 1 FROM app_connection")).isEmpty();
            assertThat(service.log()).doesNotContain("already been written").doesNotContain("\"level\":\"ERROR\"");
        }
    }
}
