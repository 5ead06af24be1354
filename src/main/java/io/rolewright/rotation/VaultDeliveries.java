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
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

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
                   delivered_at = CASE WHEN ?4 THEN vault_delivery.delivered_at END,
                   written_version = CASE WHEN ?4 THEN vault_delivery.written_version END,
                   written_at = CASE WHEN ?4 THEN vault_delivery.written_at END,
                   written_until = CASE WHEN ?4 THEN vault_delivery.written_until END,
                   lost_since = CASE WHEN ?4 THEN vault_delivery.lost_since END, look_at = NULL, warning = NULL""";

    private static final String IS_THERE = "SELECT EXISTS (SELECT FROM vault_delivery WHERE rotation_id = ?1)";

    private static final String REMOVE = "DELETE FROM vault_delivery WHERE rotation_id = ?1";

    private static final String TAKEN =
            "SELECT count(*) FROM vault_delivery WHERE mount = ?1 AND path = ?2 AND rotation_id <> ?3";

    private static final String DUE_BY_CONNECTION = """
            UPDATE vault_delivery SET due_at = clock_timestamp(), lease = NULL WHERE rotation_id IN (
                SELECT id FROM secret_rotation WHERE connection_id = ?1 AND credential_version > 0)""";

    private static final String DUE = """
            UPDATE vault_delivery SET due_at = clock_timestamp(), lease = NULL WHERE rotation_id IN (
                SELECT id FROM secret_rotation WHERE id = ?1 AND credential_version > 0)""";

    /** {@code AT} is when it is due, or to be looked at; what is due needs no look. */
    private static final String CLAIM_BY = """
            UPDATE vault_delivery d
               SET lease = gen_random_uuid(), last_tried_at = clock_timestamp(), AT = clock_timestamp() + INTERVAL '60 seconds'
              FROM secret_rotation r JOIN project p ON p.id = r.project_id
             WHERE r.id = d.rotation_id AND d.rotation_id = (
                SELECT rotation_id FROM vault_delivery
                 WHERE AT <= statement_timestamp() AND ('AT' = 'due_at' OR due_at IS NULL)
                   AND NOT EXISTS (SELECT FROM vault_server WHERE quiet_until > clock_timestamp())
                 ORDER BY AT LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING d.rotation_id, d.lease, d.mount, d.path, d.row_seal AS place_seal, p.slug, p.row_seal AS project_seal,
                      d.written_version, d.written_at, d.written_until,
                      (SELECT known_as FROM vault_engine e WHERE e.mount = d.mount) AS known_as,
                      (SELECT suspect FROM vault_engine e WHERE e.mount = d.mount) AS suspect,
                      (SELECT suspect_by = d.rotation_id FROM vault_engine e WHERE e.mount = d.mount) AS suspect_by_this,
                      r.id, r.project_id, r.environment, r.secret_path, r.connection_id, r.strategy, r.role1_id, r.role2_id,
                      r.allow_privileged, r.takeover, r.password_requirements, r.row_seal, r.uri_secret IS NOT NULL AS with_uri""";

    private static final String CLAIM = CLAIM_BY.replace("AT ", "due_at ").replace("'AT'", "'due_at'");
    private static final String CLAIM_LOOK = CLAIM_BY.replace("AT ", "look_at ").replace("'AT'", "'look_at'");

    private static final String NOTHING_TO_DO =
            "UPDATE vault_delivery SET due_at = NULL, look_at = NULL, lease = NULL WHERE rotation_id = $1 AND lease = $2";

    /** In seconds; what ends by itself is looked at then. A tenth earlier or later, so that those of one moment part. */
    private static final String NEXT_LOOK =
            "LEAST(clock_timestamp() + make_interval(secs => SPAN * (0.9 + random() / 5)), UNTIL + INTERVAL '1 second')";

    private static final String DELIVERED = """
            UPDATE vault_delivery
               SET delivered_version = ?3, delivered_at = clock_timestamp(), due_at = NULL, lease = NULL, failures = 0, last_failure = NULL,
                   written_version = CAST(?4 AS integer), written_at = CAST(?5 AS timestamptz),
                   written_until = CAST(?6 AS timestamptz), warning = CAST(?7 AS text), lost_since = NULL, look_at = NEXT_LOOK
             WHERE rotation_id = ?1 AND lease = ?2""".replace("NEXT_LOOK", nextLook("?8", "?6"));

    private static final String STANDS = """
            UPDATE vault_delivery
               SET lease = NULL, failures = 0, last_failure = NULL, lost_since = NULL, look_at = NEXT_LOOK,
                   written_version = $3, written_at = $4, written_until = $5
             WHERE rotation_id = $1 AND lease = $2""".replace("NEXT_LOOK", nextLook("$6", "$5"));

    private static final String LOOK_AGAIN =
            "UPDATE vault_delivery SET look_at = clock_timestamp(), lease = NULL WHERE rotation_id = ?1 AND lease = ?2";

    /** Written again by the policy that puts back what others have changed, and not more than once an hour. */
    private static final String LOST = """
            UPDATE vault_delivery d
               SET lease = NULL, failures = failures + 1, last_failure = ?2, lost_since = COALESCE(lost_since, clock_timestamp()),
                   look_at = NEXT_LOOK,
                   due_at = (SELECT GREATEST(clock_timestamp(), d.delivered_at + INTERVAL '1 hour')
                               FROM credential c WHERE c.id = d.rotation_id AND c.drift_policy = 'REASSERT')
             WHERE rotation_id = ?1""".replace("NEXT_LOOK", nextLook("?3", "NULL"));

    /** The first time, and when the mount that is known is there again. */
    private static final String IS_THE_ONE = """
            INSERT INTO vault_engine (mount, known_as) VALUES ($1, $2)
            ON CONFLICT (mount) DO UPDATE SET suspect = NULL, suspect_at = NULL, seen_as = NULL, suspect_by = NULL
             WHERE vault_engine.known_as = excluded.known_as""";

    private static final String SUSPECT = """
            UPDATE vault_engine
               SET suspect = $2, suspect_at = COALESCE(suspect_at, clock_timestamp()), seen_as = $3,
                   suspect_by = CASE WHEN suspect = $2 THEN suspect_by ELSE $4 END
             WHERE mount = $1 AND (suspect IS DISTINCT FROM $2 OR seen_as IS DISTINCT FROM $3)""";

    /** What was seen is what is known from now on. */
    private static final String CONFIRM = """
            UPDATE vault_engine
               SET known_as = COALESCE(seen_as, known_as), suspect = NULL, suspect_at = NULL, seen_as = NULL, suspect_by = NULL
             WHERE mount = ?1 AND suspect IS NOT NULL""";

    private static final String BEGIN_ANEW = """
            UPDATE vault_delivery d
               SET written_version = NULL, written_at = NULL, written_until = NULL, lease = NULL, due_at = clock_timestamp()
              FROM secret_rotation r WHERE r.id = d.rotation_id AND r.credential_version > 0 AND d.mount = ?1""";

    private static final String NEIGHBOUR = """
            SELECT path, written_version, written_at, written_until FROM vault_delivery
             WHERE mount = $1 AND rotation_id <> $2 AND written_version IS NOT NULL ORDER BY written_at DESC LIMIT 1""";

    private static String nextLook(String seconds, String until) {
        return NEXT_LOOK.replace("SPAN", seconds).replace("UNTIL", "CAST(" + until + " AS timestamptz)");
    }

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
            if (place.confirms()) {
                Rights.require(caller, Right.STORE_MANAGE, "because it holds for all that is written to that mount");
            }
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

    /** Whether that is another place than before. Joins the running transaction. @param place empty for none */
    Uni<Boolean> moves(UUID rotation, Optional<RotationWire.VaultPlace> place) {
        return place.isPresent()
                ? at(rotation).map(now -> now == null || !now.isAt(place.get()))
                // Not looked at otherwise: what cannot be believed can still be removed.
                : Panache.getSession()
                        .chain(session -> session.createNativeQuery(IS_THERE, Boolean.class)
                                .setParameter(1, rotation)
                                .getSingleResult());
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
                .call(() -> place.confirms()
                        ? confirm(place.mount())
                        : Uni.createFrom().voidItem())
                .invoke(() -> listeners.forEach(Runnable::run))
                .replaceWithVoid();
    }

    /** What was seen of a mount that stands still is taken for what it is; all that is served is written there again. */
    private static Uni<Void> confirm(String mount) {
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(CONFIRM)
                        .setParameter(1, mount)
                        .executeUpdate()
                        .chain(changed -> changed == 0
                                ? Uni.createFrom().item(0)
                                : session.createNativeQuery(BEGIN_ANEW)
                                        .setParameter(1, mount)
                                        .executeUpdate()))
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

    /** Makes one rotation due, of which other fields are to be written now. Joins the transaction that writes the rotation. */
    Uni<Void> due(UUID rotation) {
        return update(DUE, rotation).invoke(() -> listeners.forEach(Runnable::run));
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
     * @param uri whether the secret has the whole URI of the login as well
     * @param look whether nothing is to be written, and only looked whether what was is there
     */
    public record Claimed(
            UUID rotationId,
            UUID lease,
            String mount,
            String path,
            String project,
            boolean uri,
            boolean look,
            Known known) {}

    /**
     * By what Vault shows that it still has what was written.
     *
     * @param version Vault's number of it
     * @param at Vault's time of it, to the microsecond
     * @param until when it ends by itself; null for never
     */
    public record Evidence(
            int version, Instant at, @Nullable Instant until) {

        public Evidence {
            at = at.truncatedTo(ChronoUnit.MICROS);
            until = until == null ? null : until.truncatedTo(ChronoUnit.MICROS);
        }
    }

    /** What was written to another place of the same mount. */
    public record Neighbour(String path, Evidence evidence) {}

    /**
     * What is known of Vault.
     *
     * @param engine the mount, by an id of Vault's; null before it was looked at
     * @param evidence of what was written last; null before
     * @param suspect why nothing is written to the mount until that is confirmed; null for no reason
     * @param suspectByThis whether it was this delivery that has seen it
     */
    public record Known(
            @Nullable String engine,
            @Nullable Evidence evidence,
            @Nullable String suspect,
            boolean suspectByThis) {

        public static final Known NOTHING = new Known(null, null, null, false);

        public Known withoutEvidence() {
            return new Known(engine, null, suspect, suspectByThis);
        }
    }

    /** Claims what has been due longest, or else is to be looked at; null item when nothing is, or when Vault is left in peace. */
    public Uni<Claimed> claim() {
        return claim(CLAIM, false)
                .chain(due ->
                        due == null ? claim(CLAIM_LOOK, true) : Uni.createFrom().item(due));
    }

    private Uni<Claimed> claim(String sql, boolean look) {
        return pool.preparedQuery(sql).execute().map(rows -> {
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
                    row.getString("slug"),
                    row.getBoolean("with_uri"),
                    look,
                    new Known(
                            row.getString("known_as"),
                            evidence(row),
                            row.getString("suspect"),
                            Boolean.TRUE.equals(row.getBoolean("suspect_by_this"))));
        });
    }

    private static @Nullable Evidence evidence(io.vertx.mutiny.sqlclient.Row row) {
        Integer version = row.getInteger("written_version");
        OffsetDateTime at = row.getOffsetDateTime("written_at");
        OffsetDateTime until = row.getOffsetDateTime("written_until");
        return version == null || at == null
                ? null
                : new Evidence(version, at.toInstant(), until == null ? null : until.toInstant());
    }

    /** What was written last to another place of the mount; null item for nothing. */
    public Uni<@Nullable Neighbour> neighbour(Claimed claimed) {
        return pool.preparedQuery(NEIGHBOUR)
                .execute(Tuple.of(claimed.mount, claimed.rotationId))
                .map(rows -> {
                    if (rows.size() == 0) {
                        return null;
                    }
                    var row = rows.iterator().next();
                    Evidence evidence = evidence(row);
                    return evidence == null ? null : new Neighbour(row.getString("path"), evidence);
                });
    }

    /**
     * Writes down what the mount was seen to be.
     *
     * @param engine null if that was not seen
     * @param failure why nothing was written; null if that is not so
     */
    public Uni<Void> seen(Claimed claimed, @Nullable String engine, @Nullable String failure) {
        boolean replaced = VaultFault.VAULT_ENGINE_REPLACED.code().equals(failure);
        boolean wentBack = VaultFault.VAULT_WENT_BACK.code().equals(failure);
        if (engine != null && (replaced || wentBack)) {
            return pool.preparedQuery(SUSPECT)
                    .execute(Tuple.of(claimed.mount, failure, engine, claimed.rotationId))
                    .replaceWithVoid();
        }
        boolean known = engine != null && engine.equals(claimed.known.engine());
        boolean again = known && VaultFault.VAULT_ENGINE_REPLACED.code().equals(claimed.known.suspect());
        return again || failure == null && claimed.known.engine() == null && engine != null
                ? isTheOne(claimed.mount, engine)
                : Uni.createFrom().voidItem();
    }

    /** What had made the mount suspect is no more. */
    public Uni<Void> isTheOne(Claimed claimed) {
        String engine = claimed.known.engine();
        return engine == null ? Uni.createFrom().voidItem() : isTheOne(claimed.mount, engine);
    }

    private Uni<Void> isTheOne(String mount, String engine) {
        return pool.preparedQuery(IS_THE_ONE).execute(Tuple.of(mount, engine)).replaceWithVoid();
    }

    /** A look has found all as it should be. Does nothing when the row has become due since the claim. */
    public Uni<Void> stands(Claimed claimed, @Nullable Evidence evidence) {
        return pool.preparedQuery(STANDS)
                .execute(Tuple.from(Arrays.asList(
                        claimed.rotationId,
                        claimed.lease,
                        evidence == null ? null : evidence.version(),
                        evidence == null ? null : evidence.at().atOffset(ZoneOffset.UTC),
                        evidence == null || evidence.until() == null
                                ? null
                                : evidence.until().atOffset(ZoneOffset.UTC),
                        seconds(config.lookInterval()))))
                .replaceWithVoid();
    }

    /** A look came to nothing, as Vault has trouble: it is left in peace for a while. */
    public Uni<Void> lookAgain(Claimed claimed) {
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery(LOOK_AGAIN)
                        .setParameter(1, claimed.rotationId)
                        .setParameter(2, claimed.lease)
                        .executeUpdate()
                        .chain(() -> quiet(session))));
    }

    /** A look has found that it is not there, or not as it was written. Told each time. */
    public Uni<Void> lost(Claimed claimed, String failure) {
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery(CLAIMED_FAILURE, String.class)
                        .setParameter(1, claimed.rotationId)
                        .setParameter(2, claimed.lease)
                        .getSingleResultOrNull()
                        .onItem()
                        .ifNotNull()
                        .call(() -> session.createNativeQuery(LOST)
                                .setParameter(1, claimed.rotationId)
                                .setParameter(2, failure)
                                .setParameter(3, seconds(config.lookInterval()))
                                .executeUpdate())
                        .chain(before -> before == null || before.equals(failure)
                                ? Uni.createFrom().voidItem()
                                : record(AuditEvent.failed(AuditType.DELIVER_TO_VAULT, failure), claimed, null))));
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
                .execute(Tuple.of(claimed.rotationId, claimed.lease))
                .replaceWithVoid();
    }

    /** Does nothing when there is more to do since the claim, or another has taken it up. Needs a store session of its own. */
    public Uni<Void> delivered(Claimed claimed, long version, @Nullable Evidence evidence, @Nullable String warning) {
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery(DELIVERED)
                        .setParameter(1, claimed.rotationId)
                        .setParameter(2, claimed.lease)
                        .setParameter(3, version)
                        .setParameter(4, evidence == null ? null : evidence.version())
                        .setParameter(5, evidence == null ? null : evidence.at())
                        .setParameter(6, evidence == null ? null : evidence.until())
                        .setParameter(7, warning)
                        .setParameter(8, seconds(config.lookInterval()))
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
                        .call(() -> troubled ? quiet(session) : Uni.createFrom().voidItem())
                        .chain(before -> before == null || before.equals(failure)
                                ? Uni.createFrom().voidItem()
                                : record(AuditEvent.failed(AuditType.DELIVER_TO_VAULT, failure), claimed, null))));
    }

    private Uni<Void> quiet(Mutiny.Session session) {
        return session.createNativeQuery(QUIET)
                .setParameter(1, seconds(config.firstPause()))
                .setParameter(2, seconds(config.longestPause()))
                .executeUpdate()
                .replaceWithVoid();
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
