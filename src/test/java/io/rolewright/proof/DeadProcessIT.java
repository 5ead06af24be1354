package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What was interrupted between COMMIT and promotion goes on as soon as the store and one process are there. Leases are a minute here, so
 * that none of this waits for one: a role without a second has no valid password served meanwhile.
 */
class DeadProcessIT extends ChangeProof {

    /** Five seconds, and a machine that does much else. */
    private static final Duration SOON = Duration.ofSeconds(15);

    private Subject begun(Kind kind) {
        service = startedWith("ROLEWRIGHT_CREDENTIAL_LEASE", "60s");
        Subject subject = subject(kind);
        subject.settles(service);
        return subject;
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"SINGLE", "MANAGED"})
    void anotherReplicaGoesOnWithWhatAKilledOneHasLeft(Kind kind) {
        Subject subject = begun(kind);
        ServiceProcess other = scene.installation.start();
        long before = subject.version(other);
        TcpProxy.Sighting killed = scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> {
            service.killAtOnce();
            return Fate.PASS;
        });

        subject.change(service).join();

        assertThat(killed.times()).isEqualTo(1);
        settlesSoon(subject, other);
        assertThat(subject.version(other)).isEqualTo(before + 1);
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"SINGLE", "MANAGED"})
    void theProcessThatTakesItsPlaceGoesOn(Kind kind) {
        Subject subject = begun(kind);
        long before = subject.version(service);
        scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> {
            service.killAtOnce();
            return Fate.PASS;
        });
        subject.change(service).join();
        service.kill(); // waits until it is gone

        service.restart();

        settlesSoon(subject, service);
        assertThat(subject.version(service)).isEqualTo(before + 1);
    }

    /** The process lives, and has given up: its own claim holds nobody up. */
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"SINGLE", "MANAGED"})
    void aSetbackOfTheStoreCostsNoLease(Kind kind) {
        Subject subject = begun(kind);
        long before = subject.version(service);
        scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> {
            scene.store.server().kill();
            return Fate.PASS;
        });
        CompletableFuture<ServiceProcess.Answer> answer = subject.change(service);
        answer.join();

        scene.store.server().start();

        settlesSoon(subject, service);
        assertThat(subject.version(service)).isEqualTo(before + 1);
    }

    private static void settlesSoon(Subject subject, ServiceProcess service) {
        long begun = System.nanoTime();
        Awaitility.await()
                .atMost(SOON)
                .pollInterval(Duration.ofMillis(100))
                .untilAsserted(() -> subject.assertSettled(service));
        System.out.println(subject + ": settled after "
                + Duration.ofNanos(System.nanoTime() - begun).toMillis() + " ms");
    }
}
