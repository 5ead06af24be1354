package io.rolewright.operations;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.rolewright.sealing.KeyCommands;
import io.rolewright.sealing.RootKeyConfig;
import io.rolewright.store.StartupStep.NotReady;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Has this process notice new data keys, and go on with key commands whose process has died. */
@ApplicationScoped
class KeyWatch {

    private static final Logger log = Logger.getLogger(KeyWatch.class);

    private static final Duration GOODBYE = Duration.ofSeconds(1);

    private final KeyCommands keys;
    private final Startup startup;
    private final RootKeyConfig config;
    private final Repeated repeated;

    /** What was said last: a root that is down for hours is not worth a line every few seconds. */
    private volatile @Nullable Fault said;

    /** Why a process that starts now would not be ready. @param reason a phrase of ours */
    record Fault(String reason, Instant since) {}

    KeyWatch(KeyCommands keys, Startup startup, RootKeyConfig config, Vertx vertx) {
        this.keys = keys;
        this.startup = startup;
        this.config = config;
        repeated = new Repeated(
                "The look at the keys", vertx, () -> startup.state().ready(), this::look);
    }

    void start(@Observes StartupEvent event) {
        repeated.start(Duration.ZERO, config.keyCheckInterval());
    }

    private Uni<Void> look() {
        return keys.watch()
                .invoke(() -> {
                    if (said != null) {
                        said = null;
                        log.info("The keys can be read again.");
                    }
                })
                .onFailure()
                .invoke(failure -> {
                    Fault before = said;
                    if (failure instanceof NotReady told
                            && (before == null || !told.reason().equals(before.reason))) {
                        said = new Fault(told.reason(), before == null ? Instant.now() : before.since);
                        log.warnf(
                                "Could not read the keys again, continuing with those in memory; a process that starts now would not"
                                        + " be ready: %s",
                                told.reason());
                    } else if (!(failure instanceof NotReady)) {
                        StoreFault.warn(log, "Could not read the keys again, continuing with those in memory", failure);
                    }
                })
                .onFailure()
                .recoverWithNull();
    }

    /** Empty while the keys can be read. */
    Optional<Fault> fault() {
        return Optional.ofNullable(said);
    }

    /** Best effort: whoever waits for this process does so for 30 seconds at most. */
    void stop(@Observes ShutdownEvent event) {
        repeated.stop(GOODBYE); // a look after the goodbye would say that this process is there
        if (startup.state().ready()) {
            try {
                keys.leave().await().atMost(GOODBYE);
            } catch (RuntimeException unreachable) {
                log.debug("The store was not told that this process ends", unreachable);
            }
        }
    }
}
