package io.rolewright.proof;

import io.rolewright.testing.ServiceProcess;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;

/** Something with a password that is changed while processes die: a managed connection, or a rotation. */
interface Subject {

    /** Asks for a new password and does not wait. Never fails; the answer may be anything, also none. */
    CompletableFuture<ServiceProcess.Answer> change(ServiceProcess service);

    /** A number that grows by one with each new password. */
    long version(ServiceProcess service);

    /** What must hold at any moment, also right after a crash. @throws AssertionError it does not */
    void assertUsable(ServiceProcess service);

    /**
     * What must hold when all that was left behind is settled: nothing is under way or in doubt, what the service serves opens the
     * role, and what it served before does so only where it may.
     *
     * @throws AssertionError it does not, or not yet
     */
    void assertSettled(ServiceProcess service);

    /** Waits until that holds, with a bound. */
    default void settles(ServiceProcess service) {
        Awaitility.await()
                .alias(toString())
                .atMost(Scene.BOUND)
                .pollInterval(Duration.ofMillis(100))
                .untilAsserted(() -> assertSettled(service));
    }
}
