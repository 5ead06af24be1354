package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * What is due on roles, found by one index: attempts to be tried again, leases of dead processes, managed connections' schedules,
 * deferred revokes, probes. Whoever has time calls; replicas share the work by the rows' locks.
 */
@ApplicationScoped
public class DueRoles {

    private static final Logger log = Logger.getLogger(DueRoles.class);

    private final Claims claims;
    private final Runs runs;
    private final Probe probe;
    private final Purge purge;
    private final Vertx vertx;

    DueRoles(Claims claims, Runs runs, Probe probe, Purge purge, Vertx vertx) {
        this.claims = claims;
        this.runs = runs;
        this.probe = probe;
        this.purge = purge;
        this.vertx = vertx;
    }

    /**
     * Claims what has been due longest. Every claim must be handed to {@link #carryOn} at once: its lease runs.
     *
     * @param limit 1 or more
     * @param connectionsToLeaveOut those that this process is busy with already, so that a target that does not answer holds up nothing
     *     but itself
     */
    public Uni<List<Claim>> claim(int limit, Set<UUID> connectionsToLeaveOut) {
        return claims.claimDue(limit, connectionsToLeaveOut);
    }

    /** Does what the claim is for: goes on with its attempt, begins the scheduled one, or probes and clears away what is old. Never fails. */
    public Uni<Void> carryOn(Claim claim, Deadline deadline) {
        return OwnContext.on(
                        vertx.getOrCreateContext(),
                        () -> claim.attempt == null
                                ? probe.look(claim, deadline).chain(() -> purge.versions(claim.role.id))
                                : runs.run(claim, false, deadline).replaceWithVoid())
                .onTermination()
                .invoke(() -> claims.letGo(claim))
                .onFailure()
                .invoke(failure -> StoreFault.warn(log, "Due work on role " + claim.role.id + " postponed", failure))
                .onFailure()
                .recoverWithNull();
    }

    /** Lets others go on with what dead processes have left, without waiting for their leases. @return how many roles are due by that */
    public Uni<Long> endLeases() {
        return claims.endLeases();
    }

    /** When the next role is due, in the past if one is overdue; empty when none ever is. */
    public Uni<Optional<Instant>> nextDue() {
        return Panache.withSession(() -> Panache.getSession()
                        .chain(session -> session.createSelectionQuery(
                                        "select min(r.dueAt) from ManagedRole r where r.deletedAt is null",
                                        Instant.class)
                                .getSingleResultOrNull()))
                .map(Optional::ofNullable);
    }

    /** How many roles are not as they should be. */
    public record Troubled(long inDoubt, long parked) {}

    public Uni<Troubled> troubled() {
        return Panache.withSession(() -> Panache.getSession()
                        .chain(session -> session.createSelectionQuery(
                                        "select r.state, count(*) from ManagedRole r where r.deletedAt is null"
                                                + " and r.state <> io.rolewright.credential.RoleState.OK group by r.state",
                                        Object[].class)
                                .getResultList()))
                .map(states -> {
                    long inDoubt = 0;
                    long parked = 0;
                    for (Object[] each : states) {
                        if (each[0] == RoleState.IN_DOUBT) {
                            inDoubt += (Long) each[1];
                        } else {
                            parked += (Long) each[1];
                        }
                    }
                    return new Troubled(inDoubt, parked);
                });
    }
}
