package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.Sockets;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The servers of {@link HostileServerTest} against what is shipped, through its API, as somebody who means harm would use it. */
class EvilServersIT {

    /** How many times as long a read may take while all of them are under way: they and their client share this machine's cores. */
    private static final int SLOWER = 25;

    private static Installation installation;
    private static ServiceProcess service;
    private static String connection;

    @BeforeAll
    static void start() {
        TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
        installation = Installation.on(postgres)
                // Enough for every attempt to get through to its server instead of being told to wait.
                .setting("ROLEWRIGHT_TARGET_SESSIONS_PER_TARGET", "16")
                .setting("ROLEWRIGHT_TARGET_SESSIONS", "512")
                .setting("ROLEWRIGHT_TARGET_WAITING", "1000");
        service = installation.start();
        TestPostgres.Login app = postgres.role("LOGIN");
        connection = service.post(
                        "/api/v1/app-connections/postgres",
                        new JsonObject()
                                .put("name", "neighbour")
                                .put("method", "username-and-password")
                                .put(
                                        "credentials",
                                        credentials(postgres.port(), SslMode.DISABLE)
                                                .put("username", app.role())
                                                .put("password", app.password())))
                .expect(200)
                .json()
                .getJsonObject("appConnection")
                .getString("id");
    }

    @AfterAll
    static void stop() {
        installation.close();
    }

    private static JsonObject credentials(int port, SslMode mode) {
        return new JsonObject()
                .put("host", "127.0.0.1")
                .put("port", port)
                .put("database", "postgres")
                .put("username", "app")
                .put("password", "do not show me to anyone")
                .put("sslMode", mode.wireName());
    }

    @Test
    void readsByIdKeepTheirLatencyWhileAllOfThemAreUnderWay() {
        latencies(1500); // warm
        try (Evils evils = new Evils()) {
            evils.attempt(1).join();
            double[] calm = latencies(300);

            List<double[]> busy = new ArrayList<>();
            CompletableFuture<List<ServiceProcess.Answer>> underWay = evils.attempt(1);
            while (!underWay.isDone()) {
                busy.add(latencies(20));
            }

            double[] all =
                    busy.stream().flatMapToDouble(Arrays::stream).sorted().toArray();
            assertThat(all).hasSizeGreaterThan(100);
            assertThat(percentile(all, 50)).as("median").isLessThan(SLOWER * percentile(calm, 50));
            assertThat(percentile(all, 95)).as("95 of 100").isLessThan(SLOWER * percentile(calm, 95));
            System.out.printf(
                    "get by id in ms, calm: p50 %.2f p95 %.2f; beside %d evil servers: p50 %.2f p95 %.2f (%d reads)%n",
                    percentile(calm, 50),
                    percentile(calm, 95),
                    evils.servers.size(),
                    percentile(all, 50),
                    percentile(all, 95),
                    all.length);
        }
    }

    @Test
    void leaveNoSocketAndNoThreadInTheProcess() {
        costNothing(1, 2);
    }

    @Test
    @Tag("suite-crash")
    void leaveNoSocketAndNoThreadInTheProcessAfterAThousandAttempts() {
        costNothing(3, 10);
    }

    /** @param each how many attempts at each server are under way at the same time */
    private static void costNothing(int rounds, int each) {
        try (Evils evils = new Evils()) {
            evils.attempt(each).join();
            latencies(50);
            Sockets sockets = service.sockets();
            int before = sockets.open();
            int unused = sockets.unused().size();
            int threads = service.threads();

            for (int round = 0; round < rounds; round++) {
                List<ServiceProcess.Answer> answers = evils.attempt(each).join();
                assertThat(answers).allSatisfy(answer -> {
                    assertThat(answer.status()).isEqualTo(200);
                    assertThat(answer.text()).contains("\"ok\":false").doesNotContain("do not show me");
                });
            }

            // The pools to the store grow and shrink when they please: what counts is who is at the other end.
            Awaitility.await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
                assertThat(sockets.to(evils.ports()))
                        .as("sockets to the servers")
                        .isEmpty();
                assertThat(sockets.unused()).as("sockets never used").hasSizeLessThanOrEqualTo(unused);
                assertThat(service.threads()).as("threads").isLessThanOrEqualTo(threads + 1);
            });
            System.out.printf(
                    "%d attempts at evil servers: sockets %d before, %d after; threads %d before, %d after%n",
                    rounds * each * evils.servers.size(), before, sockets.open(), threads, service.threads());
        }
    }

    /** Latencies in milliseconds, sorted. */
    private static double[] latencies(int reads) {
        double[] each = new double[reads];
        for (int i = 0; i < reads; i++) {
            long before = System.nanoTime();
            service.get("/api/v1/app-connections/postgres/" + connection).expect(200);
            each[i] = (System.nanoTime() - before) / 1e6;
        }
        Arrays.sort(each);
        return each;
    }

    private static double percentile(double[] sorted, int percent) {
        return sorted[Math.min(sorted.length - 1, sorted.length * percent / 100)];
    }

    /** All the evil servers at once. */
    private static final class Evils implements AutoCloseable {
        private final Map<HostileServerTest.Evil, FakeServer> servers = new LinkedHashMap<>();

        private Evils() {
            HostileServerTest.servers().forEach(evil -> servers.put(evil, new FakeServer(evil.behaviour())));
        }

        /** So many tests of a connection to each of them, all at the same time; every one is answered. */
        CompletableFuture<List<ServiceProcess.Answer>> attempt(int each) {
            List<CompletableFuture<ServiceProcess.Answer>> calls = new ArrayList<>();
            for (int i = 0; i < each; i++) {
                servers.forEach((evil, server) -> calls.add(service.callAsync(
                        "POST",
                        "/api/v1/app-connections/postgres/test",
                        new JsonObject().put("credentials", credentials(server.port(), evil.mode())))));
            }
            return CompletableFuture.allOf(calls.toArray(CompletableFuture[]::new))
                    .thenApply(
                            done -> calls.stream().map(CompletableFuture::join).toList());
        }

        Set<Integer> ports() {
            return servers.values().stream().map(FakeServer::port).collect(Collectors.toSet());
        }

        @Override
        public void close() {
            servers.values().forEach(FakeServer::close);
        }
    }
}
