package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What becomes of a rotation when the platform stops the pod in the middle: SIGTERM lets it finish, SIGKILL leaves it to the next look. */
class StoppedServiceIT {

    private static final String BASE = Rotating.BASE;
    private static final String RUN_DUE = "/api/v1/rotations/run-due?budgetSeconds=20";

    private static final Duration GRACE = Duration.ofSeconds(1);

    /** Of the process that is killed. The one that finishes what it left has as long as is shipped, however busy the machine is. */
    private static final Duration LEASE = Duration.ofSeconds(7);

    private final TestPostgres target = TestPostgres.shared(14);
    private final TcpProxy proxy = TcpProxy.to(target);
    private final Login managing = target.role("LOGIN CREATEROLE");
    private final Login first = target.role("LOGIN");
    private final Login second = target.role("LOGIN");
    private Installation installation;

    @BeforeEach
    void install() {
        installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST));
    }

    @AfterEach
    void close() {
        installation.close();
        proxy.close();
    }

    @Test
    void aRotationThatSomebodyWaitsForIsFinishedFirst() throws Exception {
        installation.setting("ROLEWRIGHT_SCHEDULER_ENABLED", "false");
        ServiceProcess service = installation.start();
        String id = created(service);
        proxy.before(TcpProxy.request("ALTER ROLE"), () -> terminate(service));

        CompletableFuture<Answer> answer = service.callAsync("POST", BASE + "/" + id + "/rotate-secrets", null);

        assertThat(answer.get()
                        .expect(200)
                        .json()
                        .getJsonObject("secretRotation")
                        .getLong("credentialVersion"))
                .isEqualTo(2);
        service.stop();
        service.restart();
        assertThat(loginAsServed(service, id)).isEqualTo("ok");
    }

    @Test
    void aRunFromOutsideEndsWithWhatItHasBegun() throws Exception {
        installation.setting("ROLEWRIGHT_SCHEDULER_ENABLED", "false");
        ServiceProcess service = installation.start();
        String id = created(service);
        makeDue(id);
        proxy.before(TcpProxy.request("ALTER ROLE"), () -> terminate(service));

        CompletableFuture<Answer> answer = service.callAsync("POST", RUN_DUE, null);

        assertThat(answer.get().expect(200).json().getInteger("rotated")).isEqualTo(1);
        service.stop();
        assertThat(version(id)).isEqualTo(2);
    }

    @Test
    void theClockInsideFinishesWhatItHasBegun() {
        installation.setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s");
        ServiceProcess service = installation.start();
        String id = created(service);
        var sent = proxy.before(TcpProxy.request("ALTER ROLE"), () -> terminate(service));
        makeDue(id);

        assertThat(sent.happensWithin(Duration.ofSeconds(15))).isTrue();
        service.stop();

        assertThat(version(id)).isEqualTo(2);
        service.restart();
        assertThat(loginAsServed(service, id)).isEqualTo("ok");
    }

    @Test
    void whatWasKilledIsFinishedByARunFromOutside() throws Exception {
        ServiceProcess service = started(LEASE);
        String id = created(service);
        makeDue(id);
        var sent = proxy.before(TcpProxy.request("ALTER ROLE"), () -> {
            service.killAtOnce();
            return Fate.PASS;
        });

        service.callAsync("POST", RUN_DUE, null);
        assertThat(sent.happensWithin(Duration.ofSeconds(15))).isTrue();

        oneRunFinishesIt(service, id);
    }

    /** The target keeps its answer to itself for longer than the platform waits: SIGTERM, the grace period, SIGKILL. */
    @Test
    void whatIsNotDoneWhenTheGracePeriodEndsIsFinishedByARunFromOutside() throws Exception {
        ServiceProcess service = started(LEASE);
        String id = created(service);
        makeDue(id);
        var answered = proxy.before(TcpProxy.reply("COMMIT"), () -> {
            terminate(service);
            pause(GRACE);
            assertThat(ProcessHandle.of(service.pid()))
                    .as("it waits for the answer")
                    .isPresent();
            service.killAtOnce();
            return Fate.CUT;
        });

        service.callAsync("POST", RUN_DUE, null);
        assertThat(answered.happensWithin(Duration.ofSeconds(15))).isTrue();

        oneRunFinishesIt(service, id);
    }

    private void oneRunFinishesIt(ServiceProcess dead, String id) {
        dead.kill();
        proxy.forget();
        ServiceProcess service = started(Duration.ofSeconds(30));
        assertThat(version(id)).isEqualTo(1);
        assertThat(loginAsServed(service, id)).as("what is served meanwhile").isEqualTo("ok");
        Awaitility.await("the lease of the dead process")
                .atMost(Duration.ofSeconds(15))
                .until(() -> installation
                        .sql("SELECT count(*) FROM managed_role WHERE lease_until > now()")
                        .get(0)
                        .getLong(0)
                        .equals(0L));

        service.post(RUN_DUE, null).expect(200);

        assertThat(version(id)).as("after one call").isEqualTo(2);
        assertThat(loginAsServed(service, id)).isEqualTo("ok");
        assertThat(service.get(BASE + "/" + id + "/attempts")
                        .expect(200)
                        .json()
                        .getJsonArray("attempts")
                        .getJsonObject(0)
                        .getString("state"))
                .isEqualTo("done");
    }

    private ServiceProcess started(Duration lease) {
        return installation
                .setting("ROLEWRIGHT_SCHEDULER_ENABLED", "false")
                .setting("ROLEWRIGHT_CREDENTIAL_LEASE", lease.toSeconds() + "s")
                .setting("ROLEWRIGHT_CREDENTIAL_LONGEST_RUN", lease.toSeconds() - 1 + "s")
                .start();
    }

    private static Fate terminate(ServiceProcess service) {
        ProcessHandle.of(service.pid()).ifPresent(ProcessHandle::destroy);
        pause(Duration.ofMillis(300)); // the statement leaves when the signal has been taken
        return Fate.PASS;
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String created(ServiceProcess service) {
        return Rotating.created(service, proxy.port(), managing, first, second, new JsonObject());
    }

    private void makeDue(String id) {
        installation.sql("UPDATE secret_rotation SET next_rotation_at = now(), due_at = now() WHERE id = '" + id + "'");
    }

    private long version(String id) {
        return installation
                .sql("SELECT credential_version FROM secret_rotation WHERE id = '" + id + "'")
                .get(0)
                .getLong(0);
    }

    private String loginAsServed(ServiceProcess service, String id) {
        JsonObject active = service.get(BASE + "/" + id + "/generated-credentials")
                .expect(200)
                .json()
                .getJsonObject("active");
        return target.login(active.getString("username"), active.getString("password"));
    }
}
