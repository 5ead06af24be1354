package io.rolewright.access;

import io.rolewright.access.Standing.Credential;
import io.rolewright.access.Standing.Held;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.store.SharedAnswer;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
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

    /** With the columns that the seals of the rows are over. */
    private static final String READ = """
            select 'identity' as kind, id, row_seal, client_id as a, name as b, null as c, null as d,
                null::uuid as project_id, null::bytea as fingerprint, null::timestamptz as expires_at,
                null::integer as n, null::integer as m
            from identity where id = $1
            union all
            select 'role', id, row_seal, role, null, null, null, project_id, null, null, null, null
            from role_binding where identity_id = $1
            union all
            select 'setting', id, row_seal, method, access_token_trusted_ips, client_secret_trusted_ips, null, null, null, null,
                access_token_ttl, access_token_max_ttl
            from login_setting where identity_id = $1
            union all
            select 'token', id, row_seal, role, null, null, null, null, fingerprint, expires_at, null, null
            from static_token where identity_id = $1
            union all
            select 'secret', id, row_seal, trusted_ips, null, null, null, null, fingerprint, expires_at, uses_limit, null
            from client_secret where identity_id = $1
            union all
            select 'rule', id, row_seal, method, issuer, ca_cert, conditions::text, null, null, null, null, null
            from token_rule where identity_id = $1""";

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
    private final RowSeals seals;
    private final Map<UUID, Kept> kept = new ConcurrentHashMap<>();
    private final Map<UUID, SharedAnswer<Standing>> reading = new ConcurrentHashMap<>();
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

    /** Grows with every {@link #forget}: what was read while it grew may be old already. */
    private final AtomicLong forgotten = new AtomicLong();

    Standings(Pool pool, RowSeals seals) {
        this.pool = pool;
        this.seals = seals;
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

    /** A row that is not believed is as if it were not there; with a setting goes all that it is for. */
    private Standing standing(UUID identityId, RowSet<Row> rows) {
        String name = null;
        Set<Role> organisation = EnumSet.noneOf(Role.class);
        Map<UUID, Set<Role>> projects = new HashMap<>();
        Map<UUID, Credential> credentials = new HashMap<>();
        Map<UUID, Held> tokens = new HashMap<>();
        Map<String, String> networks = new HashMap<>();
        Set<String> closed = new HashSet<>();
        for (var row : rows) {
            if (row.getString("kind").equals("setting")) {
                var method = row.getString("a");
                if (believes(identityId, row)) {
                    var trustedIps = row.getString("b");
                    networks.put(method, trustedIps == null ? "" : trustedIps);
                } else {
                    closed.add(method);
                }
            }
        }
        for (var row : rows) {
            if (row.getString("kind").equals("setting") || !believes(identityId, row)) {
                continue;
            }
            var text = row.getString("a");
            var id = row.getUUID("id");
            switch (row.getString("kind")) {
                case "identity" -> name = row.getString("b");
                case "role" -> {
                    var project = row.getUUID("project_id");
                    var roles = project == null
                            ? organisation
                            : projects.computeIfAbsent(project, any -> EnumSet.noneOf(Role.class));
                    Role.of(text).ifPresent(roles::add);
                }
                case "token" -> {
                    if (!closed.contains("token-auth")) {
                        tokens.put(
                                id,
                                new Held(
                                        row.getBuffer("fingerprint").getBytes(),
                                        Role.of(text).orElse(null),
                                        text.equals(StaticToken.WHOLE),
                                        networks.getOrDefault("token-auth", ""),
                                        row.getOffsetDateTime("expires_at").toInstant()));
                    }
                }
                case "secret" -> {
                    var end = row.getOffsetDateTime("expires_at");
                    credential(
                            credentials, "universal-auth", id, end == null ? null : end.toInstant(), networks, closed);
                }
                default -> credential(credentials, text, id, null, networks, closed);
            }
        }
        return new Standing(
                identityId, name, new Grants(organisation, projects), Map.copyOf(credentials), Map.copyOf(tokens));
    }

    private static void credential(
            Map<UUID, Credential> credentials,
            String method,
            UUID id,
            @Nullable Instant end,
            Map<String, String> networks,
            Set<String> closed) {
        if (!closed.contains(method)) {
            credentials.put(id, new Credential(networks.getOrDefault(method, ""), end));
        }
    }

    private boolean believes(UUID identityId, Row row) {
        var id = row.getUUID("id");
        byte[] seal = RowSeals.bytes(row.getBuffer("row_seal"));
        var a = row.getString("a");
        return switch (row.getString("kind")) {
            case "identity" -> seals.believes(SealedRow.IDENTITY, id, seal, a);
            case "role" -> seals.believes(SealedRow.ROLE_BINDING, id, seal, identityId, row.getUUID("project_id"), a);
            case "setting" ->
                seals.believes(
                        SealedRow.LOGIN_SETTING,
                        id,
                        seal,
                        identityId,
                        a,
                        row.getInteger("n"),
                        row.getInteger("m"),
                        row.getString("b"),
                        row.getString("c"));
            case "token" ->
                seals.believes(
                        SealedRow.STATIC_TOKEN,
                        id,
                        seal,
                        identityId,
                        a,
                        RowSeals.bytes(row.getBuffer("fingerprint")),
                        row.getOffsetDateTime("expires_at"));
            case "secret" ->
                seals.believes(
                        SealedRow.CLIENT_SECRET,
                        id,
                        seal,
                        identityId,
                        RowSeals.bytes(row.getBuffer("fingerprint")),
                        row.getOffsetDateTime("expires_at"),
                        row.getInteger("n"),
                        a);
            default ->
                seals.believes(
                        SealedRow.TOKEN_RULE,
                        id,
                        seal,
                        identityId,
                        a,
                        row.getString("b"),
                        row.getString("c"),
                        row.getString("d"));
        };
    }

    /** @param readAt {@link System#nanoTime} before the question was sent */
    private record Kept(long readAt, Standing standing) {}
}
