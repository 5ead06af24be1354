package io.rolewright.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres.Login;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * With one session to the store and a target that accepts and stays silent, everything else still answers: so no store
 * transaction is open while a target is being talked to.
 */
@QuarkusTest
@TestProfile(SilentTargetTest.OneStoreSession.class)
class SilentTargetTest {

    private static final String BASE = "/api/v1/app-connections/postgres";

    public static class OneStoreSession implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("quarkus.datasource.reactive.max-size", "1");
        }
    }

    @Test
    void everythingElseAnswersWhileATargetStaysSilent() throws Exception {
        Login login = ConnectionWireTest.target().role("LOGIN");
        String id = ConnectionWireTest.created(ConnectionWireTest.newConnection(
                ConnectionWireTest.name("lively"), ConnectionWireTest.credentials(login)));
        try (SilentServer silent = new SilentServer();
                SilentServer otherSilent = new SilentServer()) { // one request at a time has a session with each
            Map<String, Object> credentials = ConnectionWireTest.credentials(login);
            credentials.put("port", silent.port());
            Map<String, Object> otherCredentials = ConnectionWireTest.credentials(login);
            otherCredentials.put("port", otherSilent.port());
            String name = ConnectionWireTest.name("silent");
            List<CompletableFuture<Response>> stalled = new ArrayList<>();
            stalled.add(CompletableFuture.supplyAsync(
                    () -> ConnectionWireTest.create(ConnectionWireTest.newConnection(name, credentials))));
            stalled.add(CompletableFuture.supplyAsync(
                    () -> Api.as().body(Map.of("credentials", otherCredentials)).patch(BASE + "/" + id)));
            silent.awaitAccepted();
            otherSilent.awaitAccepted();

            Api.as()
                    .body(Map.of("description", "changed meanwhile"))
                    .patch(BASE + "/" + id)
                    .then()
                    .statusCode(200);
            Api.as().get(BASE).then().statusCode(200);
            // The silence lasts nine seconds: what follows may take longer than that on a busy machine.
            assertThat(stalled).noneMatch(CompletableFuture::isDone);
            Api.as().get(BASE + "/" + id).then().statusCode(200);
            Api.as().get("/api/v1/projects").then().statusCode(200);
            String other = ConnectionWireTest.created(ConnectionWireTest.newConnection(
                    ConnectionWireTest.name("beside"), ConnectionWireTest.credentials(login)));
            Api.as().delete(BASE + "/" + other).then().statusCode(200);
            for (CompletableFuture<Response> each : stalled) {
                each.get(1, TimeUnit.MINUTES)
                        .then()
                        .statusCode(400)
                        .body("code", equalTo("connection_test_failed"))
                        .body("details.failure.reason", equalTo("timed_out"));
            }
        }
    }

    /** Accepts and says nothing: what a hung server or a swallowing firewall looks like. */
    static final class SilentServer implements AutoCloseable {

        private final ServerSocket server;
        private final List<Socket> accepted = new CopyOnWriteArrayList<>();

        SilentServer() throws IOException {
            server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
            Thread acceptor = new Thread(this::accept, "silent-server");
            acceptor.setDaemon(true);
            acceptor.start();
        }

        int port() {
            return server.getLocalPort();
        }

        void awaitAccepted() {
            org.awaitility.Awaitility.await().until(() -> !accepted.isEmpty());
        }

        private void accept() {
            try {
                while (true) {
                    accepted.add(server.accept());
                }
            } catch (IOException closed) { // the test is over
            }
        }

        @Override
        public void close() throws IOException {
            server.close();
            for (Socket socket : accepted) {
                socket.close();
            }
        }
    }
}
