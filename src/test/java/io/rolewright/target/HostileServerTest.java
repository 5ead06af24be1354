package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Ports;
import io.rolewright.testing.Sockets;
import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Servers that mean harm: each is answered for within the deadline, learns nothing, and costs nothing afterwards. */
class HostileServerTest {

    private static final String PASSWORD = "do not show me to anyone";
    private static final Targets TARGETS = TestTargets.local(Map.of("sessions-per-target", "16", "sessions", "64"));

    /** How late an answer may come after its deadline, on a machine that is busy with other tests. */
    private static final Duration SLACK = Duration.ofSeconds(3);

    @AfterAll
    static void close() {
        TARGETS.close();
    }

    private static Login login(int port, SslMode mode) {
        return new Login("127.0.0.1", port, "postgres", "app", TlsSettings.of(mode), PASSWORD);
    }

    record Evil(String name, SslMode mode, String outcome, FakeServer.Behaviour behaviour) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Evil evil(String name, SslMode mode, String outcome, FakeServer.Behaviour behaviour) {
        return new Evil(name, mode, outcome, behaviour);
    }

    static Stream<Evil> servers() {
        byte[] huge = FakeServer.number(Integer.MAX_VALUE);
        return Stream.of(
                evil("silent", SslMode.DISABLE, "timed_out LOGIN", FakeServer.Peer::hang),
                evil("silent when asked for TLS", SslMode.REQUIRE, "timed_out TLS", FakeServer.Peer::hang),
                evil("silent after S", SslMode.REQUIRE, "timed_out TLS", peer -> {
                    peer.startup();
                    peer.send("S");
                    peer.hang();
                }),
                evil("silent in the middle of authentication", SslMode.DISABLE, "timed_out LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.sasl());
                    peer.hang();
                }),
                evil("silent after the login", SslMode.DISABLE, "timed_out LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.welcome());
                    peer.hang();
                }),
                evil("drips a byte at a time", SslMode.DISABLE, "timed_out LOGIN", peer -> {
                    peer.startup();
                    for (byte one : FakeServer.parameter("drip", "x".repeat(10_000))) {
                        peer.send(new byte[] {one});
                        Thread.sleep(50);
                    }
                }),
                evil("speaks HTTP", SslMode.DISABLE, "not_postgresql LOGIN", peer -> {
                    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
                    peer.stay();
                }),
                evil("speaks HTTP when asked for TLS", SslMode.VERIFY_FULL, "not_postgresql TLS", peer -> {
                    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
                    peer.stay();
                }),
                evil("speaks SSH", SslMode.REQUIRE, "not_postgresql TLS", peer -> {
                    peer.send("SSH-2.0-OpenSSH_9.2\r\n");
                    peer.stay();
                }),
                evil("sends noise", SslMode.DISABLE, "not_postgresql LOGIN", peer -> {
                    peer.startup();
                    peer.send("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008");
                    peer.stay();
                }),
                evil("slips a message in before TLS", SslMode.REQUIRE, "not_postgresql TLS", peer -> {
                    peer.startup();
                    peer.send("S" + new String(FakeServer.welcome(), java.nio.charset.StandardCharsets.ISO_8859_1));
                    peer.stay();
                }),
                evil("answers TLS with noise", SslMode.REQUIRE, "tls_handshake_failed TLS", peer -> {
                    peer.startup();
                    peer.send("S");
                    Thread.sleep(100);
                    peer.send("this is no TLS record");
                    peer.stay();
                }),
                evil("closes at once", SslMode.DISABLE, "closed_by_server LOGIN", peer -> {}),
                evil("closes after S", SslMode.REQUIRE, "tls_handshake_failed TLS", peer -> {
                    peer.startup();
                    peer.send("S");
                }),
                evil("closes in the middle of authentication", SslMode.DISABLE, "closed_by_server LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.sasl());
                    peer.message();
                }),
                evil("endless notices before the login", SslMode.DISABLE, "too_much_data LOGIN", peer -> {
                    peer.startup();
                    flood(peer, FakeServer.message('N', FakeServer.text("SNOTICE\0C00000\0Mhello\0\0")));
                }),
                evil("endless notices after the login", SslMode.DISABLE, "too_much_data LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.welcome());
                    flood(peer, FakeServer.message('N', FakeServer.text("SNOTICE\0C00000\0Mhello\0\0")));
                }),
                evil("endless parameters", SslMode.DISABLE, "too_much_data LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.authentication(0, ""));
                    flood(peer, FakeServer.parameter("a", "b".repeat(1000)));
                }),
                evil("endless rows", SslMode.DISABLE, "too_much_data LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.welcome());
                    peer.message();
                    peer.send(FakeServer.message('T', new byte[] {0, 0}));
                    flood(peer, FakeServer.message('D', new byte[] {0, 0}, new byte[4000]));
                }),
                evil("huge message before the login", SslMode.DISABLE, "not_postgresql LOGIN", peer -> {
                    peer.startup();
                    peer.send("E");
                    flood(peer, huge);
                }),
                evil("huge message after the login", SslMode.DISABLE, "too_much_data LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.welcome());
                    peer.send("E");
                    flood(peer, huge);
                }),
                evil("message shorter than its length", SslMode.DISABLE, "not_postgresql LOGIN", peer -> {
                    peer.startup();
                    peer.send("R\0\0\0\3");
                    peer.stay();
                }),
                evil(
                        "2 000 000 000 iterations",
                        SslMode.DISABLE,
                        "too_many_iterations LOGIN",
                        peer -> iterations(peer, "2000000000")),
                evil(
                        "iterations beyond any number",
                        SslMode.DISABLE,
                        "too_many_iterations LOGIN",
                        peer -> iterations(peer, "9".repeat(40))),
                evil(
                        "100 001 iterations",
                        SslMode.DISABLE,
                        "too_many_iterations LOGIN",
                        peer -> iterations(peer, "100001")),
                evil(
                        "two iteration counts",
                        SslMode.DISABLE,
                        "too_many_iterations LOGIN",
                        peer -> iterations(peer, "4096,i=2000000000")),
                evil("no iteration count", SslMode.DISABLE, "not_postgresql LOGIN", peer -> iterations(peer, "many")),
                evil(
                        "asks for the password in clear",
                        SslMode.DISABLE,
                        "cleartext_password_demanded LOGIN",
                        peer -> ask(peer, 3, "")),
                evil("asks for MD5", SslMode.DISABLE, "md5_password_demanded LOGIN", peer -> ask(peer, 5, "salt")),
                evil(
                        "asks for GSSAPI",
                        SslMode.DISABLE,
                        "authentication_not_supported LOGIN",
                        peer -> ask(peer, 7, "")),
                evil(
                        "asks for OAuth",
                        SslMode.DISABLE,
                        "authentication_not_supported LOGIN",
                        peer -> ask(peer, 10, "OAUTHBEARER\0\0")),
                evil("asks for SCRAM, then for clear", SslMode.DISABLE, "cleartext_password_demanded LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.sasl());
                    peer.message();
                    peer.send(FakeServer.authentication(3, ""));
                    peer.stay();
                }),
                evil("leaves its own SCRAM proof out", SslMode.DISABLE, "server_not_authentic LOGIN", peer -> {
                    scram(peer);
                    peer.send(FakeServer.welcome());
                    peer.stay();
                }),
                evil("has a wrong SCRAM proof", SslMode.DISABLE, "server_not_authentic LOGIN", peer -> {
                    scram(peer);
                    java.io.ByteArrayOutputStream both = new java.io.ByteArrayOutputStream();
                    both.writeBytes(FakeServer.authentication(12, "v=" + "A".repeat(43) + "="));
                    both.writeBytes(FakeServer.welcome());
                    peer.send(both.toByteArray());
                    peer.stay();
                }),
                evil("is ready without a login", SslMode.DISABLE, "not_postgresql LOGIN", peer -> {
                    peer.startup();
                    peer.send(FakeServer.ready());
                    peer.stay();
                }));
    }

    private static void flood(FakeServer.Peer peer, byte[] message) throws IOException {
        for (int i = 0; i < 200_000; i++) {
            peer.send(message);
        }
    }

    private static void ask(FakeServer.Peer peer, int kind, String rest) throws IOException {
        peer.startup();
        peer.send(FakeServer.authentication(kind, rest));
        peer.stay();
    }

    private static void iterations(FakeServer.Peer peer, String count) throws IOException {
        peer.startup();
        peer.send(FakeServer.sasl());
        String first = new String(peer.message(), java.nio.charset.StandardCharsets.UTF_8);
        String nonce = first.substring(first.indexOf("r=") + 2);
        peer.send(FakeServer.authentication(11, "r=" + nonce + "x,s=c2FsdHNhbHRzYWx0,i=" + count));
        peer.message(); // a client that answers shows that it computed
        throw new IOException("answered");
    }

    private static void scram(FakeServer.Peer peer) throws IOException {
        peer.startup();
        peer.send(FakeServer.sasl());
        String first = new String(peer.message(), java.nio.charset.StandardCharsets.UTF_8);
        String nonce = first.substring(first.indexOf("r=") + 2);
        peer.send(FakeServer.authentication(11, "r=" + nonce + "x,s=c2FsdHNhbHRzYWx0,i=4096"));
        peer.message();
    }

    private static String words(LoginOutcome outcome) {
        return outcome.code()
                + (outcome instanceof LoginOutcome.Unreachable unreachable ? " " + unreachable.step() : "");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("servers")
    void isAnsweredForInTimeAndLearnsNothing(Evil evil) {
        Duration limit = evil.outcome.startsWith("timed_out") ? Duration.ofMillis(700) : Duration.ofSeconds(8);
        try (FakeServer server = new FakeServer(evil.behaviour)) {
            long before = System.nanoTime();

            LoginOutcome outcome = TARGETS.login(login(server.port(), evil.mode), Deadline.in(limit))
                    .await()
                    .indefinitely();

            assertThat(words(outcome)).isEqualTo(evil.outcome);
            assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(limit.plus(SLACK));
            assertThat(server.received()).doesNotContain(PASSWORD);
            if (evil.outcome.contains("iterations") || evil.outcome.contains("demanded")) {
                assertThat(server.received())
                        .as("no message with a proof or a hash")
                        .doesNotContain("p=", "md5");
            }
            // The server is not asked whether it wants to let go.
            Awaitility.await()
                    .atMost(SLACK)
                    .untilAsserted(() -> assertThat(TARGETS.sessionsInUse()).isZero());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "Datenbank »x« existiert nicht, 3D000, InitPostgres, no_such_database",
        "データベースは存在しません, 3D000, InitPostgres, no_such_database",
        "zu viele Verbindungen für Rolle, 53300, InitializeSessionUserId, role_full",
        "übrige Verbindungen sind reserviert, 53300, InitPostgres, slots_reserved",
        "das Datenbanksystem startet, 57P03, ProcessStartupPacket, not_ready",
        "password authentication failed, 42501, CheckMyDatabase, no_connect_privilege",
        "etwas Neues, 99999, Neues, other",
    })
    void decidesByCodeAndRoutineInEveryLanguage(String text, String sqlState, String routine, String code) {
        FakeServer.Behaviour refuses = peer -> {
            peer.startup();
            peer.send(FakeServer.authentication(0, ""));
            peer.send(FakeServer.error("SFATAL", "VFATAL", "C" + sqlState, "M" + text, "R" + routine));
        };
        try (FakeServer server = new FakeServer(refuses)) {
            LoginOutcome outcome = TARGETS.login(login(server.port(), SslMode.DISABLE), Deadline.in(SLACK))
                    .await()
                    .indefinitely();

            assertThat(outcome.code()).isEqualTo(code);
            assertThat(outcome.toString()).doesNotContain(text);
        }
    }

    @Test
    void letsNoTextOfTheServersOutThroughCodeOrRoutine() {
        FakeServer.Behaviour refuses = peer -> {
            peer.startup();
            peer.send(FakeServer.error("SFATAL", "C<script>", "Mx", "Ryour password is " + PASSWORD));
        };
        try (FakeServer server = new FakeServer(refuses)) {
            LoginOutcome outcome = TARGETS.login(login(server.port(), SslMode.DISABLE), Deadline.in(SLACK))
                    .await()
                    .indefinitely();

            assertThat(outcome)
                    .isEqualTo(new LoginOutcome.Refused(
                            Refusal.OTHER, "XX000", null, PasswordVerdict.UNKNOWN, null, null));
        }
    }

    @Test
    void namesAPortWhereNobodyListensAndAnAddressThatSwallowsPackets() throws IOException {
        int closed = Ports.free();
        assertThat(words(TARGETS.login(login(closed, SslMode.DISABLE), Deadline.in(SLACK))
                        .await()
                        .indefinitely()))
                .isEqualTo("connection_refused CONNECT");

        // A backlog that is full drops further SYNs, as a black hole does.
        List<Socket> fillers = new ArrayList<>();
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            for (int i = 0; i < 4; i++) {
                Socket filler = new Socket();
                fillers.add(filler);
                try {
                    filler.connect(new InetSocketAddress("127.0.0.1", full.getLocalPort()), 100);
                } catch (IOException isFull) {
                    break;
                }
            }
            assertThat(words(TARGETS.login(
                                    login(full.getLocalPort(), SslMode.DISABLE), Deadline.in(Duration.ofMillis(500)))
                            .await()
                            .indefinitely()))
                    .isEqualTo("connect_timed_out CONNECT");
        } finally {
            for (Socket filler : fillers) {
                filler.close();
            }
        }
    }

    @Test
    void triesTheAddressesOfAHostInTurn() {
        // localhost is ::1 and 127.0.0.1 on most machines, and the server listens on the latter only.
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        TestPostgres.Login app = server.role("LOGIN");
        Login login =
                new Login("localhost", server.port(), "postgres", app.role(), TlsSettings.DISABLED, app.password());

        assertThat(TARGETS.login(login, Deadline.in(Duration.ofSeconds(8)))
                        .await()
                        .indefinitely()
                        .code())
                .isEqualTo("accepted");
    }

    @Test
    void aNeighboursAlterRoleInFlightSurvivesTheirEviction() {
        TestPostgres server = TestPostgres.shared(TestPostgres.NEWEST);
        TestPostgres.Login app = server.role("LOGIN");
        Login superuser =
                TestTargets.login(server, new TestPostgres.Login(TestPostgres.SUPERUSER, server.superuserPassword()));
        CompletableFuture<Void> release = new CompletableFuture<>();
        // Somebody holds the role's row, so that the neighbour's statement hangs on the server while the others come
        // and go.
        CompletableFuture<Void> holder = TARGETS.withSession(
                        superuser,
                        Deadline.in(Duration.ofSeconds(60)),
                        "holder",
                        session -> session.execute("BEGIN; ALTER ROLE " + app.role() + " CONNECTION LIMIT 7")
                                .chain(() -> Uni.createFrom().completionStage(release))
                                .chain(() -> session.execute("ROLLBACK")))
                .subscribeAsCompletionStage();
        awaitBackend(server, "holder", "Client");
        CompletableFuture<Void> neighbour = TARGETS.withSession(
                        superuser,
                        Deadline.in(Duration.ofSeconds(60)),
                        "neighbour",
                        session -> session.execute("BEGIN; SET LOCAL lock_timeout = '60s'; ALTER ROLE " + app.role()
                                + " PASSWORD 'after the eviction'; COMMIT"))
                .subscribeAsCompletionStage();
        awaitBackend(server, "neighbour", "Lock");

        attempts(2);

        assertThat(neighbour).as("still hanging, not evicted with the others").isNotDone();
        release.complete(null);
        assertThat(holder).succeedsWithin(Duration.ofSeconds(30));
        assertThat(neighbour).succeedsWithin(Duration.ofSeconds(30));
        assertThat(server.login(app.role(), "after the eviction")).isEqualTo("ok");
    }

    private static void awaitBackend(TestPostgres server, String applicationName, String waitsFor) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> server.sql("SELECT 1 FROM pg_stat_activity WHERE application_name = '" + applicationName
                                        + "' AND wait_event_type = '" + waitsFor + "' AND query LIKE '%ALTER ROLE%'")
                                .size()
                        == 1);
    }

    @Test
    void leaveNoSocketAndNoThreadBehind() {
        attempts(1);
        countsStayWhile(2);
    }

    @Test
    @Tag("suite-targets")
    void leaveNoSocketAndNoThreadBehindAfterAThousandAttempts() {
        attempts(1);
        countsStayWhile(1000 / (int) servers().count() + 1);
    }

    private static void countsStayWhile(int rounds) {
        Sockets own = Sockets.own();
        int unused = own.unused().size();
        long threads = threads();

        Set<Integer> ports = attempts(rounds);

        // By their ports: the same JVM may hold a whole service of another test, and its pools come and go.
        Awaitility.await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            assertThat(TARGETS.sessionsInUse()).isZero();
            assertThat(own.to(ports)).as("sockets to the servers").isEmpty();
            assertThat(own.unused()).as("sockets never used").hasSizeLessThanOrEqualTo(unused);
            assertThat(threads()).as("threads of the client").isLessThanOrEqualTo(threads);
        });
    }

    /**
     * Every evil server at once, again and again.
     *
     * @return the ports that they had
     */
    private static Set<Integer> attempts(int rounds) {
        Set<Integer> ports = new HashSet<>();
        for (int round = 0; round < rounds; round++) {
            Map<Evil, FakeServer> running = new LinkedHashMap<>();
            try {
                servers().forEach(evil -> running.put(evil, new FakeServer(evil.behaviour)));
                List<Uni<LoginOutcome>> all = new ArrayList<>();
                running.forEach((evil, server) ->
                        all.add(TARGETS.login(login(server.port(), evil.mode), Deadline.in(Duration.ofMillis(1500)))));
                List<LoginOutcome> outcomes =
                        Uni.join().all(all).andCollectFailures().await().atMost(Duration.ofSeconds(60));
                assertThat(outcomes).noneMatch(LoginOutcome.Accepted.class::isInstance);
            } finally {
                running.values().forEach(server -> ports.add(server.port()));
                running.values().forEach(FakeServer::close);
            }
        }
        return ports;
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("rolewright"))
                .count();
    }
}
