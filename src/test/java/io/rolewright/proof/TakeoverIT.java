package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A replica stands still past its lease: another takes over, and the first changes nothing when it goes on. */
class TakeoverIT extends ChangeProof {

    enum Frozen {
        /** Nothing is sent yet; it will be, when another has long finished. */
        BEFORE_ALTER,
        /** The server has done it; the replica has not read that yet. */
        AFTER_ALTER,
        /** All is done but the promotion, whose statement is under way to the store. */
        BEFORE_PROMOTE
    }

    static Stream<Arguments> frozen() {
        return Stream.of(Kind.DUAL, Kind.MANAGED)
                .flatMap(kind -> Arrays.stream(Frozen.values()).map(where -> Arguments.of(kind, where)));
    }

    @ParameterizedTest
    @MethodSource("frozen")
    void anotherReplicaTakesOverFromOneThatStandsStillPastItsLease(Kind kind, Frozen where) {
        Subject subject = subject(kind);
        subject.settles(service);
        long before = subject.version(service);
        ServiceProcess other = scene.installation.start();
        CountDownLatch takenOver = new CountDownLatch(1);
        TcpProxy.Sighting frozen = switch (where) {
            case BEFORE_ALTER -> scene.toTarget.before(APPLY, () -> freezeUntil(takenOver));
            case AFTER_ALTER -> scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> freezeUntil(takenOver));
            case BEFORE_PROMOTE ->
                scene.toStore.before(
                        message -> message.request()
                                && message.type() == 'B'
                                && message.sql().contains("update password_version")
                                && message.text().contains("CURRENT"),
                        () -> freezeUntil(takenOver));
        };

        CompletableFuture<Answer> call = subject.change(service);
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> frozen.times() == 1);
        subject.settles(other);
        takenOver.countDown();
        service.thaw();

        call.join();
        assertThat(subject.version(other)).isEqualTo(before + 1);
        for (int second = 0; second < 10; second++) {
            subject.assertSettled(other);
            subject.assertSettled(service);
            sleep(Duration.ofSeconds(1));
        }
    }

    private Fate freezeUntil(CountDownLatch latch) {
        service.freeze();
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return Fate.PASS;
    }
}
