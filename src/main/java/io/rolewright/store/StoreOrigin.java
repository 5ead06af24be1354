package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Whether the store is the one that it was when it began to work, or a copy of it: a dump that was restored elsewhere, a disk that was
 * cloned. A copy has the same keys and rows, so it would give the original's roles new passwords when they are due. Until somebody {@link
 * #adopt}s it, it changes nothing on any server and sends nothing; what it holds may be looked at and served.
 *
 * <p>It is known by the server's system identifier, the database's oid, where the service was told that it is ({@code
 * QUARKUS_DATASOURCE_REACTIVE_URL}) and {@code ROLEWRIGHT_INSTALLATION}: all are written down at the first start, and if one of them is
 * another one later, it is a copy. So is an original that was moved, until it is adopted: suspicion stops work and never begins it. A
 * standby that was promoted behind the same address is no copy. A bit-identical clone under the same settings can't be told apart.
 *
 * <p>Each adoption makes a new generation, and the name of the store in the markers of roles is made of its number. An original that is
 * still at work finds that name in the first marker that it reads before a change, and stands still in its turn ({@link #superseded}).
 *
 * <p>Any thread may call.
 */
@ApplicationScoped
public class StoreOrigin implements StartupStep {

    private static final Logger log = Logger.getLogger(StoreOrigin.class);

    private static final String HERE = """
            SELECT %s AS here_identifier, d.oid::bigint AS here_oid, o.system_identifier, o.database_oid, o.addresses, o.installation,
                   o.recorded_at, o.generation, o.superseded_by, o.rotates_behind
            FROM pg_database d LEFT JOIN store_origin o ON true
            WHERE d.datname = current_database()""";

    private static final String IDENTIFIER = "(SELECT system_identifier::text FROM pg_control_system())";

    /** Where the service's role may not read the identifier. */
    private static final String NO_IDENTIFIER = "NULL::text";

    private static final String BEGIN = """
            INSERT INTO store_origin (system_identifier, database_oid, addresses, installation)
            VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING""";

    /**
     * What is held is in doubt from then on: the original may have gone on after the copy was made. One of several that saw the same copy, by
     * whoever sent them, does it.
     */
    private static final String ADOPT = """
            WITH adopted AS (
                INSERT INTO store_origin AS o (system_identifier, database_oid, addresses, installation, generation, rotates_behind)
                VALUES ($1, $2, $3, $4, 1, $5)
                ON CONFLICT (id) DO UPDATE SET system_identifier = $1, database_oid = $2, addresses = $3, installation = $4,
                       generation = greatest(o.generation, o.superseded_by, 0) + 1, superseded_by = NULL, rotates_behind = $5,
                       recorded_at = clock_timestamp()
                 WHERE o.generation = $6
                RETURNING o.id)
            UPDATE store_pulse SET went_back_at = clock_timestamp(), sign = 'it was a copy, which has been adopted',
                   xid = pg_current_xact_id()::text
             WHERE EXISTS (SELECT FROM adopted)""";

    private static final String SUPERSEDED = """
            UPDATE store_origin SET superseded_by = $1 WHERE generation < $1 AND coalesce(superseded_by, 0) < $1""";

    /** As {@link #BEGIN}, for addresses that came or went, and for an identifier that can be read by now. */
    private static final String KEEP_UP =
            "UPDATE store_origin SET system_identifier = coalesce($1, system_identifier), addresses = $2";

    /**
     * What this store is.
     *
     * @param differences what is another one than when it was recorded, in words without values; empty for the original
     * @param recordedAt when it began to work, was adopted last, or its adoption was told to rotate what is behind
     * @param generation how often a copy was adopted on the way to this store
     * @param superseded whether a copy of it has been adopted, as the markers on the servers show
     * @param rotatesBehind whether its adoption rotates what servers refuse
     */
    public record Standing(
            List<String> differences,
            @Nullable OffsetDateTime recordedAt,
            long generation,
            boolean superseded,
            boolean rotatesBehind) {

        /** Whether it stands still. */
        public boolean copy() {
            return !differences.isEmpty();
        }

        /** For a log or an answer. Names no address. */
        public String sentence() {
            if (superseded) {
                return "A copy of this store has been adopted, as the markers of roles show: the work is done there.";
            }
            return copy()
                    ? "This store is a copy: " + String.join(" and ", differences) + " differ"
                            + (differences.size() == 1 ? "s" : "")
                            + " from what was recorded when the original began to work."
                    : "This store is the original.";
        }
    }

    private record Here(@Nullable String identifier, long oid, TreeSet<String> addresses, String installation) {

        String text() {
            return String.join(" ", addresses);
        }
    }

    private record Seen(
            Here here,
            @Nullable Here recorded,
            @Nullable OffsetDateTime at,
            long generation,
            boolean superseded,
            boolean rotatesBehind) {}

    private final Pool pool;
    private final StorePool sessions;
    private final StorePulse pulse;
    private final InstallationConfig config;
    private final boolean addressCompared;

    private volatile @Nullable Standing standing;

    @Inject
    StoreOrigin(Pool pool, StorePool sessions, StorePulse pulse, InstallationConfig config, StoreConfig store) {
        this.pulse = pulse;
        this.addressCompared = store.addressCompared();
        this.pool = pool;
        this.sessions = sessions;
        this.config = config;
    }

    @Override
    public int order() {
        return 150;
    }

    @Override
    public String name() {
        return "origin";
    }

    @Override
    public Uni<Void> run() {
        return look().replaceWithVoid();
    }

    /** What was found at the last look; an original before the first, since nothing works before that. */
    public Standing standing() {
        Standing known = standing;
        return known == null ? new Standing(List.of(), null, 0, false, false) : known;
    }

    /** @throws StoreIsACopy which is answered with 400 {@code store_is_a_copy} */
    public void requireOriginal() {
        Standing known = standing();
        if (known.copy()) {
            throw new StoreIsACopy(known.sentence()
                    + (known.superseded()
                            ? " This one changes no password and sends nothing any more. Stop this service. If this store is to be"
                                    + " the one after all and the other is stopped, adopt it"
                            : " It changes no password and sends nothing, so that the original's roles stay as they are. If this"
                                    + " is to be the one from now on and the original is stopped, adopt it")
                    + ": POST /api/v1/store/adopt, or --command adopt-store.");
        }
    }

    /** Asks the store again: one statement, two at the first start of all. Fails when the store does not answer. */
    public Uni<Standing> look() {
        return see().chain(seen -> seen.recorded() == null
                        ? begin(seen.here())
                        : Uni.createFrom().item(seen))
                .call(this::keepUp)
                .call(this::doubtFirst)
                .map(this::judged);
    }

    /**
     * Whoever has adopted it, here or elsewhere, has put in doubt what it holds: that is known before it counts as the original, in which
     * nothing is tried without a doubt.
     */
    private Uni<?> doubtFirst(Seen seen) {
        Standing before = standing;
        return before == null || before.generation() == seen.generation()
                ? Uni.createFrom().voidItem()
                : pulse.beat();
    }

    /**
     * From now on this store is the one. Whoever calls makes sure that the original is stopped, and audits it.
     *
     * @param rotatesBehind whether what servers refuse is rotated; not heard if another has adopted it since it was seen
     */
    public Uni<Standing> adopt(boolean rotatesBehind) {
        return see().chain(seen -> pool.preparedQuery(ADOPT)
                        .execute(row(seen.here()).addBoolean(rotatesBehind).addLong(seen.generation())))
                .chain(this::look);
    }

    /**
     * The marker of a role has shown that a copy of this store was adopted: this one stands still from now on, in every replica that looks.
     *
     * @param by the generation of that copy
     */
    public Uni<Void> superseded(long by) {
        return pool.preparedQuery(SUPERSEDED)
                .execute(Tuple.of(by))
                .chain(this::look)
                .replaceWithVoid();
    }

    private Uni<Seen> begin(Here here) {
        return pool.preparedQuery(BEGIN).execute(row(here)).chain(ignored -> see());
    }

    private Uni<?> keepUp(Seen seen) {
        Here here = seen.here();
        Here recorded = Objects.requireNonNull(seen.recorded());
        boolean more = here.identifier() != null && recorded.identifier() == null;
        return differences(here, recorded).isEmpty()
                        && (more || !here.addresses().equals(recorded.addresses()))
                ? pool.preparedQuery(KEEP_UP).execute(Tuple.of(here.identifier(), here.text()))
                : Uni.createFrom().voidItem();
    }

    private Standing judged(Seen seen) {
        Standing before = standing;
        List<String> differences = differences(seen.here(), Objects.requireNonNull(seen.recorded()));
        if (seen.superseded()) {
            differences.add("the markers of roles, which name a copy of this store that was adopted");
        }
        Standing now = new Standing(
                List.copyOf(differences), seen.at(), seen.generation(), seen.superseded(), seen.rotatesBehind());
        standing = now;
        if (now.copy() && (before == null || !before.differences().equals(now.differences()))) {
            log.warnf(
                    "%s This one changes no password and sends no webhook and nothing to Vault until it is adopted (--command"
                            + " adopt-store).",
                    now.sentence());
        } else if (before != null && before.copy() && !now.copy()) {
            log.info("This store has been adopted: it is the original from now on.");
        }
        return now;
    }

    private List<String> differences(Here here, Here recorded) {
        List<String> differences = new ArrayList<>();
        if (here.identifier() != null
                && recorded.identifier() != null
                && !here.identifier().equals(recorded.identifier())) {
            differences.add("the server's system identifier");
        }
        if (here.oid() != recorded.oid()) {
            differences.add("the database's oid");
        }
        if (addressCompared && Collections.disjoint(here.addresses(), recorded.addresses())) {
            differences.add("the address in QUARKUS_DATASOURCE_REACTIVE_URL");
        }
        if (!here.installation().equals(recorded.installation())) {
            differences.add("ROLEWRIGHT_INSTALLATION");
        }
        return differences;
    }

    private Uni<Seen> see() {
        return see(IDENTIFIER).onFailure(PgException.class).recoverWithUni(() -> see(NO_IDENTIFIER));
    }

    private Uni<Seen> see(String identifier) {
        return pool.query(HERE.formatted(identifier)).execute().map(rows -> {
            Row row = rows.iterator().next();
            Here here = new Here(
                    row.getString("here_identifier"),
                    row.getLong("here_oid"),
                    new TreeSet<>(sessions.addresses()),
                    config.installation().orElse("").strip());
            String addresses = row.getString("addresses");
            Here recorded = addresses == null
                    ? null
                    : new Here(
                            row.getString("system_identifier"),
                            row.getLong("database_oid"),
                            new TreeSet<>(List.of(addresses.split(" "))),
                            row.getString("installation"));
            Long generation = row.getLong("generation");
            return new Seen(
                    here,
                    recorded,
                    row.getOffsetDateTime("recorded_at"),
                    generation == null ? 0 : generation,
                    row.getLong("superseded_by") != null,
                    Boolean.TRUE.equals(row.getBoolean("rotates_behind")));
        });
    }

    private static Tuple row(Here here) {
        return Tuple.of(here.identifier(), here.oid(), here.text(), here.installation());
    }
}
