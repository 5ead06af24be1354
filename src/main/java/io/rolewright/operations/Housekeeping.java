package io.rolewright.operations;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.rolewright.access.RevokedTokens;
import io.rolewright.audit.Pruning;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.delivery.webhook.Courier;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.idempotency.UnansweredCreations;
import io.rolewright.outbox.Outbox;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import org.jboss.logging.Logger;

/**
 * Clears away what has expired. Failed logins look after themselves when others are written. Every
 * replica does it; the statements skip rows that another one holds.
 */
@ApplicationScoped
class Housekeeping {

    private static final Logger log = Logger.getLogger(Housekeeping.class);

    /** What has expired is refused or passed by all the same; it only takes up room until it is cleared away. */
    private static final Duration INTERVAL = Duration.ofMinutes(10);

    /** Not while the process has its hands full with starting. */
    private static final Duration FIRST = Duration.ofMinutes(1);

    private final Idempotency idempotency;
    private final UnansweredCreations creations;
    private final ManagedRoles roles;
    private final Outbox outbox;
    private final Courier courier;
    private final RevokedTokens revokedTokens;
    private final Pruning audit;
    private final StoreOrigin origin;
    private final Repeated repeated;

    Housekeeping(
            Idempotency idempotency,
            UnansweredCreations creations,
            ManagedRoles roles,
            Outbox outbox,
            Courier courier,
            RevokedTokens revokedTokens,
            Pruning audit,
            StoreOrigin origin,
            Startup startup,
            Vertx vertx) {
        this.idempotency = idempotency;
        this.creations = creations;
        this.roles = roles;
        this.outbox = outbox;
        this.courier = courier;
        this.revokedTokens = revokedTokens;
        this.audit = audit;
        this.origin = origin;
        repeated = new Repeated("Housekeeping", vertx, () -> startup.state().ready(), this::clear);
    }

    void start(@Observes StartupEvent event) {
        repeated.start(FIRST, INTERVAL);
    }

    void stop(@Observes ShutdownEvent event) {
        repeated.stop(Duration.ZERO); // what it has not deleted is found at the next turn, of whichever replica
    }

    Uni<Void> clear() {
        return idempotency
                .purgeExpired()
                .invoke(gone -> log.debugf("Cleared away %d idempotency keys", gone))
                .chain(creations::purgeExpired)
                .invoke(gone -> log.debugf("Cleared away %d creations that nobody asked for again", gone))
                .chain(roles::purge)
                .invoke(gone -> log.debugf("Cleared away %d roles", gone))
                .chain(outbox::purge)
                .invoke(gone -> log.debugf("Cleared away %d facts", gone))
                .chain(courier::purge)
                .invoke(gone -> log.debugf("Cleared away %d deliveries", gone))
                .chain(revokedTokens::purge)
                .invoke(gone -> log.debugf("Cleared away %d revocations", gone))
                .chain(this::pruneAudit)
                .replaceWithVoid()
                .onFailure()
                .invoke(failure -> StoreFault.warn(log, "Housekeeping postponed", failure))
                .onFailure()
                .recoverWithNull();
    }

    /** Not in a copy: it may have been restored to be looked at, for what is older than the original keeps. */
    private Uni<Long> pruneAudit() {
        return origin.standing().copy()
                ? Uni.createFrom().item(0L)
                : audit.byItself().invoke(gone -> {
                    if (gone > 0) {
                        log.infof("Audit rows deleted: %d", gone);
                    }
                });
    }
}
