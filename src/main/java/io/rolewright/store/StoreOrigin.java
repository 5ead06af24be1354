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
 * <p>Any thread may call.
 */
@ApplicationScoped
public class StoreOrigin implements StartupStep {

    private static final Logger log = Logger.getLogger(StoreOrigin.class);

    private static final String HERE = """
            SELECT %s AS here_identifier, d.oid::bigint AS here_oid, o.system_identifier, o.database_oid, o.addresses, o.installation,
                   o.recorded_at
            FROM pg_database d LEFT JOIN store_origin o ON true
            WHERE d.datname = current_database()""";

    private static final String IDENTIFIER = "(SELECT system_identifier::text FROM pg_control_system())";

    /** Where the service's role may not read the identifier. */
    private static final String NO_IDENTIFIER = "NULL::text";

    private static final String BEGIN = """
            INSERT INTO store_origin (system_identifier, database_oid, addresses, installation)
            VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING""";

    private static final String ADOPT = """
            INSERT INTO store_origin AS o (system_identifier, database_oid, addresses, installation)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (id) DO UPDATE SET system_identifier = $1, database_oid = $2, addresses = $3, installation = $4,
                                             recorded_at = now()""";

    /** As {@link #BEGIN}, for addresses that came or went, and for an identifier that can be read by now. */
    private static final String KEEP_UP =
            "UPDATE store_origin SET system_identifier = coalesce($1, system_identifier), addresses = $2";

    /**
     * What this store is.
     *
     * @param differences what is another one than when it was recorded, in words without values; empty for the original
     * @param recordedAt when it began to work, or was adopted last
     */
    public record Standing(
            List<String> differences, @Nullable OffsetDateTime recordedAt) {

        public boolean copy() {
            return !differences.isEmpty();
        }

        /** For a log or an answer. Names no address. */
        public String sentence() {
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
            Here here, @Nullable Here recorded, @Nullable OffsetDateTime at) {}

    private final Pool pool;
    private final StorePool sessions;
    private final InstallationConfig config;
    private final boolean addressCompared;

    private volatile @Nullable Standing standing;

    @Inject
    StoreOrigin(Pool pool, StorePool sessions, InstallationConfig config, StoreConfig store) {
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
        return known == null ? new Standing(List.of(), null) : known;
    }

    /** @throws StoreIsACopy which is answered with 400 {@code store_is_a_copy} */
    public void requireOriginal() {
        Standing known = standing();
        if (known.copy()) {
            throw new StoreIsACopy(known.sentence()
                    + " It changes no password and sends nothing, so that the original's roles stay as they are. If this is"
                    + " to be the one from now on and the original is stopped, adopt it: POST /api/v1/store/adopt, or"
                    + " --command adopt-store.");
        }
    }

    /** Asks the store again: one statement, two at the first start of all. Fails when the store does not answer. */
    public Uni<Standing> look() {
        return see().chain(seen -> seen.recorded() == null
                        ? begin(seen.here())
                        : Uni.createFrom().item(seen))
                .call(this::keepUp)
                .map(this::judged);
    }

    /** From now on this store is the one. Whoever calls makes sure that the original is stopped, and audits it. */
    public Uni<Standing> adopt() {
        return see().chain(seen -> pool.preparedQuery(ADOPT).execute(row(seen.here())))
                .chain(ignored -> see())
                .map(this::judged);
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
        Standing now =
                new Standing(List.copyOf(differences(seen.here(), Objects.requireNonNull(seen.recorded()))), seen.at());
        standing = now;
        if (now.copy() && (before == null || !before.differences().equals(now.differences()))) {
            log.warnf(
                    "%s It changes no password and sends no webhook and nothing to Vault until it is adopted (--command"
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
            return new Seen(here, recorded, row.getOffsetDateTime("recorded_at"));
        });
    }

    private static Tuple row(Here here) {
        return Tuple.of(here.identifier(), here.oid(), here.text(), here.installation());
    }
}
