package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.store.ProcessLock;
import io.rolewright.store.StoreOrigin;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Who works on a role: a lease of limited time and an epoch that only its holder knows. One store transaction each, under the role's row
 * lock. Objects that are handed out are detached copies.
 */
@ApplicationScoped
class Claims {

    private static final String DUE = """
            SELECT id FROM managed_role
             WHERE due_at <= statement_timestamp() AND deleted_at IS NULL
               AND (lease_until IS NULL OR lease_until <= clock_timestamp())
               AND (connection_id IS NULL OR connection_id <> ALL (CAST(string_to_array(:leaveOut, ',') AS uuid[])))
             ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED""";

    /** Most looks find nothing: those are one statement and no transaction. */
    private static final String ANY_DUE = """
            SELECT EXISTS (SELECT FROM managed_role
             WHERE due_at <= statement_timestamp() AND deleted_at IS NULL
               AND (lease_until IS NULL OR lease_until <= clock_timestamp())
               AND (connection_id IS NULL OR connection_id <> ALL ($1))) AS any""";

    /**
     * Ends leases before they lapse: of processes that died, of this one if it has given up the work meanwhile, and such as nobody can have
     * taken, since the clock of the store went back. Just after a start of the store nobody is called dead, for the living need a moment.
     */
    private static final String END_LEASES =
            """
            WITH ended AS (
                UPDATE managed_role SET lease_until = clock_timestamp(), due_at = clock_timestamp() WHERE id IN (
                    SELECT r.id FROM managed_role r
                     WHERE r.lease_until > clock_timestamp() AND r.deleted_at IS NULL
                       AND (r.lease_guard = r.lease_owner AND r.lease_owner <> $1 AND %s
                                AND pg_postmaster_start_time() < clock_timestamp() - INTERVAL '3 seconds'
                            OR r.lease_owner = $1 AND r.id <> ALL ($2)
                                AND r.lease_until < clock_timestamp() + $3 * INTERVAL '1 second'
                            OR r.lease_until > clock_timestamp() + $4 * INTERVAL '1 second')
                       FOR UPDATE SKIP LOCKED)
                RETURNING id)
            SELECT (SELECT count(*) FROM ended) AS ended, NOT %s AS lives""".formatted(ProcessLock.isDead("r.lease_owner"), ProcessLock.isDead("$1"));

    /** A claim of this process that is younger may have been taken while the roles in hand were counted. */
    private static final Duration JUST_TAKEN = Duration.ofSeconds(3);

    private final Pool pool;
    private final StoreOrigin origin;
    private final Ledger ledger;
    private final PasswordPolicies policies;
    private final ProcessLock process;
    private final CredentialConfig config;
    private final ScheduleConfig schedule;

    /** Roles that this process works on, with the epoch of its claim. */
    private final Map<UUID, Long> inHand = new ConcurrentHashMap<>();

    Claims(
            Pool pool,
            Ledger ledger,
            PasswordPolicies policies,
            ProcessLock process,
            CredentialConfig config,
            ScheduleConfig schedule,
            StoreOrigin origin) {
        this.pool = pool;
        this.ledger = ledger;
        this.policies = policies;
        this.process = process;
        this.config = config;
        this.schedule = schedule;
        this.origin = origin;
    }

    /** On which terms passwords of a credential are changed now; null item when it is gone. A store transaction of its own. */
    Uni<@Nullable Terms> terms(UUID credentialId) {
        return Panache.withSession(() -> CredentialStore.credential(credentialId))
                .map(this::terms);
    }

    private @Nullable Terms terms(@Nullable Credential found) {
        return found == null || found.released()
                ? null
                : new Terms(
                        found.credentialVersion == null ? 0 : found.credentialVersion,
                        found.takeover,
                        found.allowPrivileged,
                        policies.of(found),
                        found.driftPolicy);
    }

    /**
     * @param cause null to go on with what there is, or probe
     * @return null item when there is no such role; {@link LostClaim} when somebody works on it
     */
    Uni<@Nullable Claim> claim(UUID roleId, @Nullable Cause cause, Actor actor, boolean force) {
        return one(roleId, (role, taken) -> take(role, cause, actor, force, taken));
    }

    private Uni<@Nullable Claim> one(UUID roleId, BiFunction<ManagedRole, Map<UUID, Long>, Uni<Claim>> take) {
        return claiming(taken -> CredentialStore.lock(roleId).chain(role -> {
            origin.requireOriginal(); // whoever asks: without a claim nothing is sent
            if (role == null || role.deletedAt != null) {
                return Uni.createFrom().nullItem();
            }
            return role.isClaimed() ? Uni.createFrom().failure(new LostClaim()) : take.apply(role, taken);
        }));
    }

    /** Claims what is due, oldest first; roles that another replica claims at this moment are passed over. */
    Uni<List<Claim>> claimDue(int most, Set<UUID> connectionsToLeaveOut) {
        if (origin.standing().copy()) {
            return Uni.createFrom().item(List.of());
        }
        return pool.preparedQuery(ANY_DUE)
                .execute(Tuple.of(connectionsToLeaveOut.toArray(new UUID[0])))
                .chain(found -> found.iterator().next().getBoolean("any")
                        ? claimOldest(most, connectionsToLeaveOut)
                        : Uni.createFrom().item(List.of()));
    }

    private Uni<List<Claim>> claimOldest(int most, Set<UUID> connectionsToLeaveOut) {
        return claiming(taken -> Panache.getSession()
                .chain(session -> session.createNativeQuery(DUE, UUID.class)
                        .setParameter(
                                "leaveOut",
                                connectionsToLeaveOut.stream()
                                        .map(UUID::toString)
                                        .collect(Collectors.joining(",")))
                        .setParameter("most", most)
                        .getResultList())
                .chain(ids -> inTurn(
                        ids,
                        id -> CredentialStore.lock(id)
                                .chain(role -> take(
                                        role,
                                        role.changeAt != null && !role.changeAt.isAfter(role.storeNow)
                                                ? Cause.SCHEDULE
                                                : null,
                                        Actor.SERVICE,
                                        false,
                                        taken)))));
    }

    /** @param claim in a store transaction; what it says to have taken is in hand unless that fails */
    private <T> Uni<T> claiming(Function<Map<UUID, Long>, Uni<T>> claim) {
        Map<UUID, Long> taken = new HashMap<>();
        return Panache.withTransaction(() -> claim.apply(taken))
                .onFailure()
                .invoke(() -> taken.forEach(inHand::remove));
    }

    /** To be called when nothing more is done by a claim, whatever came of it: what it has left is free for others. */
    void letGo(Claim claim) {
        inHand.remove(claim.role.id, claim.taken);
    }

    /** Lets others go on with what dead processes have left, without waiting for their leases. @return how many roles are due by that */
    Uni<Long> endLeases() {
        double lease = config.lease().toMillis() / 1000.0;
        return pool.preparedQuery(END_LEASES)
                .execute(Tuple.of(
                        process.self(),
                        inHand.keySet().toArray(new UUID[0]),
                        lease - JUST_TAKEN.toSeconds(),
                        2 * lease + 60))
                .map(rows -> rows.iterator().next())
                .invoke(row -> {
                    if (!row.getBoolean("lives")) {
                        process.missed();
                    }
                })
                .map(row -> row.getLong("ended"));
    }

    /**
     * The one way to a claim, of a row that is locked and that nobody works on.
     *
     * @param cause null to go on with what there is, or probe
     */
    private Uni<Claim> take(
            ManagedRole role, @Nullable Cause cause, Actor actor, boolean force, Map<UUID, Long> taken) {
        role.epoch++;
        role.leaseOwner = process.self();
        role.leaseGuard = process.held();
        role.leaseUntil = role.storeNow.plus(config.lease());
        role.dueAt = role.leaseUntil;
        inHand.put(role.id, role.epoch);
        taken.put(role.id, role.epoch);
        boolean asked = !actor.equals(Actor.SERVICE);
        return CredentialStore.openAttempt(role.id).chain(open -> {
            if (open != null) {
                Instant planned = asked ? open.nextTryAt : null;
                open.asked += asked ? 1 : 0;
                open.state = AttemptState.CLAIMED;
                open.step = Step.CLAIM;
                open.tries++;
                open.nextTryAt = null;
                if (cause == Cause.REVOKE) {
                    open.cause = cause;
                    role.state = RoleState.REVOKING;
                }
                return Uni.createFrom().item(new Claim(role, open, true, asked, planned, null));
            }
            if (cause == null) {
                return Uni.createFrom().item(new Claim(role, null, false));
            }
            if (cause == Cause.REVOKE) {
                role.state = RoleState.REVOKING;
            }
            return admitted(role, cause, force)
                    .chain(terms -> Ledger.begin(role, cause, actor)
                            .map(attempt -> new Claim(role, attempt, false, asked, null, terms)));
        });
    }

    /**
     * Claims a role for a password that a human sent and that opens it: what was unfinished is rejected for it, and kept, as the role may
     * have been given it by a late statement.
     *
     * @return null item when there is no such role; {@link LostClaim} when somebody works on it
     */
    Uni<@Nullable Claim> adopting(UUID roleId, Actor actor, VersionSeal.Opened opened) {
        return one(
                roleId,
                (role, taken) -> CredentialStore.unfinishedVersion(roleId)
                        .invoke(unfinished -> {
                            if (unfinished != null) {
                                unfinished.move(VersionState.REJECTED, role.storeNow);
                            }
                        })
                        .chain(() -> Panache.getSession())
                        .chain(session -> session.flush())
                        .chain(() -> take(role, Cause.ADOPTED, actor, false, taken))
                        .chain(claim -> ledger.insert(role, Cause.ADOPTED, VersionState.PENDING, opened)
                                .map(version -> {
                                    claim.attempt.cause = Cause.ADOPTED;
                                    claim.attempt.versionId = version.id;
                                    return claim;
                                })));
    }

    private Uni<@Nullable Terms> admitted(ManagedRole role, Cause cause, boolean force) {
        return cause == Cause.REVOKE
                ? Uni.createFrom().nullItem()
                : CredentialStore.lockCredential(role.ownerId)
                        .invoke(credential -> {
                            if (credential != null) {
                                credential.admit(role.id, cause, force, role.storeNow, schedule.minimumOverlap());
                            }
                        })
                        .map(this::terms);
    }

    /**
     * Ends a claim as if it had not been made, before anything was done with it: a new attempt is forgotten, and one that waited waits on
     * until it was to be tried anyway. Only the epoch stays as high as it is.
     */
    Uni<Void> giveBack(Claim claim, long epoch) {
        return ledger.locked(claim, epoch, role -> {
            ledger.free(role);
            if (!claim.continued) {
                return Panache.getSession()
                        .chain(session -> session.createMutationQuery("delete from Attempt a where a.id = ?1")
                                .setParameter(1, claim.attempt.id)
                                .executeUpdate())
                        .replaceWithVoid();
            }
            return Ledger.attempt(claim)
                    .invoke(attempt -> {
                        role.dueAt = claim.planned == null ? role.storeNow : claim.planned;
                        attempt.state = AttemptState.PARKED;
                        attempt.nextTryAt = role.dueAt;
                        attempt.tries--;
                        attempt.asked -= claim.asked ? 1 : 0;
                    })
                    .replaceWithVoid();
        });
    }

    /** One store session does one thing at a time. */
    private static <S, T> Uni<List<T>> inTurn(List<S> sources, Function<S, Uni<T>> work) {
        Uni<List<T>> all = Uni.createFrom().item(ArrayList::new);
        for (S source : sources) {
            all = all.chain(before -> work.apply(source).map(one -> {
                before.add(one);
                return before;
            }));
        }
        return all;
    }
}
