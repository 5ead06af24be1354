package io.rolewright.operations;

import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;

/**
 * Ready means: every start-up step has succeeded, and the store answers now and takes writes. Targets never count.
 *
 * <p>It has nothing to do with liveness: restarting the process mends no store.
 */
@Readiness
@ApplicationScoped
class ReadyCheck implements AsyncHealthCheck {

    private static final Duration LIMIT = Duration.ofSeconds(1);

    private final Startup startup;
    private final StoreOrigin origin;
    private final Pool pool;

    ReadyCheck(Startup startup, StoreOrigin origin, Pool pool) {
        this.startup = startup;
        this.origin = origin;
        this.pool = pool;
    }

    @Override
    public Uni<HealthCheckResponse> call() {
        Startup.State state = startup.state();
        String step = state.step();
        if (step != null) {
            return Uni.createFrom().item(notReady(step, state.reason() == null ? "in progress" : state.reason()));
        }
        return pool.query("SELECT current_setting('transaction_read_only')")
                .execute()
                .map(rows -> rows.iterator().next().getString(0))
                .ifNoItem()
                .after(LIMIT)
                .fail()
                .map(readOnly ->
                        "off".equals(readOnly) ? ready(origin.standing()) : notReady("store", "store is read-only"))
                .onFailure()
                .recoverWithItem(failure -> notReady("store", StoreFault.describe(failure)));
    }

    /** A copy answers what it is asked, so it is ready; it says what it is. */
    private static HealthCheckResponse ready(StoreOrigin.Standing standing) {
        HealthCheckResponseBuilder ready =
                HealthCheckResponse.named("rolewright").up();
        return (standing.copy() ? ready.withData("storeIsACopy", standing.sentence()) : ready).build();
    }

    private static HealthCheckResponse notReady(String step, String reason) {
        return HealthCheckResponse.named("rolewright")
                .down()
                .withData("step", step)
                .withData("reason", reason)
                .build();
    }
}
