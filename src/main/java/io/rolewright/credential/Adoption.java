package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.Problem;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Looks at every role of a store that was adopted: whether its password opens it, else whether a kept one does, as {@link
 * PasswordChanges#verify} has it. A role whose password holds gets the marker of the store's new generation, which tells the original to
 * stand still. What its server refuses is named, and rotated only if whoever adopted the store said so.
 *
 * <p>How far it is stands in the rows of the roles: any process goes on with it. Any thread may call.
 */
@ApplicationScoped
public class Adoption {

    private static final Logger log = Logger.getLogger(Adoption.class);

    /** Of one look at a role, and of the rotation that may follow. */
    private static final Duration LIMIT = Duration.ofSeconds(9);

    private static final Duration TRIES_APART = Duration.ofMillis(200);
    private static final Duration WORTH_ANOTHER_TRY = Duration.ofSeconds(3);

    private static final int IN_ONE_PASS = 20;
    private static final int AT_ONCE = 4;
    private static final int MOST_NAMED = 100;

    private static final String GOOD = "ok";
    private static final String ROTATED = "rotated";

    /** A role that no password of ours was given yet, such as the second of a dual before its first turn. */
    private static final String NONE = "nothing_to_probe";

    /** Said by a server that has answered: another look would find the same. */
    private static final Set<String> FINAL = Set.of(
            "password_refused",
            Stop.THIRD_PARTY,
            "store_behind_target",
            "role_already_managed",
            "role_missing",
            "role_cannot_login",
            "role_expired",
            "role_replaced",
            "role_renamed",
            "server_replaced",
            NONE);

    /** Of the adoption that is under way; roles that were registered since need none. */
    private static final String OF_IT = """
             FROM managed_role m CROSS JOIN store_origin o
            WHERE o.generation > 0 AND m.deleted_at IS NULL AND m.created_at <= o.recorded_at""";

    /**
     * What one process has in hand no other takes; what it leaves is taken when its time is over. With it, what the adoption was told: what this
     * process has read of that before may be older than what left the roles to be taken.
     */
    private static final String TAKE = """
            UPDATE managed_role SET adoption_tried_at = clock_timestamp() FROM (
                SELECT m.id AS taken, o.generation, o.recorded_at, o.rotates_behind""" + OF_IT + """
             AND m.adopted_generation < o.generation
                   AND (m.adoption_tried_at IS NULL OR m.adoption_tried_at < o.recorded_at
                        OR m.adoption_tried_at < clock_timestamp() - interval '15 seconds')
                 ORDER BY m.adoption_tried_at NULLS FIRST, m.id LIMIT $1 FOR UPDATE OF m SKIP LOCKED) t
             WHERE id = t.taken
            RETURNING id, t.generation, t.recorded_at, t.rotates_behind""";

    /** Of a role that is to be looked at anew since it was taken, nothing is final; the lock lets nobody say so meanwhile. */
    private static final String FOUND = """
            WITH told AS MATERIALIZED (SELECT recorded_at FROM store_origin FOR SHARE)
            UPDATE managed_role SET adoption_found = $2,
                   adopted_generation = CASE WHEN $3 AND told.recorded_at = $5 THEN $4 ELSE adopted_generation END
              FROM told
             WHERE id = $1""";

    private static final String PROGRESS = """
            SELECT count(*) AS roles, count(*) FILTER (WHERE m.adopted_generation = o.generation) AS looked,
                   count(*) FILTER (WHERE m.adopted_generation = o.generation AND m.adoption_found IN ('ok', 'rotated')) AS good""" + OF_IT;

    private static final String BEHIND = """
            SELECT m.id, m.role_name, m.owner_kind, m.owner_id, m.adoption_found""" + OF_IT + """
             AND m.adopted_generation = o.generation AND m.adoption_found NOT IN ('ok', 'rotated', 'nothing_to_probe')
            ORDER BY m.role_name, m.id LIMIT $1""";

    private static final String AGAIN = """
            WITH told AS (
                UPDATE store_origin SET rotates_behind = true, recorded_at = clock_timestamp() WHERE generation > 0
                RETURNING generation)
            UPDATE managed_role m SET adopted_generation = told.generation - 1, adoption_tried_at = NULL
              FROM told
             WHERE m.deleted_at IS NULL
               AND (m.adoption_found IS NULL OR m.adoption_found NOT IN ('ok', 'rotated', 'nothing_to_probe'))""";

    /**
     * How far the adoption is.
     *
     * @param roles that it looks at
     * @param looked of them, so far
     * @param good of these, whose passwords open them
     * @param behind the others, at most {@value #MOST_NAMED}
     */
    public record Progress(long roles, long looked, long good, List<Behind> behind) {

        public boolean done() {
            return looked == roles;
        }
    }

    /** @param reason a word of ours: what stands in the way */
    public record Behind(UUID roleId, String role, String ownerKind, UUID ownerId, String reason) {}

    /** What the adoption was told when a role was taken. @param at when */
    private record Told(long generation, OffsetDateTime at, boolean rotatesBehind) {}

    private final Pool pool;
    private final StoreOrigin origin;
    private final PasswordChanges changes;
    private final Vertx vertx;

    /** When that was told of which this process knows that nothing is left. */
    private volatile @Nullable OffsetDateTime done;

    private volatile boolean worked;

    Adoption(Pool pool, StoreOrigin origin, PasswordChanges changes, Vertx vertx) {
        this.pool = pool;
        this.origin = origin;
        this.changes = changes;
        this.vertx = vertx;
    }

    /** Null item if this store was never adopted. Two statements. */
    public Uni<@Nullable Progress> progress() {
        if (origin.standing().generation() == 0) {
            return Uni.createFrom().nullItem();
        }
        return pool.query(PROGRESS)
                .execute()
                .map(rows -> rows.iterator().next())
                .chain(row -> pool.preparedQuery(BEHIND)
                        .execute(Tuple.of(MOST_NAMED))
                        .map(rows -> {
                            List<Behind> behind = new ArrayList<>();
                            for (Row each : rows) {
                                behind.add(new Behind(
                                        each.getUUID("id"),
                                        each.getString("role_name"),
                                        each.getString("owner_kind"),
                                        each.getUUID("owner_id"),
                                        each.getString("adoption_found")));
                            }
                            return new Progress(
                                    row.getLong("roles"), row.getLong("looked"), row.getLong("good"), behind);
                        }));
    }

    /** Makes this store, which is a copy, the one. @return what it is then */
    public Uni<StoreOrigin.Standing> begin(boolean rotateBehind) {
        return origin.adopt(rotateBehind)
                .chain(now -> rotateBehind && !now.rotatesBehind()
                        ? rotateBehind().chain(origin::look) // another has adopted it, and was not told to
                        : Uni.createFrom().item(now));
    }

    /** Has what was found behind looked at again, and rotated. The work begins with the next pass. */
    public Uni<Void> rotateBehind() {
        return pool.query(AGAIN).execute().chain(origin::look).replaceWithVoid();
    }

    /** Looks at a bounded number of roles; nothing in a copy, and nothing once all are done. To be called every few seconds. */
    public Uni<Void> pass() {
        StoreOrigin.Standing standing = origin.standing();
        if (standing.copy() || standing.generation() == 0 || Objects.equals(standing.recordedAt(), done)) {
            return Uni.createFrom().voidItem();
        }
        return pool.preparedQuery(TAKE).execute(Tuple.of(IN_ONE_PASS)).chain(rows -> {
            List<Uni<Void>> looks = new ArrayList<>();
            for (Row row : rows) {
                UUID role = row.getUUID("id");
                Told told = new Told(
                        row.getLong("generation"),
                        row.getOffsetDateTime("recorded_at"),
                        row.getBoolean("rotates_behind"));
                looks.add(OwnContext.on(vertx.getOrCreateContext(), () -> look(role, told)));
            }
            if (looks.isEmpty()) {
                return end(standing);
            }
            worked = true;
            return Uni.join()
                    .all(looks)
                    .usingConcurrencyOf(AT_ONCE)
                    .andFailFast()
                    .replaceWithVoid();
        });
    }

    private Uni<Void> end(StoreOrigin.Standing standing) {
        return progress()
                .invoke(progress -> {
                    if (progress == null || !progress.done()) {
                        return; // others have the rest in hand, or it waits for its next try
                    }
                    done = standing.recordedAt();
                    if (worked) {
                        worked = false;
                        log.infof(
                                "The adoption is done: %d roles were looked at, and the passwords of %d open them%s.",
                                progress.roles(),
                                progress.good(),
                                progress.behind().isEmpty() ? "" : "; GET /api/v1/store names the others");
                    }
                })
                .replaceWithVoid();
    }

    private Uni<Void> look(UUID role, Told told) {
        Deadline deadline = Deadline.in(LIMIT);
        return changes.verify(role, Actor.SERVICE, deadline)
                .chain(() -> found(role, told))
                .chain(found -> found.equals(GOOD) || found.equals(NONE)
                        ? changes.markAgain(role, deadline).replaceWith(found)
                        : told.rotatesBehind() && FINAL.contains(found)
                                ? rotated(role, found, deadline)
                                : Uni.createFrom().item(found))
                .onFailure(Problem.class) // somebody works on it, or its turn at the server does not come in time
                .recoverWithItem(failure -> ((Problem) failure).code())
                .chain(found -> pool.preparedQuery(FOUND)
                        .execute(Tuple.of(
                                role,
                                found,
                                found.equals(GOOD) || found.equals(ROTATED) || FINAL.contains(found),
                                told.generation(),
                                told.at())))
                .onFailure(StoreFault::isOutage)
                .invoke(failure -> StoreFault.warn(log, "The adoption goes on later", failure))
                .onFailure(StoreFault::isOutage)
                .recoverWithNull()
                .replaceWithVoid();
    }

    /** What the look has written down. */
    private static Uni<String> found(UUID roleId, Told told) {
        return Panache.withSession(() -> CredentialStore.role(roleId)).map(role -> {
            if (role == null || role.deletedAt != null) {
                return "role_missing";
            }
            if (role.state == RoleState.OK
                    && role.verifiedAt != null
                    && !role.verifiedAt.isBefore(told.at().toInstant())) {
                return GOOD;
            }
            if (role.reason != null && FINAL.contains(role.reason)) {
                return role.reason;
            }
            return role.probeResult == null ? "not_looked_at" : role.probeResult;
        });
    }

    /** The credential that serves this role gets a new password; a role that is not served waits for its turn. */
    private Uni<String> rotated(UUID roleId, String found, Deadline deadline) {
        return Panache.withSession(
                        () -> CredentialStore.role(roleId).chain(role -> CredentialStore.credential(role.ownerId)))
                .chain(credential -> credential == null
                                || credential.self()
                                || credential.released()
                                || !credential.servedRole().equals(roleId)
                        ? Uni.createFrom().item(found)
                        : changed(credential.nextRole(), found, deadline));
    }

    /** The other role of a dual may be in hand at this very moment, to be looked at. */
    private Uni<String> changed(UUID next, String found, Deadline deadline) {
        return changes.change(next, Cause.MANUAL, Actor.SERVICE, true, deadline).chain(outcome -> {
            if (outcome instanceof ChangeOutcome.InProgress) {
                return deadline.left().compareTo(WORTH_ANOTHER_TRY) > 0
                        ? OwnContext.pause(TRIES_APART).chain(() -> changed(next, found, deadline))
                        : Uni.createFrom().item("rotation_in_progress"); // which is not the last word
            }
            return Uni.createFrom().item(outcome instanceof ChangeOutcome.Done ? ROTATED : found);
        });
    }
}
