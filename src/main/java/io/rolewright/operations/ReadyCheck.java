package io.rolewright.operations;

import io.rolewright.store.ReadsWithoutAudit;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreLook;
import io.rolewright.store.StoreOrigin;
import io.smallrye.health.api.AsyncHealthCheck;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;

/**
 * Ready means: every start-up step has succeeded, and the store answers now and takes writes (or reads go on without, by a setting).
 * Targets never count.
 *
 * <p>It has nothing to do with liveness: restarting the process mends no store.
 */
@Readiness
@ApplicationScoped
class ReadyCheck implements AsyncHealthCheck {

    private final Startup startup;
    private final StoreOrigin origin;
    private final StoreLook store;
    private final ReadsWithoutAudit reads;

    ReadyCheck(Startup startup, StoreOrigin origin, StoreLook store, ReadsWithoutAudit reads) {
        this.startup = startup;
        this.origin = origin;
        this.store = store;
        this.reads = reads;
    }

    @Override
    public Uni<HealthCheckResponse> call() {
        Startup.State state = startup.state();
        String step = state.step();
        if (step != null) {
            return Uni.createFrom().item(notReady(step, state.reason() == null ? "in progress" : state.reason()));
        }
        return store.look()
                .map(this::seen)
                .onFailure()
                .recoverWithItem(failure -> notReady("store", StoreFault.describe(failure)));
    }

    /**
     * A store that cannot write serves nothing, unless reads go on without audit. A copy answers what it is asked, so it is ready; so is who
     * has all sessions in use, since others would have no more of them: both say what they are.
     */
    private HealthCheckResponse seen(StoreLook.Seen seen) {
        String cannot = seen.canWrite()
                ? null
                : "store cannot write (" + (seen.readOnly() ? "it is read-only" : "no room left on its disk") + ")";
        if (cannot != null && !reads.allowed()) {
            return notReady("store", cannot);
        }
        StoreOrigin.Standing standing = origin.standing();
        HealthCheckResponseBuilder ready =
                HealthCheckResponse.named("rolewright").up();
        if (standing.copy()) {
            ready.withData("storeIsACopy", standing.sentence());
        }
        if (cannot != null) {
            ready.withData("store", cannot + "; credentials are served, with the audit in the log alone");
        } else if (seen.busy()) {
            ready.withData("store", "all sessions to the store are in use");
        }
        return ready.build();
    }

    private static HealthCheckResponse notReady(String step, String reason) {
        return HealthCheckResponse.named("rolewright")
                .down()
                .withData("step", step)
                .withData("reason", reason)
                .build();
    }
}
