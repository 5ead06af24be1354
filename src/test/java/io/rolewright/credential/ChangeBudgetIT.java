package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.StoreTraffic;
import io.rolewright.testing.StoreTraffic.Counted;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/**
 * What a scheduled change costs, counted on both sides: statements, sessions and waits for a disk are the same on every machine, and what
 * bounds how many changes a second there are.
 */
@TestInstance(Lifecycle.PER_CLASS)
class ChangeBudgetIT {

    private static final int SERVERS = 4;
    private static final int ROTATIONS = 100;

    private final TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
    private final TcpProxy store = TcpProxy.to(postgres);
    private final List<TcpProxy> servers =
            IntStream.range(0, SERVERS).mapToObj(i -> TcpProxy.to(postgres)).toList();
    private final Installation installation = Installation.on(postgres, store)
            .setting("ROLEWRIGHT_SCHEDULER_ENABLED", "false")
            // Nothing is to be asked by itself while statements are counted.
            .setting("ROLEWRIGHT_ACCESS_REVOCATION_DELAY", "60s");
    private final List<String> rotations = new CopyOnWriteArrayList<>();
    private final List<StoreTraffic> there = new ArrayList<>();
    private ServiceProcess service;
    private StoreTraffic inStore;

    @BeforeAll
    void start() {
        service = installation.start();
        String project = Rotating.project(service);
        // One after the other on each server, which has one session for requests.
        servers.parallelStream().forEach(server -> create(project, server));
        // So that each session of the pool has prepared what is counted.
        change(rotations, ROTATIONS);
        inStore = StoreTraffic.through(store);
        servers.forEach(server -> there.add(StoreTraffic.through(server)));
    }

    @AfterAll
    void close() {
        installation.close();
        servers.forEach(TcpProxy::close);
        store.close();
    }

    private void create(String project, TcpProxy server) {
        Login managing = postgres.role("LOGIN CREATEROLE");
        JsonObject credentials = new JsonObject()
                .put("host", "127.0.0.1")
                .put("port", server.port())
                .put("database", "postgres")
                .put("username", managing.role())
                .put("password", managing.password())
                .put("sslEnabled", false);
        String connection = service.post(
                        "/api/v1/app-connections/postgres",
                        new JsonObject()
                                .put("name", Rotating.name("by"))
                                .put("method", "username-and-password")
                                .put("credentials", credentials))
                .expect(200)
                .json()
                .getJsonObject("appConnection")
                .getString("id");
        for (int i = 0; i < ROTATIONS / SERVERS; i++) {
            String role = TestPostgres.uniqueName("role");
            postgres.sql(
                    "CREATE ROLE " + role + " LOGIN; GRANT " + role + " TO " + managing.role() + " WITH ADMIN OPTION");
            String name = role.replace('_', '-');
            JsonObject body = new JsonObject()
                    .put("name", name)
                    .put("projectId", project)
                    .put("connectionId", connection)
                    .put("environment", "production")
                    .put("secretPath", "/" + name)
                    .put("rotationInterval", 30)
                    .put("strategy", "single")
                    .put("parameters", new JsonObject().put("username1", role))
                    .put("secretsMapping", new JsonObject().put("username", "U").put("password", "P"));
            rotations.add(service.post(Rotating.BASE, body)
                    .expect(200)
                    .json()
                    .getJsonObject("secretRotation")
                    .getString("id"));
        }
    }

    /** What the look for due work itself costs is in it, and a session that was not kept yet. */
    @Test
    void oneScheduledChange() {
        List<Counted> counted = counted(() -> change(rotations.subList(0, 1), 1));
        assertThat(counted.get(0).statements()).hasSizeLessThanOrEqualTo(72);
        assertThat(counted.subList(1, SERVERS + 1).stream()
                        .mapToInt(Counted::sessions)
                        .sum())
                .as("the managing role, the challenge, the proof")
                .isEqualTo(3);
        assertThat(counted.subList(1, SERVERS + 1).stream()
                        .mapToInt(each -> each.statements().size())
                        .sum())
                .isLessThanOrEqualTo(9);
    }

    @Test
    void aHundredDueOnFourServers() {
        List<Counted> counted = counted(() -> change(rotations, ROTATIONS));
        assertThat(counted.get(0).statements()).hasSizeLessThanOrEqualTo(37 * ROTATIONS);
        assertThat(counted.get(0).commits()).isLessThanOrEqualTo(5 * ROTATIONS);
        for (Counted server : counted.subList(1, SERVERS + 1)) {
            assertThat(server.statements()).hasSizeLessThanOrEqualTo(9 * ROTATIONS / SERVERS + 10);
            // Two for each change, and some more where somebody else had the one that is kept.
            assertThat(server.sessions()).isLessThanOrEqualTo(11 * ROTATIONS / SERVERS / 4);
        }
    }

    /** @return of the store, then of each server */
    private List<Counted> counted(Runnable work) {
        List<Counted> counted = new ArrayList<>();
        Runnable all = work;
        for (int i = SERVERS - 1; i >= -1; i--) {
            StoreTraffic side = i < 0 ? inStore : there.get(i);
            Runnable inner = all;
            all = () -> counted.add(side.during(inner));
        }
        all.run();
        Collections.reverse(counted);
        return counted;
    }

    private void change(List<String> due, int wanted) {
        installation.sql("UPDATE secret_rotation SET next_rotation_at = now(), due_at = now() WHERE id IN ('"
                + String.join("', '", due) + "')");
        int rotated = 0;
        while (rotated < wanted) {
            int some = service.post("/api/v1/rotations/run-due?budgetSeconds=60", new JsonObject())
                    .expect(200)
                    .json()
                    .getInteger("rotated");
            assertThat(some).isPositive();
            rotated += some;
        }
        assertThat(rotated).isEqualTo(wanted);
    }
}
