package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.util.Credentials;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Tls;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An application in Java whose pool (HikariCP, on pgjdbc) follows a rotation; {@code docs/consuming.md} shows parts of it. */
@QuarkusTest
class PoolFollowsRotationTest {

    private static final int SESSIONS = 5;

    private final HttpClient client = HttpClient.newHttpClient();
    private final List<String> failures = new CopyOnWriteArrayList<>();
    private URI login;
    private String clientId;
    private String clientSecret;
    private String active;
    private String token;

    private void report(IOException failure) {
        failures.add(failure.toString());
    }

    private void consumeAt(int port, String rotation) {
        Identities.Somebody consumer = Identities.in(Rotating.project(), "consumer");
        clientId = consumer.clientId();
        clientSecret = consumer.clientSecret();
        login = URI.create("http://127.0.0.1:" + port + "/api/v1/auth/universal-auth/login");
        active = "http://127.0.0.1:" + port + Rotating.BASE + "/" + rotation + "/active";
    }

    // -- asking for the credential
    /** What is served, as soon as its version is at least this one. Whatever fails is tried again: the service may be restarted. */
    JsonNode credential(long atLeastVersion) throws InterruptedException {
        URI next = URI.create(active + "?include=ca&waitForVersion=" + atLeastVersion + "&timeout=60");
        while (true) {
            try {
                token = token == null ? logIn() : token;
                JsonNode served = ask(HttpRequest.newBuilder(next).header("Authorization", "Bearer " + token));
                if (served != null) {
                    return served;
                }
            } catch (IOException failure) {
                report(failure);
                Thread.sleep(2000);
            }
        }
    }

    private String logIn() throws IOException, InterruptedException {
        String body = new ObjectMapper().writeValueAsString(Map.of("clientId", clientId, "clientSecret", clientSecret));
        return ask(HttpRequest.newBuilder(login)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body)))
                .get("accessToken")
                .asText();
    }

    /** Null: not yet. */
    private JsonNode ask(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> answer =
                client.send(request.timeout(Duration.ofSeconds(75)).build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() == 200) {
            return new ObjectMapper().readTree(answer.body());
        }
        if (answer.statusCode() == 304) {
            return null;
        }
        if (answer.statusCode() == 401 || answer.statusCode() == 403) {
            token = null; // its time is up
        }
        throw new IOException(answer.statusCode() + " " + answer.body());
    }
    // --

    private static HikariDataSource pool(JsonNode served) throws IOException {
        // -- a pool of it
        HikariDataSource pool = new HikariDataSource();
        pool.setJdbcUrl("jdbc:postgresql://" + served.get("host").asText() + ":"
                + served.get("port").asInt() + "/" + served.get("database").asText() + "?sslmode="
                + served.get("sslMode").asText());
        pool.setCredentials(Credentials.of(
                served.get("username").asText(), served.get("password").asText()));
        if (served.has("caCert")) {
            Path ca = Files.writeString(
                    Files.createTempFile("rolewright-ca", ".pem"),
                    served.get("caCert").asText());
            pool.addDataSourceProperty("sslrootcert", ca.toString());
        } else { // the authorities that Java trusts
            pool.addDataSourceProperty("sslfactory", "org.postgresql.ssl.DefaultJavaSSLFactory");
        }
        // --
        pool.setMaximumPoolSize(SESSIONS);
        return pool;
    }

    private static void changeOver(HikariDataSource pool, JsonNode served) {
        // -- changing over: idle sessions end at once, those at work when they are given back
        pool.getHikariConfigMXBean()
                .setCredentials(Credentials.of(
                        served.get("username").asText(), served.get("password").asText()));
        pool.getHikariPoolMXBean().softEvictConnections();
        // --
    }

    @ParameterizedTest
    @EnumSource(
            value = Tls.class,
            names = {"OFF", "REQUIRED"})
    void changesOverWithoutEndingASessionAtWork(Tls tls) throws Exception {
        TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST, tls);
        Rotating roles = tls == Tls.OFF ? Rotating.on(target) : Rotating.verifying(target);
        String id = roles.created();
        consumeAt(RestAssured.port, id);

        JsonNode served = credential(1);
        try (HikariDataSource pool = pool(served)) {
            Connection atWork = pool.getConnection();
            assertThat(who(atWork)).isEqualTo(roles.first.role());
            // One that is being opened while the pool changes over comes with the old credential.
            Awaitility.await().until(() -> pool.getHikariPoolMXBean().getTotalConnections() == SESSIONS);
            Rotating.rotateAtOnce(id).then().statusCode(200);

            changeOver(pool, credential(served.get("credentialVersion").asLong() + 1));

            for (int i = 0; i < 10; i++) {
                try (Connection fresh = pool.getConnection()) {
                    assertThat(who(fresh)).isEqualTo(roles.second.role());
                }
            }
            assertThat(who(atWork))
                    .as("it is not ended under whoever works with it")
                    .isEqualTo(roles.first.role());
            atWork.close();
            try (Connection fresh = pool.getConnection()) {
                assertThat(who(fresh)).isEqualTo(roles.second.role());
            }
        }
    }

    @Test
    void waitsThroughARestartAndTheEndOfItsToken() throws Exception {
        Rotating roles = Rotating.on(TestPostgres.shared(TestPostgres.NEWEST));
        String id = roles.created();
        try (TcpProxy service = TcpProxy.toAnything(RestAssured.port)) {
            consumeAt(service.port(), id);
            assertThat(credential(1).get("username").asText()).isEqualTo(roles.first.role());
            CompletableFuture<JsonNode> next = CompletableFuture.supplyAsync(() -> {
                try {
                    return credential(2);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });

            service.refuse();
            Awaitility.await().until(() -> !failures.isEmpty());
            Identities.endTokens();
            service.accept(true);
            Awaitility.await()
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> failures.stream().anyMatch(each -> each.matches("(?s).*40[13].*")));
            Rotating.rotateAtOnce(id).then().statusCode(200);

            assertThat(next.get(30, TimeUnit.SECONDS).get("username").asText()).isEqualTo(roles.second.role());
        }
    }

    @Test
    void refusesAServerOfAnotherCa() throws Exception {
        String id = Rotating.verifying(TestPostgres.shared(TestPostgres.NEWEST, Tls.REQUIRED))
                .created();
        consumeAt(RestAssured.port, id);
        var served = (ObjectNode) credential(1);
        served.put("caCert", Files.readString(TestCertificates.create().caFile()));

        try (HikariDataSource pool = pool(served)) {
            assertThatThrownBy(pool::getConnection)
                    .hasStackTraceContaining("unable to find valid certification path to requested target");
        }
    }

    private static String who(Connection session) throws SQLException {
        try (var statement = session.createStatement();
                var rows = statement.executeQuery("SELECT current_user")) {
            rows.next();
            return rows.getString(1);
        }
    }
}
