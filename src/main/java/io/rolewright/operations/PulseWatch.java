package io.rolewright.operations;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.rolewright.credential.Adoption;
import io.rolewright.credential.ServedLooks;
import io.rolewright.store.StorePulse;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;

/**
 * Writes down that the store is worked with, has what it serves tried when it is in doubt, and has all roles looked at after an adoption.
 */
@ApplicationScoped
class PulseWatch {

    private static final Duration GOODBYE = Duration.ofSeconds(1);
    private static final Duration LOOKS = Duration.ofSeconds(5);
    private static final Duration PASSES = Duration.ofSeconds(2);

    private final Repeated pulse;
    private final Repeated looks;
    private final Repeated adoption;

    PulseWatch(StorePulse pulse, ServedLooks looks, Adoption adoption, Startup startup, Vertx vertx) {
        this.pulse = new Repeated(
                "The pulse of the store",
                vertx,
                () -> startup.state().ready(),
                () -> pulse.beat().replaceWithVoid());
        this.looks = new Repeated(
                "The look at what is served",
                vertx,
                () -> startup.state().ready(),
                () -> looks.pass().replaceWithVoid());
        this.adoption =
                new Repeated("The adoption", vertx, () -> startup.state().ready(), adoption::pass);
    }

    void start(@Observes StartupEvent event) {
        pulse.start(StorePulse.INTERVAL, StorePulse.INTERVAL);
        looks.start(Duration.ofMillis(100), LOOKS);
        adoption.start(PASSES, PASSES);
    }

    void stop(@Observes ShutdownEvent event) {
        adoption.stop(GOODBYE);
        looks.stop(GOODBYE);
        pulse.stop(GOODBYE);
    }
}
