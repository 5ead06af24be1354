package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.request.RequestContext;
import io.rolewright.store.StoreOrigin;
import io.rolewright.store.StorePulse;
import io.rolewright.target.RoleLook;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import io.vertx.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Every move of a role, its versions and its attempts: one store transaction each, under the role's row lock, and only as long as the
 * epoch is the claim's. Objects that are handed out are detached copies.
 */
@ApplicationScoped
class Ledger {

    private static final String NOTHING_TO_PROBE = "nothing_to_probe";

    /** What was served makes room for what is proven: only one is CURRENT at any moment, within a transaction too. */
    private static final String REPLACE_CURRENT = """
            UPDATE password_version
               SET ended_at = CASE state WHEN 'CURRENT' THEN CAST(?2 AS timestamptz) ELSE ended_at END,
                   state = CASE state WHEN 'CURRENT' THEN 'PREVIOUS' ELSE 'RETIRED' END
             WHERE role_id = ?1 AND state IN ('CURRENT', 'PREVIOUS')""";

    /** What waits for a try of its own, or is in hand, keeps its time. */
    private static final String LOOK_AT_SERVER = """
            UPDATE managed_role SET due_at = statement_timestamp() WHERE id IN (
                SELECT r.id FROM managed_role r
                 WHERE (r.connection_id = $2 OR r.server = $3) AND r.id <> $1 AND r.deleted_at IS NULL
                   AND r.due_at > statement_timestamp() AND r.lease_until IS NULL
                   AND coalesce(r.probed_at, r.created_at) < statement_timestamp() - INTERVAL '30 seconds'
                   FOR UPDATE SKIP LOCKED)""";

    private final Pool pool;
    private final StoreOrigin origin;
    private final VersionSeal seal;
    private final Consequences consequences;
    private final CredentialConfig config;
    private final StorePulse pulse;

    Ledger(
            Pool pool,
            VersionSeal seal,
            Consequences consequences,
            CredentialConfig config,
            StoreOrigin origin,
            StorePulse pulse) {
        this.pool = pool;
        this.origin = origin;
        this.pulse = pulse;
        this.seal = seal;
        this.consequences = consequences;
        this.config = config;
    }

    /** The role was registered in the running transaction, and has this password, which its server has just proven to know. */
    Uni<Void> adopted(ManagedRole role, ManagedRoles.Adopted proven) {
        return insert(role, Cause.ADOPTED, VersionState.CURRENT, proven.opened)
                .invoke(version -> {
                    version.appliedAt = role.storeNow; // so that it is never shown to a server in any other form
                    if (proven.identity != null) {
                        role.learn(proven.identity);
                    }
                    role.saw(proven.server);
                    settled(role, null);
                })
                .replaceWithVoid();
    }

    Uni<Void> tellAdopted(ManagedRole role) {
        return consequences.adopted(role);
    }

    static Uni<Attempt> begin(ManagedRole role, Cause cause, Actor actor) {
        Attempt attempt = new Attempt();
        attempt.id = UUID.randomUUID();
        attempt.roleId = role.id;
        attempt.ownerId = role.ownerId;
        attempt.epoch = role.epoch;
        attempt.cause = cause;
        attempt.state = AttemptState.CLAIMED;
        attempt.step = Step.CLAIM;
        attempt.actorId = actor.id();
        attempt.actorName = actor.name();
        attempt.requestId = actor.requestId() == null ? RequestContext.ofDueWork() : actor.requestId();
        attempt.tries = 1;
        attempt.asked = actor.equals(Actor.SERVICE) ? 0 : 1;
        attempt.startedAt = role.storeNow;
        return Panache.getSession()
                .chain(session -> session.persist(attempt).chain(session::flush))
                .replaceWith(attempt);
    }

    /** Begins an attempt to apply the current version again, within a claim that was made to probe. */
    Uni<Claim> reapply(Claim claim, Cause cause, PasswordVersion current) {
        return locked(
                claim,
                claim.role.epoch,
                role -> begin(role, cause, Actor.SERVICE).map(attempt -> {
                    attempt.versionId = current.id;
                    attempt.state = AttemptState.SENT;
                    return new Claim(role, attempt, false);
                }));
    }

    /** @return the new epoch, above {@code atLeast}; what carries an older one is refused from now on */
    Uni<Long> raise(Claim claim, long epoch, long atLeast, long versions) {
        return locked(claim, epoch, role -> {
            role.epoch = Math.max(role.epoch, atLeast) + 1;
            role.versionFloor = Math.max(role.versionFloor, versions);
            claim.role.versionFloor = role.versionFloor;
            return attempt(claim).map(attempt -> attempt.epoch = role.epoch);
        });
    }

    /**
     * Writes down that a marker with this epoch is sent, and no password.
     *
     * @param removed whether the role had a marker of ours, which somebody has removed
     * @param replaced the marker of another owner in whose place it comes by leave of ours; null for none
     * @return the epoch for what follows
     */
    Uni<Long> marking(Claim claim, long epoch, boolean removed, @Nullable String replaced) {
        return locked(
                        claim,
                        epoch,
                        role -> (removed ? forgets(role) : Uni.createFrom().voidItem())
                                .invoke(() -> claim.role.versionFloor = role.versionFloor)
                                .chain(() -> marks(role, removed, replaced)))
                .invoke(next -> {
                    claim.role.fenceEpoch = epoch;
                });
    }

    /** Without its marker the role does not say any more which version consumers have seen. */
    private Uni<Void> forgets(ManagedRole role) {
        return CredentialStore.hold(role.ownerId)
                .invoke(credential -> {
                    if (credential != null) {
                        role.versionFloor = Math.max(
                                role.versionFloor, credential.versionFloor(pulse.suspicion(), role.refusedSince));
                    }
                })
                .replaceWithVoid();
    }

    private Uni<Long> marks(ManagedRole role, boolean removed, @Nullable String replaced) {
        role.fenceEpoch = role.epoch;
        role.epoch++;
        Uni<Void> told = Uni.createFrom().voidItem();
        if (removed) {
            told = told.chain(() -> consequences.noticed(role, "marker_removed"));
        }
        if (replaced != null) {
            told = told.chain(() -> consequences.takesOver(role, replaced));
        }
        return told.replaceWith(role.epoch);
    }

    /**
     * The same outside of any claim.
     *
     * @param again whether the role has had a marker of ours
     * @param identity of the role that gets it, which is the one that is managed from now on
     * @return its epoch; null item if the role has got one meanwhile, or somebody works on it and marks it himself
     */
    Uni<@Nullable Long> marking(UUID roleId, boolean again, @Nullable String replaced, RoleIdentity identity) {
        return Panache.withTransaction(() -> CredentialStore.lock(roleId).chain(role -> {
            origin.requireOriginal();
            if (role == null || role.deletedAt != null || again != role.fenceEpoch > 0 || role.isClaimed()) {
                return Uni.createFrom().nullItem();
            }
            role.epoch++;
            role.learn(identity);
            long epoch = role.epoch;
            return marks(role, false, replaced).replaceWith(epoch);
        }));
    }

    /** Writes down that a password is sent under this epoch which is written down already. */
    Uni<Void> sending(Claim claim, long epoch, TargetReport.@Nullable Server server) {
        return locked(claim, epoch, role -> {
                    role.saw(server);
                    role.fenceEpoch = epoch;
                    return attempt(claim).invoke(attempt -> attempt.epoch = epoch);
                })
                .replaceWithVoid();
    }

    /** The epoch of the marker that the server had when the last change was proven; 0 where there was none. */
    Uni<Long> appliedEpoch(UUID roleId) {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "select max(a.epoch) from Attempt a where a.roleId = ?1 and a.versionId is not null"
                                        + " and a.state = io.rolewright.credential.AttemptState.DONE",
                                Long.class)
                        .setParameter(1, roleId)
                        .getSingleResultOrNull())
                .map(epoch -> epoch == null ? 0 : epoch));
    }

    /**
     * Has all roles looked at that are on the server of this one, since something is wrong with it. Those that were looked at a moment ago
     * are left alone, so that signs that come together cost one look.
     */
    Uni<Void> lookAtServerOf(ManagedRole role) {
        return pool.preparedQuery(LOOK_AT_SERVER)
                .execute(Tuple.of(role.id, role.connectionId, Buffer.buffer(role.server)))
                .replaceWithVoid();
    }

    /** Whether a marker of ours with this epoch may be on the role's server because this very store has sent it. */
    Uni<Boolean> knows(ManagedRole role, long epoch) {
        return epoch <= role.fenceEpoch
                ? Uni.createFrom().item(true)
                : Panache.withSession(() -> Panache.getSession()
                        .chain(session -> session.createSelectionQuery(
                                        "select max(a.epoch) from Attempt a where a.roleId = ?1 and a.versionId is not null",
                                        Long.class)
                                .setParameter(1, role.id)
                                .getSingleResultOrNull())
                        .map(sent -> sent != null && epoch <= sent));
    }

    /** The same after a send without an answer, which is written down with it. @param version null when CURRENT is applied again */
    Uni<Long> doubt(Claim claim, long epoch, @Nullable PasswordVersion version) {
        return locked(claim, epoch, role -> {
            role.epoch++;
            role.fenceEpoch = role.epoch;
            role.state = claim.role.state == RoleState.REVOKING ? RoleState.REVOKING : RoleState.IN_DOUBT;
            role.reason = "answer_missing";
            return doubted(version, role.storeNow)
                    .chain(() -> attempt(claim))
                    .map(attempt -> attempt.epoch = role.epoch);
        });
    }

    /** The role's comment cannot carry our marker, or can again. */
    Uni<Void> marked(Claim claim, long epoch, boolean marked) {
        return locked(claim, epoch, role -> {
            role.marked = marked;
            return Uni.createFrom().voidItem();
        });
    }

    // ---- Versions -------------------------------------------------------------------------------------------------

    /** All versions of a role that still hold a password, newest first. */
    Uni<List<PasswordVersion>> versions(UUID roleId) {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "from PasswordVersion v where v.roleId = ?1 order by v.number desc",
                                PasswordVersion.class)
                        .setParameter(1, roleId)
                        .getResultList()));
    }

    /**
     * Writes a new password down before any byte of it is sent.
     *
     * @param number of the new version: above all that the role has, which nobody gives it any while the claim lasts
     */
    Uni<PasswordVersion> persist(
            Claim claim, long epoch, long number, VersionSeal.Opened opened, TargetReport.@Nullable Server server) {
        return locked(claim, epoch, role -> {
            role.saw(server);
            role.fenceEpoch = epoch;
            return insert(role, number, claim.attempt.cause, VersionState.PENDING, opened)
                    .call(version -> sent(claim, epoch, version));
        });
    }

    /** Whose attempt is not there any more has lost his claim with it. */
    private static Uni<Void> sent(Claim claim, long epoch, PasswordVersion version) {
        return Panache.getSession()
                .chain(session -> session.createMutationQuery("update Attempt a set a.epoch = ?2, a.versionId = ?3,"
                                + " a.state = io.rolewright.credential.AttemptState.SENT,"
                                + " a.step = io.rolewright.credential.Step.APPLY where a.id = ?1")
                        .setParameter(1, claim.attempt.id)
                        .setParameter(2, epoch)
                        .setParameter(3, version.id)
                        .executeUpdate())
                .chain(written -> written == 1
                        ? Uni.createFrom().voidItem()
                        : Uni.createFrom().failure(new LostClaim()));
    }

    Uni<PasswordVersion> insert(ManagedRole role, Cause cause, VersionState state, VersionSeal.Opened opened) {
        return Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "from PasswordVersion v where v.roleId = ?1 order by v.number desc",
                                PasswordVersion.class)
                        .setParameter(1, role.id)
                        .setMaxResults(1)
                        .getSingleResultOrNull())
                .chain(last -> insert(role, lastNumber(role, last) + 1, cause, state, opened));
    }

    private Uni<PasswordVersion> insert(
            ManagedRole role, long number, Cause cause, VersionState state, VersionSeal.Opened opened) {
        PasswordVersion version = new PasswordVersion();
        version.id = UUID.randomUUID();
        version.roleId = role.id;
        version.number = number;
        version.state = state;
        version.cause = cause;
        version.sealed = seal.seal(version.id, version.number, role.id, role.roleName, opened);
        version.createdAt = role.storeNow;
        version.currentAt = state == VersionState.CURRENT ? role.storeNow : null;
        return Panache.getSession()
                .chain(session -> session.persist(version).chain(session::flush))
                .replaceWith(version);
    }

    /**
     * Whether the store may have forgotten newer passwords of the role than these: a role without a marker does not tell.
     *
     * @param versions that are kept; else none since the role was registered
     */
    boolean mayHaveForgotten(ManagedRole role, List<PasswordVersion> versions) {
        Instant since = versions.stream()
                .map(version -> version.createdAt)
                .max(Comparator.naturalOrder())
                .orElse(role.createdAt);
        return LostVersions.mayBe(since, pulse.suspicion(), role.refusedSince);
    }

    /**
     * Above which the next one is. Only of a role that changes itself it is what consumers see.
     *
     * @param last of the versions that are kept; null for none
     */
    long lastNumber(ManagedRole role, @Nullable PasswordVersion last) {
        if (last == null) {
            return 0;
        }
        return role.self
                ? LostVersions.above(last.number, last.createdAt, pulse.suspicion(), role.refusedSince)
                : last.number;
    }

    private static Uni<Void> doubted(@Nullable PasswordVersion detached, Instant now) {
        if (detached == null) {
            return Uni.createFrom().voidItem();
        }
        return version(detached.id)
                .invoke(version -> {
                    if (version.state == VersionState.PENDING) {
                        version.move(VersionState.IN_DOUBT, now);
                    }
                })
                .replaceWithVoid();
    }

    // ---- Endings --------------------------------------------------------------------------------------------------

    /**
     * The proven version becomes current; safe to repeat when the answer to COMMIT was lost.
     *
     * @param refusal why the server, which had accepted the password, let the role in all the same not; absent when it did
     * @param identity of the role that has the password
     * @param validUntil when the server lets it in no more, whatever its password is; null for never
     */
    Uni<ChangeOutcome.Done> promote(
            Claim claim,
            long epoch,
            PasswordVersion proven,
            @Nullable Stop refusal,
            RoleIdentity identity,
            @Nullable Instant validUntil) {
        AtomicBoolean endsBefore = new AtomicBoolean();
        return promoted(claim, epoch, proven, refusal, identity, validUntil, endsBefore)
                .invoke(() -> {
                    if (endsBefore.get() && validUntil != null) {
                        Failures.ends(claim.role.ownerKind, claim.role.ownerId, claim.role.roleName, validUntil);
                    }
                });
    }

    /** @param endsBefore is set if that is news, and before the next change that is planned */
    private Uni<ChangeOutcome.Done> promoted(
            Claim claim,
            long epoch,
            PasswordVersion proven,
            @Nullable Stop refusal,
            RoleIdentity identity,
            @Nullable Instant validUntil,
            AtomicBoolean endsBefore) {
        return locked(
                claim,
                epoch,
                role -> (role.learn(identity)
                                ? consequences.recognised(role)
                                : Uni.createFrom().voidItem())
                        .chain(() -> Uni.combine()
                                .all()
                                .unis(version(proven.id), attempt(claim))
                                .usingConcurrencyOf(1)
                                .asTuple()
                                .chain(rows -> {
                                    PasswordVersion version = rows.getItem1();
                                    Attempt attempt = rows.getItem2();
                                    ChangeOutcome.Done done =
                                            new ChangeOutcome.Done(attempt.id, version.id, version.number);
                                    boolean news = !Objects.equals(role.validUntil, validUntil);
                                    role.validUntil = validUntil;
                                    if (version.state == VersionState.CURRENT) {
                                        return finishReapplied(role, attempt, refusal)
                                                .replaceWith(done);
                                    }
                                    return replaceCurrent(role)
                                            .chain(() -> {
                                                version.move(VersionState.CURRENT, role.storeNow);
                                                done(attempt, role, refusal);
                                                return consequences.promoted(role, attempt, version);
                                            })
                                            .invoke(next -> {
                                                role.changeAt = role.self ? next : null;
                                                settled(role, refusal);
                                                endsBefore.set(news
                                                        && attempt.cause != Cause.REVOKE
                                                        && validUntil != null
                                                        && next != null
                                                        && validUntil.isBefore(next));
                                            })
                                            .chain(() -> attempt.cause == Cause.REVOKE
                                                    ? CredentialStore.giveUp(role)
                                                    : endsBefore.get()
                                                            ? consequences.ends(role)
                                                            : Uni.createFrom().voidItem())
                                            .replaceWith(done);
                                })));
    }

    private Uni<Void> finishReapplied(ManagedRole role, Attempt attempt, @Nullable Stop refusal) {
        if (attempt.state == AttemptState.DONE) { // our own COMMIT, whose answer was lost
            return Uni.createFrom().voidItem();
        }
        done(attempt, role, refusal);
        settled(role, refusal);
        return consequences.noticed(role, attempt.cause.wireName());
    }

    private static void done(Attempt attempt, ManagedRole role, @Nullable Stop refusal) {
        attempt.state = AttemptState.DONE;
        attempt.step = Step.PROMOTE;
        attempt.reason = refusal == null ? null : refusal.reason();
        attempt.sqlState = refusal == null ? null : refusal.sqlState();
        attempt.message = refusal == null ? null : refusal.message();
        attempt.nextTryAt = null;
        attempt.finishedAt = role.storeNow;
    }

    /** PREVIOUS becomes RETIRED and CURRENT becomes PREVIOUS, before another can become CURRENT. */
    private static Uni<Void> replaceCurrent(ManagedRole role) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(REPLACE_CURRENT)
                        .setParameter(1, role.id)
                        .setParameter(2, role.storeNow)
                        .executeUpdate())
                .replaceWithVoid();
    }

    /** All is well: the lease ends, and the role is looked at again when it is to be changed or probed. */
    private void settled(ManagedRole role, @Nullable Stop refusal) {
        role.state = RoleState.OK;
        role.reason = refusal == null ? null : refusal.reason();
        role.probedAt = role.storeNow;
        role.verifiedAt = role.storeNow;
        role.probeResult = "ok";
        free(role);
    }

    void free(ManagedRole role) {
        role.leaseOwner = null;
        role.leaseGuard = null;
        role.leaseUntil = null;
        Duration interval = role.lookMinutes == null ? config.probeInterval() : Duration.ofMinutes(role.lookMinutes);
        Instant probe = role.storeNow.plus(interval.minus(interval.dividedBy(10)
                .multipliedBy((long) (ThreadLocalRandom.current().nextDouble() * 1000))
                .dividedBy(1000)));
        role.dueAt = Stream.of(probe, role.changeAt == null ? probe : role.changeAt)
                .min(Comparator.naturalOrder())
                .orElse(probe);
    }

    /**
     * Ends a run that did not come to its end: the attempt fails if nothing can be in doubt and nobody is served by trying again;
     * else it is parked.
     */
    Uni<ChangeOutcome> stop(
            Claim claim, long epoch, @Nullable PasswordVersion unfinished, Protocol.Reached reached, Stop stop) {
        return locked(
                        claim,
                        epoch,
                        role -> attempt(claim).chain(attempt -> {
                            Protocol.Ending ending = Protocol.ending(unfinished != null, reached, stop, attempt.cause);
                            return lastReason(attempt).chain(last -> {
                                boolean news = !stop.reason().equals(last);
                                return (ending == Protocol.Ending.PARKED
                                                ? park(claim, role, attempt, unfinished, reached, stop)
                                                : fail(role, attempt, unfinished, stop))
                                        .map(ended -> new Told(ended, news));
                            });
                        }))
                .invoke(told -> Failures.log(claim, stop, told.ended, told.news))
                .map(told -> told.ended.outcome());
    }

    private record Told(Failures.Ended ended, boolean news) {}

    /**
     * Why this attempt waited last; of one that has not waited yet, why the one before it came to nothing. Null after a success. What
     * somebody asked for and had the answer to was not told ({@link Failures#log}), so it makes nothing old.
     */
    private static Uni<@Nullable String> lastReason(Attempt attempt) {
        return attempt.reason != null
                ? Uni.createFrom().item(attempt.reason)
                : Panache.getSession()
                        .chain(session -> session.createSelectionQuery(
                                        "from Attempt a where a.roleId = ?1 and a.id <> ?2"
                                                + " and not (a.state = ?3 and a.asked >= a.tries) order by a.startedAt desc",
                                        Attempt.class)
                                .setParameter(1, attempt.roleId)
                                .setParameter(2, attempt.id)
                                .setParameter(3, AttemptState.FAILED)
                                .setMaxResults(1)
                                .getResultList())
                        .map(before -> before.isEmpty() ? null : before.get(0).reason);
    }

    private Uni<Failures.Ended> fail(ManagedRole role, Attempt attempt, @Nullable PasswordVersion detached, Stop stop) {
        Uni<Void> rejected = detached == null
                ? Uni.createFrom().voidItem()
                : version(detached.id)
                        .invoke(version -> {
                            version.move(VersionState.REJECTED, role.storeNow);
                        })
                        .replaceWithVoid();
        return rejected.chain(() -> {
                    tell(attempt, stop, AttemptState.FAILED);
                    attempt.finishedAt = role.storeNow;
                    attempt.nextTryAt = null;
                    if (!Stop.THIRD_PARTY.equals(role.reason)) {
                        role.state = RoleState.OK;
                        role.reason = null;
                    }
                    return consequences.stopped(role, attempt, true, false, stop);
                })
                .map(again -> {
                    if (role.self && again != null) {
                        role.changeAt = again;
                    } else if (attempt.cause == Cause.SCHEDULE && role.changeAt != null) {
                        role.changeAt = role.storeNow.plus(Plan.pause(1)); // begun by the role alone
                    }
                    free(role);
                    return new Failures.Ended(
                            new ChangeOutcome.Failed(
                                    attempt.id, stop.reason(), stop.sqlState(), stop.message(), stop.obstacles()),
                            again == null ? role.changeAt : again);
                });
    }

    private Uni<Failures.Ended> park(
            Claim claim,
            ManagedRole role,
            Attempt attempt,
            @Nullable PasswordVersion detached,
            Protocol.Reached reached,
            Stop stop) {
        Instant waited = role.storeNow.plus(BackOff.pause(
                stop.definite() ? config.firstRetry().multipliedBy(9) : config.firstRetry(),
                config.longestRetry(),
                Math.max(1, attempt.tries - attempt.asked),
                ThreadLocalRandom.current().nextDouble()));
        Instant next = claim.planned != null && claim.planned.isBefore(waited) ? claim.planned : waited;
        boolean inDoubt = reached == Protocol.Reached.DOUBT;
        boolean news = !stop.reason().equals(attempt.reason);
        Uni<Void> moved = detached == null
                ? Uni.createFrom().voidItem()
                : version(detached.id)
                        .invoke(version -> {
                            if (reached == Protocol.Reached.APPLIED) {
                                version.move(VersionState.APPLIED, role.storeNow);
                            } else if (inDoubt && version.state == VersionState.PENDING) {
                                version.move(VersionState.IN_DOUBT, role.storeNow);
                            }
                        })
                        .replaceWithVoid();
        return moved.chain(() -> {
                    tell(attempt, stop, AttemptState.PARKED);
                    attempt.nextTryAt = next;
                    role.state = attempt.cause == Cause.REVOKE
                            ? RoleState.REVOKING
                            : inDoubt ? RoleState.IN_DOUBT : RoleState.PARKED;
                    role.reason = stop.reason();
                    role.leaseOwner = null;
                    role.leaseGuard = null;
                    role.leaseUntil = null;
                    role.dueAt = next;
                    return news
                            ? consequences
                                    .stopped(role, attempt, false, inDoubt, stop)
                                    .replaceWithVoid()
                            : Uni.createFrom().voidItem();
                })
                .map(ignored -> new Failures.Ended(
                        inDoubt
                                ? new ChangeOutcome.InDoubt(attempt.id, stop.reason(), stop.message(), next)
                                : new ChangeOutcome.Parked(
                                        attempt.id,
                                        stop.reason(),
                                        stop.sqlState(),
                                        stop.message(),
                                        next,
                                        stop.obstacles()),
                        next));
    }

    private static void tell(Attempt attempt, Stop stop, AttemptState state) {
        attempt.state = state;
        attempt.step = stop.step();
        attempt.reason = stop.reason();
        attempt.sqlState = stop.sqlState();
        attempt.message = stop.message();
    }

    /**
     * A probe has proven the password.
     *
     * @param refusal why the server lets the role in all the same not; absent when it does
     * @param look what it has shown of the role
     */
    Uni<Void> proven(Claim claim, @Nullable Stop refusal, RoleLook look) {
        String reason = refusal == null ? null : refusal.reason();
        AtomicBoolean endsBefore = new AtomicBoolean();
        return locked(claim, claim.role.epoch, role -> {
                    boolean news = role.state != RoleState.OK;
                    boolean another = news || !Objects.equals(role.reason, reason);
                    settled(role, refusal);
                    role.probeResult = reason == null ? "ok" : reason;
                    return (news
                                    ? consequences.noticed(role, Consequences.WELL)
                                    : Uni.createFrom().voidItem())
                            .chain(() -> ends(role, look))
                            .invoke(endsBefore::set)
                            .replaceWith(another);
                })
                .invoke(another -> {
                    if (endsBefore.get() && look.validUntil() != null) {
                        Failures.ends(claim.role.ownerKind, claim.role.ownerId, claim.role.roleName, look.validUntil());
                    }
                    if (another && reason != null) {
                        Failures.found(claim.role, "is right, and its server gives no session", reason);
                    } else if (another) {
                        Failures.well(claim.role);
                    }
                })
                .replaceWithVoid();
    }

    /** @return whether it is news that the server lets the role in no more before its next change; that is told then */
    private Uni<Boolean> ends(ManagedRole role, RoleLook look) {
        if (!look.told() || Objects.equals(role.validUntil, look.validUntil())) {
            return Uni.createFrom().item(false);
        }
        role.validUntil = look.validUntil();
        return look.validUntil() == null ? Uni.createFrom().item(false) : consequences.endsBefore(role);
    }

    /** A probe has found that the password does not open the role. */
    Uni<Void> probed(Claim claim, String result, String reason) {
        return locked(claim, claim.role.epoch, role -> {
                    boolean news = !reason.equals(role.reason);
                    role.probedAt = role.storeNow;
                    role.probeResult = result;
                    role.state = RoleState.PARKED;
                    role.reason = reason;
                    free(role);
                    return (news
                                    ? consequences.noticed(role, reason)
                                    : Uni.createFrom().voidItem())
                            .replaceWith(news);
                })
                .invoke(news -> {
                    if (news) {
                        Failures.found(claim.role, "is refused by its server", reason);
                    }
                })
                .replaceWithVoid();
    }

    /** A probe of a role that has no password yet. */
    Uni<Void> nothingToProbe(Claim claim) {
        return unprobed(claim, NOTHING_TO_PROBE);
    }

    /** A probe that could not look: nothing is said about the password. */
    Uni<Void> unprobed(Claim claim, String result) {
        return locked(claim, claim.role.epoch, role -> {
                    boolean news = !result.equals(role.probeResult) && !result.equals(NOTHING_TO_PROBE);
                    role.probedAt = role.storeNow;
                    role.probeResult = result;
                    free(role);
                    return Uni.createFrom().item(news);
                })
                .invoke(news -> {
                    if (news) {
                        Failures.found(claim.role, "could not be verified", result);
                    }
                })
                .replaceWithVoid();
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    <T> Uni<T> locked(Claim claim, long epoch, Function<ManagedRole, Uni<T>> move) {
        return Panache.withTransaction(() -> CredentialStore.lock(claim.role.id)
                .chain(role -> role == null || role.epoch != epoch || role.deletedAt != null
                        ? Uni.createFrom().failure(new LostClaim())
                        : move.apply(role)));
    }

    static Uni<Attempt> attempt(Claim claim) {
        return Panache.getSession().chain(session -> session.find(Attempt.class, claim.attempt.id));
    }

    private static Uni<PasswordVersion> version(UUID id) {
        return Panache.getSession().chain(session -> session.find(PasswordVersion.class, id));
    }
}
