package io.rolewright.credential;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.store.CallersContext;
import io.rolewright.store.OwnContext;
import io.rolewright.store.SharedAnswer;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.rolewright.store.StorePulse;
import io.rolewright.store.StorePulse.Doubt;
import io.rolewright.target.Deadline;
import io.rolewright.target.FencedApply;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordVerdict;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Tries passwords before they are served, while it is in doubt whether the store is as new as the servers ({@link StorePulse}). What was
 * proven after the doubt arose, by its change or a look, is not tried again. What its server refuses is not served. What cannot be
 * tried is served where the doubt is only that nobody wrote to the store for a while, and is not where it did go back.
 *
 * <p>In a copy of the store the doubt never ends: the original goes on. There a password is tried for each reader, unless it was a moment
 * ago.
 *
 * <p>A look is a login; nothing is changed on any server. Any thread may call.
 */
@ApplicationScoped
public class ServedLooks {

    private static final Logger log = Logger.getLogger(ServedLooks.class);

    /** Of all looks that one reader waits for; a request has 9 s. */
    private static final Duration LIMIT = Duration.ofSeconds(4);

    /** In one process for one reader or one pass. */
    private static final int AT_ONCE = 8;

    /** Who asks again sooner is told the same. */
    private static final long REMEMBERED = Duration.ofSeconds(5).toNanos();

    /** Roles in one pass, which begins every few seconds. */
    private static final int IN_ONE_PASS = 20;

    /** By a probe, too, it may have been proven, which does not ask what consumers have seen since. */
    private static final String PROVEN = "greatest(v.current_at, CASE WHEN m.look = 'ok' THEN m.looked_at END)";

    private static final String OPEN = """
            SELECT m.id, m.look = 'refused' AS refused,
                   m.looked_at IS NULL OR m.looked_at < clock_timestamp() - CASE WHEN m.look = 'refused' THEN interval '5 min'
                                                                                ELSE interval '30 s' END AS due
              FROM managed_role m JOIN password_version v ON v.role_id = m.id AND v.state = 'CURRENT'
             WHERE m.deleted_at IS NULL AND coalesce(""" + PROVEN + """
            < $1, true)
             ORDER BY m.looked_at NULLS FIRST""";

    private static final String RECORD = """
            UPDATE managed_role SET looked_at = clock_timestamp(), look = $2,
                   refused_since = CASE WHEN $2 = 'refused' THEN coalesce(refused_since, clock_timestamp()) END
             WHERE id = $1
            RETURNING refused_since""";

    /** Locks first what the build before locks first, as whoever writes a credential does. */
    private static final String COUNT_ON = """
            UPDATE credential SET credential_version = $2 + 1
             WHERE id = $1 AND credential_version < $2 AND $3 = CASE active_index WHEN 0 THEN role1_id ELSE role2_id END
               AND hold_credential($1)
            RETURNING credential_version AS version""";

    private static final String OK = "ok";
    private static final String REFUSED = "refused";

    /**
     * What a look found.
     *
     * @param result {@code ok}, {@code refused} or why there was no answer
     * @param since when it was first refused; when it was proven last, if there was no answer
     */
    private record Seen(
            UUID role,
            UUID version,
            String name,
            String result,
            @Nullable Instant since,
            long at) {}

    private final Pool pool;
    private final ManagingConnections connections;
    private final RoleLogins logins;
    private final Targets targets;
    private final FencedApply fenced;
    private final Markers markers;
    private final Ledger ledger;
    private final StorePulse pulse;
    private final StoreOrigin origin;
    private final Vertx vertx;
    private final AtomicLong stale = new AtomicLong();

    /** Proven since this doubt arose. */
    private volatile Good good = new Good(new Doubt(null, null, null));

    private final Map<UUID, Seen> lately = new ConcurrentHashMap<>();
    private final Map<UUID, SharedAnswer<Seen>> underWay = new ConcurrentHashMap<>();

    private static final class Good {
        private final Doubt doubt;
        private final Set<UUID> roles = ConcurrentHashMap.newKeySet();
        private volatile boolean all;

        private Good(Doubt doubt) {
            this.doubt = doubt;
        }
    }

    ServedLooks(
            Pool pool,
            ManagingConnections connections,
            RoleLogins logins,
            Targets targets,
            FencedApply fenced,
            Markers markers,
            Ledger ledger,
            StorePulse pulse,
            StoreOrigin origin,
            Vertx vertx,
            MeterRegistry metrics) {
        this.origin = origin;
        this.pool = pool;
        this.connections = connections;
        this.logins = logins;
        this.targets = targets;
        this.fenced = fenced;
        this.markers = markers;
        this.ledger = ledger;
        this.pulse = pulse;
        this.vertx = vertx;
        Gauge.builder("rolewright.credentials.stale", stale, AtomicLong::doubleValue)
                .description(
                        "Roles whose servers refuse the password that the store has, found after the store went back or"
                                + " was silent; they are not served. The same from every replica")
                .register(metrics);
    }

    /** Whether there is nothing to try, for whichever role: then {@link #require} need not be asked. */
    public boolean isCalm() {
        Good known = good;
        return !origin.standing().copy() && pulse.isStill(known.doubt) && (!known.doubt.any() || known.all);
    }

    /**
     * Completes when the current passwords of all these roles may be served. Not to be called within a transaction. Roles without a
     * current password pass.
     *
     * @return fails with 503 {@code stale_credential} if one is refused, or cannot be tried after the store went back
     */
    public Uni<Void> require(Collection<UUID> roles) {
        if (isCalm()) {
            return Uni.createFrom().voidItem();
        }
        return CallersContext.answer(() -> OwnContext.on(vertx.getOrCreateContext(), () -> judged(roles)));
    }

    private Uni<Void> judged(Collection<UUID> roles) {
        return pulse.doubt()
                .chain(noticed -> {
                    Good known = origin.standing().copy() ? new Good(inCopy(noticed)) : known(noticed);
                    Doubt doubt = known.doubt;
                    List<UUID> open = roles.stream()
                            .filter(role -> !known.roles.contains(role))
                            .distinct()
                            .toList();
                    return !doubt.any() || open.isEmpty()
                            ? Uni.createFrom().voidItem()
                            : look(known, open, Purpose.REQUEST).invoke(seen -> refuse(doubt, seen));
                })
                .replaceWithVoid();
    }

    /** The original may have changed each password since it was proven, whenever that was. */
    private static Doubt inCopy(Doubt doubt) {
        return new Doubt(doubt.silentUntil(), OffsetDateTime.MAX, "it is a copy, whose original may go on");
    }

    private synchronized Good known(Doubt doubt) {
        if (!good.doubt.equals(doubt)) {
            good = new Good(doubt);
            lately.clear();
        }
        return good;
    }

    /** @return what is not good, of these roles */
    private Uni<List<Seen>> look(Good known, List<UUID> roles, Purpose purpose) {
        Deadline deadline = Deadline.in(LIMIT);
        return Panache.withSession(() -> CredentialStore.currentVersions(roles)).chain(found -> {
            List<Uni<Seen>> looks = new ArrayList<>();
            for (Object[] pair : found) {
                PasswordVersion version = (PasswordVersion) pair[0];
                ManagedRole role = (ManagedRole) pair[1];
                Instant proven = proven(role, version);
                if (isSince(known.doubt, proven)) {
                    known.roles.add(role.id);
                } else {
                    looks.add(shared(role, version, proven, purpose, deadline));
                }
            }
            if (looks.isEmpty()) {
                return Uni.createFrom().item(List.of());
            }
            return Uni.join()
                    .all(looks)
                    .usingConcurrencyOf(AT_ONCE)
                    .andFailFast()
                    .map(all -> all.stream()
                            .filter(seen -> {
                                boolean ok = seen.result().equals(OK);
                                if (ok) {
                                    known.roles.add(seen.role());
                                }
                                return !ok;
                            })
                            .toList());
        });
    }

    private static @Nullable Instant proven(ManagedRole role, PasswordVersion version) {
        return Stream.of(version.currentAt, OK.equals(role.look) ? role.lookedAt : null)
                .filter(Objects::nonNull)
                .max(Comparator.naturalOrder())
                .orElse(null);
    }

    private static boolean isSince(Doubt doubt, @Nullable Instant proven) {
        return proven != null && !isBefore(proven, doubt.silentUntil()) && !isBefore(proven, doubt.wentBackAt());
    }

    private static boolean isBefore(Instant proven, @Nullable OffsetDateTime doubt) {
        return doubt != null && proven.isBefore(doubt.toInstant());
    }

    /** One look at a role at a time, and none sooner than after {@link #REMEMBERED}. */
    private Uni<Seen> shared(
            ManagedRole role, PasswordVersion version, @Nullable Instant proven, Purpose purpose, Deadline deadline) {
        Seen last = lately.get(role.id);
        if (last != null && last.version().equals(version.id) && System.nanoTime() - last.at() < REMEMBERED) {
            return Uni.createFrom().item(last);
        }
        return underWay.computeIfAbsent(
                        role.id,
                        id -> new SharedAnswer<>(
                                OwnContext.on(vertx.getOrCreateContext(), () -> tried(role, version, purpose, deadline))
                                        .chain(result -> recorded(role, version, result, proven))
                                        .onTermination()
                                        .invoke(() -> underWay.remove(id))))
                .get();
    }

    private Uni<String> tried(ManagedRole role, PasswordVersion version, Purpose purpose, Deadline deadline) {
        return connections
                .login(role.connectionId)
                .chain((@Nullable Login place) -> place == null
                        ? Uni.createFrom().item("no_connection")
                        : tried(role, logins.login(place, role, version), purpose, deadline))
                .onFailure(failure -> !StoreFault.isOutage(failure))
                .recoverWithItem(failure -> failure instanceof Problem problem ? problem.code() : "not_in_time");
    }

    private Uni<String> tried(ManagedRole role, Login login, Purpose purpose, Deadline deadline) {
        return targets.login(login, purpose, deadline)
                .call(outcome -> outcome instanceof LoginOutcome.Accepted
                                && !origin.standing().copy()
                        ? countedOn(role, login, purpose, deadline)
                        : Uni.createFrom().voidItem())
                .map(ServedLooks::result);
    }

    /**
     * Where the store has forgotten that the other role of a dual was served since, what is served again gets a number above that one: versions
     * go on for who has seen it. Where the marker cannot be read, it keeps the number that it has.
     */
    private Uni<Void> countedOn(ManagedRole role, Login login, Purpose purpose, Deadline deadline) {
        return Panache.withSession(() -> CredentialStore.credential(role.ownerId)
                        .chain(credential -> credential == null
                                        || credential.role2Id == null
                                        || !credential.servedRole().equals(role.id)
                                ? Uni.createFrom().<ManagedRole>nullItem()
                                : CredentialStore.role(
                                        role.id.equals(credential.role1Id) ? credential.role2Id : credential.role1Id)))
                .chain((@Nullable ManagedRole other) -> other == null
                        ? Uni.createFrom().voidItem()
                        : fenced.marker(login, other.roleName, purpose, deadline)
                                .onFailure(TargetFailure.class)
                                .recoverWithNull()
                                .chain(marker -> marker == null
                                                || marker.version() == Long.MAX_VALUE
                                                || !markers.isOf(role.ownerId, marker)
                                        ? Uni.createFrom().voidItem()
                                        : ledger.knows(other, marker.epoch())
                                                .chain(known -> known
                                                        ? Uni.createFrom().voidItem()
                                                        : countOn(role, marker.version()))));
    }

    private Uni<Void> countOn(ManagedRole role, long seen) {
        return pool.preparedQuery(COUNT_ON)
                .execute(Tuple.of(role.ownerId, seen, role.id))
                .invoke(rows -> rows.forEach(row -> log.infof(
                        "Consumers of %s %s have seen version %d, which the store has forgotten: what it serves again is"
                                + " version %d.",
                        role.ownerKind, role.ownerId, (Long) seen, row.getLong("version"))))
                .onFailure(StoreFault::cannotWrite)
                .recoverWithNull()
                .replaceWithVoid();
    }

    /** What lets the role in is served, whether or not it could be told that it is the password that does. */
    private static String result(LoginOutcome outcome) {
        if (outcome instanceof LoginOutcome.Accepted
                || outcome instanceof LoginOutcome.Refused refused && refused.password() == PasswordVerdict.ACCEPTED) {
            return OK;
        }
        return Proofs.refusesPassword(outcome) ? REFUSED : outcome.code();
    }

    private Uni<Seen> recorded(ManagedRole role, PasswordVersion version, String result, @Nullable Instant proven) {
        return pool.preparedQuery(RECORD)
                .execute(Tuple.of(role.id, result))
                .map(rows -> {
                    for (Row row : rows) {
                        OffsetDateTime since = row.getOffsetDateTime("refused_since");
                        return since == null ? proven : since.toInstant();
                    }
                    return proven;
                })
                .onFailure(StoreFault::cannotWrite) // what was found holds all the same
                .recoverWithItem(proven)
                .map(since -> {
                    Seen seen = new Seen(role.id, version.id, role.roleName, result, since, System.nanoTime());
                    lately.put(role.id, seen);
                    if (result.equals(REFUSED) && role.refusedSince == null) {
                        log.warnf(
                                "The server refuses the password that the store has for role %s (id %s, of %s %s). It is"
                                        + " not served: 503 stale_credential.",
                                role.roleName, role.id, role.ownerKind, role.ownerId);
                    }
                    return seen;
                });
    }

    private static void refuse(Doubt doubt, List<Seen> notGood) {
        List<Seen> stale = notGood.stream()
                .filter(seen -> seen.result().equals(REFUSED)
                        || seen.since() == null
                        || isBefore(seen.since(), doubt.wentBackAt()))
                .toList();
        if (!stale.isEmpty()) {
            throw new Stale(stale, doubt);
        }
    }

    // ---- Without a reader -----------------------------------------------------------------------------------------

    /**
     * Tries a bounded number of what nobody has asked for yet, the longest untried first; nothing while there is no doubt.
     *
     * @return whether something is left
     */
    public Uni<Boolean> pass() {
        return pulse.doubt().chain(doubt -> {
            Good known = known(doubt);
            if (!doubt.any() || known.all) {
                return Uni.createFrom().item(false);
            }
            OffsetDateTime since = Stream.of(doubt.silentUntil(), doubt.wentBackAt())
                    .filter(Objects::nonNull)
                    .max(Comparator.naturalOrder())
                    .orElseThrow();
            return pool.preparedQuery(OPEN).execute(Tuple.of(since)).chain(rows -> {
                List<UUID> due = new ArrayList<>();
                long refused = 0;
                for (Row row : rows) {
                    refused += Boolean.TRUE.equals(row.getBoolean("refused")) ? 1 : 0;
                    if (Boolean.TRUE.equals(row.getBoolean("due")) && due.size() < IN_ONE_PASS) {
                        due.add(row.getUUID("id"));
                    }
                }
                stale.set(refused);
                known.all = rows.size() == 0;
                return due.isEmpty()
                        ? Uni.createFrom().item(rows.size() > 0)
                        : look(known, due, Purpose.DUE_WORK).replaceWith(true);
            });
        });
    }

    /** What is answered with 503 {@code stale_credential}; with since when it is refused. */
    private static final class Stale extends Problem {
        private Stale(List<Seen> stale, Doubt doubt) {
            super(
                    ErrorCode.STALE_CREDENTIAL,
                    "The store of this service "
                            + (OffsetDateTime.MAX.equals(doubt.wentBackAt())
                                    ? "is a copy, whose original may go on, and "
                                    : "went back in time or was silent, and ")
                            + (stale.get(0).result().equals(REFUSED)
                                    ? "the server refuses the password that it has for "
                                    : "it cannot be tried at present which password is the right one for ")
                            + stale.stream()
                                    .map(Seen::name)
                                    .sorted()
                                    .distinct()
                                    .limit(10)
                                    .toList()
                            + ". Keep the credential that you have.",
                    Map.of("credentials", stale.stream().map(Stale::detail).toList()),
                    Map.of("Retry-After", "30"));
        }

        private static Map<String, Object> detail(Seen seen) {
            String when = seen.result().equals(REFUSED) ? "refusedSince" : "provenAt";
            return seen.since() == null
                    ? Map.of("role", seen.name(), "reason", seen.result())
                    : Map.of("role", seen.name(), "reason", seen.result(), when, seen.since());
        }
    }
}
