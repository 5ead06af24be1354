package io.rolewright.operations;

import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduled.ConcurrentExecution;
import io.quarkus.scheduler.Scheduled.SkipPredicate;
import io.quarkus.scheduler.ScheduledExecution;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.delivery.webhook.Courier;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.outbox.Outbox;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import org.jboss.logging.Logger;

/**
 * Clears away what has expired. Revoked tokens and failed logins look after themselves when others are written. Every
 * replica does it; the statements skip rows that another one holds.
 */
@ApplicationScoped
class Housekeeping {

    private static final Logger log = Logger.getLogger(Housekeeping.class);

    private final Idempotency idempotency;
    private final ManagedRoles roles;
    private final Outbox outbox;
    private final Courier courier;

    Housekeeping(Idempotency idempotency, ManagedRoles roles, Outbox outbox, Courier courier) {
        this.idempotency = idempotency;
        this.roles = roles;
        this.outbox = outbox;
        this.courier = courier;
    }

    @Scheduled(
            identity = "housekeeping",
            every = "10m",
            delayed = "1m",
            concurrentExecution = ConcurrentExecution.SKIP,
            skipExecutionIf = UntilReady.class)
    Uni<Void> clear() {
        return idempotency
                .purgeExpired()
                .invoke(gone -> log.debugf("Cleared away %d idempotency keys", gone))
                .chain(roles::purge)
                .invoke(gone -> log.debugf("Cleared away %d roles", gone))
                .chain(outbox::purge)
                .invoke(gone -> log.debugf("Cleared away %d facts", gone))
                .chain(courier::purge)
                .invoke(gone -> log.debugf("Cleared away %d deliveries", gone))
                .replaceWithVoid()
                .onFailure()
                .invoke(failure -> log.warnf("Housekeeping waits for its next turn: %s", StoreFault.describe(failure)))
                .onFailure()
                .recoverWithNull();
    }

    @ApplicationScoped
    static class UntilReady implements SkipPredicate {

        private final Startup startup;

        UntilReady(Startup startup) {
            this.startup = startup;
        }

        @Override
        public boolean test(ScheduledExecution execution) {
            return !startup.state().ready();
        }
    }
}
