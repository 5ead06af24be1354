package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Logins as clients of the reference make them, which do not try again what was answered with 429, under the limits as shipped. */
class LoginsIT {

    private static final int LANES = 12;

    private static Installation installation;
    private static ServiceProcess replica;

    @BeforeAll
    static void start() {
        installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST));
        replica = installation.start();
    }

    @AfterAll
    static void stop() {
        installation.close();
    }

    @Test
    void sixtyOfOneIdentityInTwelveLanesAreMadeAtTheFirstTry() {
        var one = new Login(Installation.CLIENT_ID, Installation.CLIENT_SECRET);

        assertThat(statuses(60, List.of(one))).isEqualTo(Map.of(200, 60));
    }

    @Test
    void fiveHundredFromOneAddressAreMadeAtTheFirstTry() {
        List<Login> identities = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            identities.add(identity("pod " + i));
        }
        long start = System.nanoTime();

        assertThat(statuses(500, identities)).isEqualTo(Map.of(200, 500));

        assertThat(System.nanoTime() - start).isLessThan(60_000_000_000L);
    }

    /** Guesses at one identity keep none of the others of that address out. */
    @Test
    void whoGuessesIsCountedAndTheOthersAreNot() {
        var good = identity("owner");
        var guess = new Login(identity("victim").clientId, "a wrong secret of 32 characters or more");

        assertThat(statuses(30, List.of(guess))).isEqualTo(Map.of(401, 30));

        assertThat(statuses(60, List.of(good))).isEqualTo(Map.of(200, 60));
    }

    private static Login identity(String name) {
        var identity = replica.post(
                        "/api/v1/identities", new JsonObject().put("name", name).put("roles", new JsonArray()))
                .expect(200)
                .json()
                .getJsonObject("identity");
        var id = identity.getString("id");
        var secret = replica.post("/api/v1/auth/universal-auth/identities/" + id + "/client-secrets", new JsonObject())
                .expect(200)
                .json()
                .getString("clientSecret");
        return new Login(identity.getString("clientId"), secret);
    }

    /** @return how many logins were answered with which status */
    private static Map<Integer, Integer> statuses(int logins, List<Login> identities) {
        var answers = new ConcurrentLinkedQueue<ServiceProcess.Answer>();
        var next = new AtomicInteger();
        List<Thread> lanes = new ArrayList<>();
        for (int lane = 0; lane < LANES; lane++) {
            var thread = new Thread(() -> {
                for (int i = next.getAndIncrement(); i < logins; i = next.getAndIncrement()) {
                    var login = identities.get(i % identities.size());
                    answers.add(replica.post(
                            "/api/v1/auth/universal-auth/login",
                            new JsonObject().put("clientId", login.clientId).put("clientSecret", login.clientSecret)));
                }
            });
            thread.start();
            lanes.add(thread);
        }
        for (var lane : lanes) {
            try {
                lane.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }
        Map<Integer, Integer> statuses = new TreeMap<>();
        answers.forEach(answer -> statuses.merge(answer.status(), 1, Integer::sum));
        return statuses;
    }

    private record Login(String clientId, String clientSecret) {
        @Override
        public String toString() {
            return "Login[" + clientId + "]";
        }
    }
}
