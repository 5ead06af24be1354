package io.rolewright.operations;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.rolewright.audit.AuditConfig;
import io.rolewright.store.StoreLook;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Numbers that are read from the store and not counted here, so that every replica says the same: how many credentials are how, and what
 * waits to be told or written. A copy of the store says them too. {@code rolewright_store_look_age_seconds} says how old they are: while
 * the store is away the last ones stay.
 */
@ApplicationScoped
class StoreGauges {

    private static final Duration FIRST = Duration.ofSeconds(1);

    /** As often as Prometheus asks at the usual pace. */
    private static final Duration INTERVAL = Duration.ofSeconds(30);

    private static final String REST = """
            SELECT (SELECT count(*) FROM webhook_delivery WHERE state = 'pending') AS webhooks_waiting,
                   (SELECT count(*) FROM webhook_delivery WHERE state = 'dead') AS webhooks_dead,
                   v.behind AS vault_behind, v.since AS vault_since,
                   pg_total_relation_size('audit_event') AS audit_bytes, pg_database_size(current_database()) AS store_bytes,
                   coalesce(greatest(0, extract(epoch FROM statement_timestamp() - make_interval(secs => $1) - (SELECT min(at) FROM audit_event))),
                            0)::bigint AS audit_unpruned
              FROM (SELECT count(*) AS behind,
                           coalesce(extract(epoch FROM statement_timestamp() - min(CASE WHEN d.delivered_version < c.credential_version
                                                                                               THEN c.last_rotated_at ELSE d.lost_since END)), 0)::bigint AS since
                      FROM vault_delivery d JOIN credential c ON c.id = d.rotation_id
                     WHERE d.delivered_version < c.credential_version OR d.lost_since IS NOT NULL) v""";

    private final Pool pool;
    private final TroubleSearch search;
    private final OwnTroubles own;
    private final StoreLook store;
    private final double retention;
    private final MultiGauge credentials;
    private final MultiGauge troubles;
    private final AtomicLong webhooksWaiting = new AtomicLong();
    private final AtomicLong webhooksDead = new AtomicLong();
    private final AtomicLong vaultBehind = new AtomicLong();
    private final AtomicLong vaultSince = new AtomicLong();
    private final AtomicLong auditBytes = new AtomicLong();
    private final AtomicLong auditUnpruned = new AtomicLong();
    private final AtomicLong writable = new AtomicLong(1);
    private final AtomicLong storeBytes = new AtomicLong();
    private final Repeated repeated;
    private volatile long looked = System.nanoTime();

    StoreGauges(
            Pool pool,
            TroubleSearch search,
            OwnTroubles own,
            StoreLook store,
            AuditConfig audit,
            Startup startup,
            Vertx vertx,
            MeterRegistry metrics) {
        this.pool = pool;
        this.search = search;
        this.own = own;
        this.store = store;
        retention = audit.retention().toSeconds();
        credentials = MultiGauge.builder("rolewright.credentials")
                .description(
                        "Rotations and managed connections by status and, where one of their roles has one, by reason")
                .register(metrics);
        // The codes are words of ours: there are some seventy.
        troubles = MultiGauge.builder("rolewright.troubles")
                .description("What GET /api/v1/troubles lists of the whole organisation, by what it is")
                .register(metrics);
        gauge(
                metrics,
                "rolewright.webhook.messages.waiting",
                "Messages that wait for their receivers",
                webhooksWaiting);
        gauge(
                metrics,
                "rolewright.webhook.messages.dead",
                "Messages that were given up and can be replayed",
                webhooksDead);
        gauge(
                metrics,
                "rolewright.vault.behind",
                "Credentials whose newest version is not in Vault: not yet, or not any more",
                vaultBehind);
        Gauge.builder("rolewright.vault.behind.age", vaultSince, AtomicLong::doubleValue)
                .description("For how long Vault has been behind with the oldest of them; 0 if with none")
                .baseUnit("seconds")
                .register(metrics);
        bytes(metrics, "rolewright.audit.size", "What the audit takes in the store, with its indexes", auditBytes);
        bytes(metrics, "rolewright.store.size", "What the store's database takes", storeBytes);
        Gauge.builder("rolewright.audit.unpruned", auditUnpruned, AtomicLong::doubleValue)
                .description("For how long the oldest row of the audit has been older than ROLEWRIGHT_AUDIT_RETENTION")
                .baseUnit("seconds")
                .register(metrics);
        Gauge.builder("rolewright.store.writable", writable, AtomicLong::doubleValue)
                .description("0 while the store answers and takes no writes: it is read-only, or its disk is full")
                .register(metrics);
        Gauge.builder("rolewright.store.look.age", this, gauges -> (System.nanoTime() - gauges.looked) / 1e9)
                .description("How old the numbers are that are read from the store")
                .baseUnit("seconds")
                .register(metrics);
        Gauge.builder("rolewright.ready", startup, ready -> ready.state().ready() ? 1 : 0)
                .description("1 once this process has started; what it cannot do now, readiness says")
                .register(metrics);
        repeated = new Repeated(
                "Counting for metrics", vertx, () -> startup.state().ready(), this::look);
    }

    private static void gauge(MeterRegistry metrics, String name, String description, AtomicLong value) {
        Gauge.builder(name, value, AtomicLong::doubleValue)
                .description(description + "; the same from every replica")
                .register(metrics);
    }

    private static void bytes(MeterRegistry metrics, String name, String description, AtomicLong value) {
        Gauge.builder(name, value, AtomicLong::doubleValue)
                .description(description)
                .baseUnit("bytes")
                .register(metrics);
    }

    void start(@Observes StartupEvent event) {
        repeated.start(FIRST, INTERVAL);
    }

    void stop(@Observes ShutdownEvent event) {
        repeated.stop(Duration.ZERO);
    }

    Uni<Void> look() {
        return store.look()
                .invoke(seen -> {
                    own.seen(seen);
                    writable.set(seen.canWrite() ? 1 : 0);
                })
                .chain(() -> search.count(own.now()))
                .invoke(this::count)
                .chain(() -> pool.preparedQuery(REST).execute(Tuple.of(retention)))
                .invoke(this::keep)
                .replaceWithVoid();
    }

    private void count(List<TroubleSearch.Count> counts) {
        List<MultiGauge.Row<?>> all = new ArrayList<>();
        List<MultiGauge.Row<?>> wrong = new ArrayList<>();
        for (TroubleSearch.Count each : counts) {
            if (each.rank() == null || each.kind() == null) {
                all.add(MultiGauge.Row.of(Tags.of("status", each.status(), "reason", each.code()), each.number()));
            } else {
                String severity = TroubleSearch.SEVERITIES.get(each.rank());
                wrong.add(MultiGauge.Row.of(
                        Tags.of(
                                "severity",
                                severity,
                                "kind",
                                each.kind(),
                                "status",
                                each.status(),
                                "code",
                                each.code()),
                        each.number()));
            }
        }
        credentials.register(all, true);
        troubles.register(wrong, true);
    }

    private void keep(RowSet<Row> rows) {
        Row row = rows.iterator().next();
        webhooksWaiting.set(row.getLong("webhooks_waiting"));
        webhooksDead.set(row.getLong("webhooks_dead"));
        vaultBehind.set(row.getLong("vault_behind"));
        vaultSince.set(row.getLong("vault_since"));
        auditBytes.set(row.getLong("audit_bytes"));
        auditUnpruned.set(row.getLong("audit_unpruned"));
        own.auditIs(Duration.ofSeconds(auditUnpruned.get()));
        storeBytes.set(row.getLong("store_bytes"));
        looked = System.nanoTime();
    }
}
