package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import java.time.Duration;

/**
 * Something that must have been done against the store before the service is ready: migrate the schema, open the keys,
 * apply the bootstrap identity. {@code operations.Startup} runs all of them in order, and again after a failure, until
 * they have all succeeded; until then the process runs and is not ready.
 */
public interface StartupStep {

    /** Lower runs first: 100 schema, 200 sealing, 300 access, later ones from 400. */
    int order();

    /** A word for logs and the readiness answer, e.g. {@code schema}. */
    String name();

    /**
     * Does it, or finds it done; safe to repeat and safe to run in several replicas at once. Called on a duplicated
     * Vert.x context, so that {@code Panache.withTransaction} works; must not block.
     *
     * @return completes when done; fails with {@link NotReady} for a reason that an operator can read, with anything
     *     else for a fault (store down), which is shown by its kind only
     */
    Uni<Void> run();

    /** How long one run may take before it counts as failed and is tried again. */
    default Duration limit() {
        return Duration.ofSeconds(30);
    }

    /** Why the service cannot be ready, in one sentence without secrets. */
    class NotReady extends RuntimeException {
        private final String reason;

        public NotReady(String reason) {
            super(reason, null, false, false);
            this.reason = reason;
        }

        public String reason() {
            return reason;
        }
    }
}
