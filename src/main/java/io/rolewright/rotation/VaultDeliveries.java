package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.Caller;
import io.rolewright.access.Project;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.Actor;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Which rotations have their credentials written to Vault, and how far that is. A row says no more than that somebody must look; what is to
 * be written is read when it is written. Every time is the store's.
 */
@ApplicationScoped
public class VaultDeliveries {

    private static final String PLACE = """
            INSERT INTO vault_delivery (rotation_id, mount, path, due_at, row_seal)
            SELECT id, ?2, ?3, CASE WHEN credential_version > 0 THEN clock_timestamp() END, ?5 FROM secret_rotation WHERE id = ?1
            ON CONFLICT (rotation_id) DO UPDATE
               SET mount = EXCLUDED.mount, path = EXCLUDED.path, row_seal = EXCLUDED.row_seal, due_at = EXCLUDED.due_at, lease = NULL, failures = 0, last_failure = NULL,
                   delivered_version = CASE WHEN ?4 THEN vault_delivery.delivered_version ELSE 0 END,
                   delivered_at = CASE WHEN ?4 THEN vault_delivery.delivered_at END""";

    private static final String REMOVE = "DELETE FROM vault_delivery WHERE rotation_id = ?1";

    private static final String TAKEN =
            "SELECT count(*) FROM vault_delivery WHERE mount = ?1 AND path = ?2 AND rotation_id <> ?3";

    private static final String DUE_BY_CONNECTION = """
            UPDATE vault_delivery SET due_at = clock_timestamp(), lease = NULL WHERE rotation_id IN (
                SELECT id FROM secret_rotation WHERE connection_id = ?1 AND credential_version > 0)""";

    private static final String CLAIM = """
            UPDATE vault_delivery d
               SET lease = gen_random_uuid(), last_tried_at = clock_timestamp(), due_at = clock_timestamp() + INTERVAL '60 seconds'
              FROM secret_rotation r JOIN project p ON p.id = r.project_id
             WHERE r.id = d.rotation_id AND d.rotation_id = (
                SELECT rotation_id FROM vault_delivery
                 WHERE due_at <= statement_timestamp()
                   AND NOT EXISTS (SELECT FROM vault_server WHERE quiet_until > clock_timestamp())
                 ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING d.rotation_id, d.lease, d.mount, d.path, d.row_seal AS place_seal, p.slug, p.row_seal AS project_seal,
                      r.id, r.project_id, r.environment, r.secret_path, r.connection_id, r.strategy, r.role1_id, r.role2_id,
                      r.allow_privileged, r.takeover, r.password_requirements, r.row_seal""";

    private static final String NOTHING_TO_DO =
            "UPDATE vault_delivery SET due_at = NULL, lease = NULL WHERE rotation_id = $1 AND lease = $2";

    private static final String DELIVERED = """
            UPDATE vault_delivery
               SET delivered_version = ?3, delivered_at = clock_timestamp(), due_at = NULL, lease = NULL, failures = 0, last_failure = NULL
             WHERE rotation_id = ?1 AND lease = ?2""";

    private static final String QUIET_NO_MORE =
            "UPDATE vault_server SET failures = 0, quiet_until = NULL WHERE failures > 0";

    private static final String CLAIMED_FAILURE =
            "SELECT COALESCE(last_failure, '') FROM vault_delivery WHERE rotation_id = ?1 AND lease = ?2 FOR UPDATE";

    /** ?3 whether it is Vault that has trouble: then all deliveries wait for it, and none for itself. */
    private static final String FAILED = """
            UPDATE vault_delivery
               SET failures = failures + 1, last_failure = ?2, lease = NULL,
                   due_at = clock_timestamp() + CASE WHEN ?3 THEN INTERVAL '0' ELSE
                       make_interval(secs => LEAST(?5, ?4 * power(4, LEAST(failures, 20))) * (0.75 + random() / 4)) END
             WHERE rotation_id = ?1""";

    /** Those that failed at the same time count once. Vault is looked at again after five minutes at the latest. */
    private static final String QUIET = """
            UPDATE vault_server
               SET failures = failures + 1, quiet_until = clock_timestamp()
                       + make_interval(secs => LEAST(?2, 300, ?1 * power(4, LEAST(failures, 20))) * (0.75 + random() / 4))
             WHERE quiet_until IS NULL OR quiet_until <= clock_timestamp()""";

    private static final String NEXT = """
            SELECT GREATEST(due_at, (SELECT quiet_until FROM vault_server)) AS next
              FROM vault_delivery WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1""";

    private final Pool pool;
    private final RowSeals seals;
    private final RotationStore store;
    private final RotationAudit audit;
    private final VaultPlaces places;
    private final VaultKvConfig config;
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

    VaultDeliveries(
            Pool pool,
            RowSeals seals,
            RotationStore store,
            RotationAudit audit,
            VaultPlaces places,
            VaultKvConfig config) {
        this.pool = pool;
        this.seals = seals;
        this.store = store;
        this.audit = audit;
        this.places = places;
        this.config = config;
    }

    /** Has it called when this process makes a delivery due other than by a fact, in a transaction that may take a moment to commit. */
    public void whenDue(Runnable listener) {
        listeners.add(listener);
    }

    // ---- What rotations want ----------------------------------------------------------------------------------------

    /**
     * Lets the caller choose a place, or refuses. Who has credentials written somewhere may read them there, so he must be allowed to
     * read them here.
     *
     * @param rotation null for one that does not exist yet
     */
    Uni<Void> require(Caller caller, Project project, UUID rotation, RotationWire.VaultPlace place) {
        return Uni.createFrom().deferred(() -> {
            places.require(project.slug, place);
            return rotation == null
                    ? requireNew(caller, project, new UUID(0, 0), place)
                    : Panache.withSession(() -> at(rotation))
                            .chain(now -> now != null && now.isAt(place)
                                    ? Uni.createFrom().voidItem()
                                    : requireNew(caller, project, rotation, place));
        });
    }

    /** Whoever has credentials written to a place must be allowed to read them. */
    static void requireRight(Caller caller, Project project) {
        Rights.require(caller, Right.ROTATION_READ_CREDENTIALS, project.id);
    }

    private static Uni<Void> requireNew(Caller caller, Project project, UUID rotation, RotationWire.VaultPlace place) {
        requireRight(caller, project);
        return Panache.withSession(() -> Panache.getSession()
                        .chain(session -> session.createNativeQuery(TAKEN, Long.class)
                                .setParameter(1, place.mount())
                                .setParameter(2, place.path())
                                .setParameter(3, rotation)
                                .getSingleResult()))
                .invoke(taken -> {
                    if (taken > 0) {
                        throw taken();
                    }
                })
                .replaceWithVoid();
    }

    /** Joins the transaction that writes the rotation. What is there already is written again, if only to see that it is there. */
    Uni<Void> place(UUID rotation, RotationWire.VaultPlace place) {
        return at(rotation)
                .chain(now -> Panache.getSession()
                        .chain(session -> session.createNativeQuery(PLACE)
                                .setParameter(1, rotation)
                                .setParameter(2, place.mount())
                                .setParameter(3, place.path())
                                .setParameter(4, now != null && now.isAt(place))
                                .setParameter(
                                        5, seals.seal(SealedRow.VAULT_DELIVERY, rotation, place.mount(), place.path()))
                                .executeUpdate()))
                .onFailure(StoreFault::isUniqueViolation)
                .transform(lost -> taken())
                .invoke(() -> listeners.forEach(Runnable::run))
                .replaceWithVoid();
    }

    /** Joins the transaction that writes the rotation. What is in Vault stays there. */
    Uni<Void> remove(UUID rotation) {
        return update(REMOVE, rotation);
    }

    /** Makes all rotations of a connection due, which leads elsewhere now. When a credential changes, the store itself makes its delivery due. */
    Uni<Void> dueBy(UUID connection) {
        return update(DUE_BY_CONNECTION, connection).invoke(() -> listeners.forEach(Runnable::run));
    }

    private static Uni<Void> update(String sql, UUID id) {
        return Panache.getSession()
                .chain(session ->
                        session.createNativeQuery(sql).setParameter(1, id).executeUpdate())
                .replaceWithVoid();
    }

    private static Uni<VaultDelivery> at(UUID rotation) {
        return Panache.getSession().chain(session -> session.find(VaultDelivery.class, rotation));
    }

    Uni<Map<UUID, VaultDelivery>> of(Collection<UUID> rotations) {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "from VaultDelivery d where d.rotationId in ?1", VaultDelivery.class)
                        .setParameter(1, rotations)
                        .getResultList())
                .map(rows -> rows.stream().collect(Collectors.toMap(row -> row.rotationId, Function.identity()))));
    }

    private static Problem taken() {
        return Problem.of(ErrorCode.VAULT_PLACE_TAKEN, "vaultKv: another rotation is already written to this place.");
    }

    // ---- What is done about it --------------------------------------------------------------------------------------

    /**
     * A delivery that is ours to make, for a minute.
     *
     * @param project the slug of the rotation's project
     */
    public record Claimed(UUID rotationId, UUID lease, String mount, String path, String project) {}

    /** Claims what has been due longest; null item when nothing is, or when Vault is left in peace. */
    public Uni<Claimed> claim() {
        return pool.preparedQuery(CLAIM).execute().map(rows -> {
            if (rows.size() == 0) {
                return null;
            }
            var row = rows.iterator().next();
            requireBelieved(row);
            return new Claimed(
                    row.getUUID("rotation_id"),
                    row.getUUID("lease"),
                    row.getString("mount"),
                    row.getString("path"),
                    row.getString("slug"));
        });
    }

    /** @throws io.rolewright.sealing.CannotOpen if somebody else has written where it goes, or of which project it is */
    private void requireBelieved(io.vertx.mutiny.sqlclient.Row row) {
        seals.require(
                SealedRow.VAULT_DELIVERY,
                row.getUUID("rotation_id"),
                RowSeals.bytes(row.getBuffer("place_seal")),
                row.getString("mount"),
                row.getString("path"));
        seals.require(
                SealedRow.PROJECT,
                row.getUUID("project_id"),
                RowSeals.bytes(row.getBuffer("project_seal")),
                row.getString("slug"));
        Rotation.require(seals, row);
    }

    /** The rotation serves nothing, not yet or no more. */
    public Uni<Void> nothingToDo(Claimed claimed) {
        return pool.preparedQuery(NOTHING_TO_DO)
                .execute(io.vertx.mutiny.sqlclient.Tuple.of(claimed.rotationId, claimed.lease))
                .replaceWithVoid();
    }

    /** Does nothing when there is more to do since the claim, or another has taken it up. Needs a store session of its own. */
    public Uni<Void> delivered(Claimed claimed, long version) {
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery(DELIVERED)
                        .setParameter(1, claimed.rotationId)
                        .setParameter(2, claimed.lease)
                        .setParameter(3, version)
                        .executeUpdate()
                        .chain(ours -> session.createNativeQuery(QUIET_NO_MORE)
                                .executeUpdate()
                                .chain(() -> ours == 0
                                        ? Uni.createFrom().voidItem()
                                        : record(AuditEvent.success(AuditType.DELIVER_TO_VAULT), claimed, version)))));
    }

    /**
     * The same. It is tried again, for ever: sooner or later somebody sees it.
     *
     * @param failure stable code; audited when it is another one than the last time
     * @param troubled whether Vault itself has trouble, and is left in peace for a while
     */
    public Uni<Void> failed(Claimed claimed, String failure, boolean troubled) {
        double first = seconds(config.firstPause());
        double longest = seconds(config.longestPause());
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery(CLAIMED_FAILURE, String.class)
                        .setParameter(1, claimed.rotationId)
                        .setParameter(2, claimed.lease)
                        .getSingleResultOrNull()
                        .onItem()
                        .ifNotNull()
                        .call(() -> session.createNativeQuery(FAILED)
                                .setParameter(1, claimed.rotationId)
                                .setParameter(2, failure)
                                .setParameter(3, troubled)
                                .setParameter(4, first)
                                .setParameter(5, longest)
                                .executeUpdate())
                        .call(() -> !troubled
                                ? Uni.createFrom().voidItem()
                                : session.createNativeQuery(QUIET)
                                        .setParameter(1, first)
                                        .setParameter(2, longest)
                                        .executeUpdate())
                        .chain(before -> before == null || before.equals(failure)
                                ? Uni.createFrom().voidItem()
                                : record(AuditEvent.failed(AuditType.DELIVER_TO_VAULT, failure), claimed, null))));
    }

    private Uni<Void> record(AuditEvent event, Claimed claimed, Long version) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("vaultKv", claimed.mount + ":" + claimed.path);
        if (version != null) {
            facts.put("credentialVersion", version);
        }
        return store.byId(claimed.rotationId)
                .onItem()
                .ifNotNull()
                .call(row -> audit.record(event, Actor.SERVICE, row, facts))
                .replaceWithVoid();
    }

    /** In the past if something waits already; empty when nothing does, or cannot be written for want of a setting. */
    public Uni<Optional<Instant>> nextDue() {
        return !places.isOpen()
                ? Uni.createFrom().item(Optional.empty())
                : pool.query(NEXT)
                        .execute()
                        .map(rows -> rows.size() == 0
                                ? Optional.empty()
                                : Optional.ofNullable(rows.iterator().next().getOffsetDateTime("next"))
                                        .map(OffsetDateTime::toInstant));
    }

    private static double seconds(Duration span) {
        return span.toMillis() / 1000.0;
    }
}
