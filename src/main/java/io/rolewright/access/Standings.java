package io.rolewright.access;

import io.rolewright.access.Standing.Held;
import io.rolewright.store.SharedAnswer;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/**
 * What the identities that call are and may do: read when one calls, kept until the {@link TokenLedger} hears that it was
 * changed. So a change counts in every replica within {@link AccessConfig#revocationDelay}, without a query per request.
 * Any thread may call.
 */
@ApplicationScoped
class Standings {

    private static final String READ = """
            with setting as (
                select method, access_token_trusted_ips as trusted_ips from login_setting where identity_id = $1)
            select 'identity' as kind, name as text, null::uuid as id, null::bytea as fingerprint,
                   null::timestamptz as expires_at, null as trusted_ips
            from identity where id = $1
            union all
            select 'role', role, project_id, null, null, null from role_binding where identity_id = $1
            union all
            select 'token', t.role, t.id, t.fingerprint, t.expires_at, s.trusted_ips
            from static_token t left join setting s on s.method = 'token-auth' where t.identity_id = $1
            union all
            select 'credential', null, c.id, null, null, s.trusted_ips
            from client_secret c left join setting s on s.method = 'universal-auth' where c.identity_id = $1
            union all
            select 'credential', null, r.id, null, null, s.trusted_ips
            from token_rule r left join setting s on s.method = r.method where r.identity_id = $1""";

    /** One row per identity, and none that every copy has outlived. */
    private static final String CHANGED = """
            with swept as (
                delete from access_change where identity_id in (
                    select identity_id from access_change
                    where at < now() - interval '1 day' and identity_id <> ?1 limit 10 for update skip locked))
            insert into access_change as c (identity_id) values (?1)
            on conflict (identity_id) do update set at = greatest(c.at, excluded.at)""";

    /** So that an idle replica, which has not asked for longer than changes are kept, trusts no old copy. */
    private static final Duration LONGEST_KEPT = Duration.ofMinutes(10);

    private static final Duration LONGEST_READ = Duration.ofSeconds(3);

    /** As many identities are remembered at once; each costs about a kilobyte. */
    private static final int MOST_KEPT = 5000;

    private final Pool pool;
    private final Map<UUID, Kept> kept = new ConcurrentHashMap<>();
    private final Map<UUID, SharedAnswer<Standing>> reading = new ConcurrentHashMap<>();
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

    /** Grows with every {@link #forget}: what was read while it grew may be old already. */
    private final AtomicLong forgotten = new AtomicLong();

    Standings(Pool pool) {
        this.pool = pool;
    }

    /** @return null if the store has to be asked: {@link #read} */
    @Nullable
    Standing known(UUID identityId) {
        var copy = kept.get(identityId);
        return copy == null || System.nanoTime() - copy.readAt > LONGEST_KEPT.toNanos() ? null : copy.standing;
    }

    /** Asks the store; whoever comes while that is going on shares the answer. */
    Uni<Standing> read(UUID identityId) {
        return reading.computeIfAbsent(
                        identityId,
                        id -> new SharedAnswer<>(Uni.createFrom()
                                .deferred(() -> ask(id))
                                .ifNoItem()
                                .after(LONGEST_READ)
                                .fail()
                                .onTermination()
                                .invoke(() -> reading.remove(id))))
                .get();
    }

    void forget(Collection<UUID> identityIds) {
        if (!identityIds.isEmpty()) {
            forgotten.incrementAndGet();
            identityIds.forEach(id -> {
                kept.remove(id);
                reading.remove(id); // Who comes now must not get what was read before.
            });
            listeners.forEach(Runnable::run);
        }
    }

    /** @param listener see {@link CallerChanges#whenChanged} */
    void whenForgotten(Runnable listener) {
        listeners.add(listener);
    }

    /** To be called in the transaction that changes an identity; {@link #forget} it here when that has committed. */
    static Uni<Void> changed(Mutiny.Session session, UUID identityId) {
        return session.createNativeQuery(CHANGED)
                .setParameter(1, identityId)
                .executeUpdate()
                .replaceWithVoid();
    }

    /** The same for all that have a role in a project, before it goes. @return who they are */
    static Uni<List<UUID>> changedIn(Mutiny.Session session, UUID projectId) {
        return session.createNativeQuery(
                        "select distinct identity_id from role_binding where project_id = ?1", UUID.class)
                .setParameter(1, projectId)
                .getResultList()
                .call(members -> {
                    Uni<Void> all = Uni.createFrom().voidItem();
                    for (var member : members) { // one session: one at a time
                        all = all.chain(() -> changed(session, member));
                    }
                    return all;
                });
    }

    private Uni<Standing> ask(UUID identityId) {
        long before = forgotten.get();
        long askedAt = System.nanoTime();
        return pool.preparedQuery(READ)
                .execute(Tuple.of(identityId))
                .map(rows -> standing(identityId, rows))
                .invoke(standing -> {
                    if (kept.size() >= MOST_KEPT) {
                        kept.clear(); // The callers of the moment are back at once.
                    }
                    kept.put(identityId, new Kept(askedAt, standing));
                    if (forgotten.get() != before) {
                        kept.remove(identityId);
                    }
                });
    }

    private static Standing standing(UUID identityId, RowSet<Row> rows) {
        String name = null;
        Set<Role> organisation = EnumSet.noneOf(Role.class);
        Map<UUID, Set<Role>> projects = new HashMap<>();
        Map<UUID, String> credentials = new HashMap<>();
        Map<UUID, Held> tokens = new HashMap<>();
        for (var row : rows) {
            var text = row.getString("text");
            var networks = row.getString("trusted_ips");
            var trustedIps = networks == null ? "" : networks;
            var id = row.getUUID("id");
            switch (row.getString("kind")) {
                case "identity" -> name = text;
                case "role" -> {
                    var roles =
                            id == null ? organisation : projects.computeIfAbsent(id, any -> EnumSet.noneOf(Role.class));
                    Role.of(text).ifPresent(roles::add);
                }
                case "token" ->
                    tokens.put(
                            id,
                            new Held(
                                    row.getBuffer("fingerprint").getBytes(),
                                    Role.of(text).orElse(null),
                                    text.equals(StaticToken.WHOLE),
                                    trustedIps,
                                    row.getOffsetDateTime("expires_at").toInstant()));
                default -> credentials.put(id, trustedIps);
            }
        }
        return new Standing(
                identityId, name, new Grants(organisation, projects), Map.copyOf(credentials), Map.copyOf(tokens));
    }

    /** @param readAt {@link System#nanoTime} before the question was sent */
    private record Kept(long readAt, Standing standing) {}
}
