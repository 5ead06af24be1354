package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.outbox.Fact;
import io.rolewright.outbox.Outbox;
import io.rolewright.request.Moments;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What becomes true by nothing but time: a planned change is late, or the password that it replaces ends soon, each told once for each
 * planned change; or the server will soon let a role in no more, told once for each {@code VALID UNTIL}. Whoever has time calls; replicas share the work by the rows' locks.
 */
@ApplicationScoped
public class ScheduleNotices {

    /** Rows of one transaction, as in the query. */
    private static final int AT_ONCE = 100;

    /** Nothing is overdue before that: a look, a slow target, another replica's lease. {@link CredentialStatus#SQL} has the same. */
    static final Duration LATE = Duration.ofMinutes(15);

    private static final String HOW_MANY_OVERDUE = "SELECT count(*) AS overdue FROM credential"
            + " WHERE next_rotation_at < statement_timestamp() - make_interval(secs => $1)";

    /**
     * Marks as told, and returns what is to be told. What is locked is about to change its plan, and is looked at again. The rows that
     * are written are those that the build before writes; {@code statement_timestamp}, as an index is bounded only by what is stable.
     */
    private static final String UNTOLD = """
            WITH untold AS (
                SELECT id FROM credential
                 WHERE next_rotation_at < statement_timestamp() + make_interval(secs => ?1) AND revoking_since IS NULL
                   AND %1$s IS DISTINCT FROM next_rotation_at
                 ORDER BY next_rotation_at LIMIT 100),
            rotations AS (
                UPDATE secret_rotation SET %1$s = next_rotation_at WHERE id IN (
                    SELECT r.id FROM secret_rotation r JOIN untold USING (id)
                     WHERE r.next_rotation_at < statement_timestamp() + make_interval(secs => ?1)
                       AND r.revoking_since IS NULL AND r.%1$s IS DISTINCT FROM r.next_rotation_at
                       FOR UPDATE OF r SKIP LOCKED) RETURNING id),
            connections AS (
                UPDATE managed_connection SET %1$s = next_rotation_at WHERE connection_id IN (
                    SELECT m.connection_id FROM managed_connection m JOIN untold ON untold.id = m.connection_id
                     WHERE m.next_rotation_at < statement_timestamp() + make_interval(secs => ?1)
                       AND m.released_version IS NULL AND m.%1$s IS DISTINCT FROM m.next_rotation_at
                       FOR UPDATE OF m SKIP LOCKED) RETURNING connection_id)
            SELECT id FROM rotations UNION ALL SELECT connection_id FROM connections""";

    private static final String OVERDUE = UNTOLD.formatted("overdue_told_for");
    private static final String EXPIRING = UNTOLD.formatted("expiry_told_for");

    /** Why a password ends that no change ends. */
    static final String VALID_UNTIL = "valid_until";

    private static final String ENDING = """
            WITH untold AS (
                UPDATE managed_role SET valid_until_told_for = valid_until WHERE id IN (
                    SELECT id FROM managed_role
                     WHERE valid_until > statement_timestamp() AND valid_until < statement_timestamp() + make_interval(secs => ?1)
                       AND deleted_at IS NULL AND valid_until_told_for IS DISTINCT FROM valid_until
                     ORDER BY valid_until LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING id)
            SELECT id FROM untold""";

    private final Pool pool;
    private final ManagedRoles roles;
    private final Consequences consequences;
    private final Outbox outbox;
    private final ScheduleConfig config;

    ScheduleNotices(Pool pool, ManagedRoles roles, Consequences consequences, Outbox outbox, ScheduleConfig config) {
        this.pool = pool;
        this.roles = roles;
        this.consequences = consequences;
        this.outbox = outbox;
        this.config = config;
    }

    /** How many credentials should have been changed a quarter of an hour ago, and were not. */
    public Uni<Long> overdue() {
        return pool.preparedQuery(HOW_MANY_OVERDUE)
                .execute(Tuple.of((double) LATE.toSeconds()))
                .map(rows -> rows.iterator().next().getLong("overdue"));
    }

    /**
     * Puts what has become true into the outbox, a hundred facts of each kind at least, more while there is time. Needs a store session
     * of its own.
     *
     * @return whether something was left for lack of time
     */
    public Uni<Boolean> tell(Deadline budget) {
        return all(OVERDUE, LATE.negated(), ScheduleNotices::overdue, budget)
                .chain(moreOverdue -> all(EXPIRING, config.expiryNotice(), ScheduleNotices::expiring, budget)
                        .map(moreExpiring -> moreOverdue || moreExpiring))
                .chain(more -> ending(budget).map(moreEnding -> more || moreEnding));
    }

    /** Roles that their servers let in for less than a day more. */
    private Uni<Boolean> ending(Deadline budget) {
        List<ManagedRole> told = new ArrayList<>();
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.createNativeQuery(ENDING, UUID.class)
                                .setParameter(1, (double) config.expiryNotice().toSeconds())
                                .getResultList())
                        .call(ids -> ids.isEmpty()
                                ? Uni.createFrom().voidItem()
                                : CredentialStore.roles(ids).chain(found -> ending(found, told))))
                .invoke(() -> told.forEach(
                        role -> Failures.ends(role.ownerKind, role.ownerId, role.roleName, role.validUntil)))
                .chain(ids -> ids.size() == AT_ONCE && !budget.passed()
                        ? ending(budget)
                        : Uni.createFrom().item(ids.size() == AT_ONCE));
    }

    /** @param told gets those of which there is something to tell */
    private Uni<Void> ending(List<ManagedRole> found, List<ManagedRole> told) {
        return CredentialStore.credentials(
                        found.stream().map(role -> role.ownerId).distinct().toList())
                .call(this::owned)
                .chain(credentials -> {
                    Map<UUID, Credential> byId =
                            credentials.stream().collect(Collectors.toMap(Credential::id, Function.identity()));
                    List<Fact> facts = new ArrayList<>();
                    for (ManagedRole role : found) {
                        Credential of = byId.get(role.ownerId);
                        if (of != null && !of.released() && of.revokingSince == null) {
                            told.add(role);
                            facts.add(fact(of, null, "credential-expiring", ends(role)));
                        }
                    }
                    return outbox.putAll(facts);
                });
    }

    static Map<String, Object> ends(ManagedRole role) {
        return Map.of("username", role.roleName, "expiresAt", text(role.validUntil), "reason", VALID_UNTIL);
    }

    private Uni<Boolean> all(
            String query,
            Duration ahead,
            BiFunction<Credential, @Nullable RoleStatus, @Nullable Fact> tell,
            Deadline budget) {
        List<Credential> late = new ArrayList<>();
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.createNativeQuery(query, UUID.class)
                                .setParameter(1, (double) ahead.toSeconds())
                                .getResultList())
                        .call(ids -> ids.isEmpty()
                                ? Uni.createFrom().voidItem()
                                : CredentialStore.credentials(ids)
                                        .call(this::owned)
                                        .invoke(found -> late.addAll(ahead.isNegative() ? found : List.of()))
                                        .chain(found -> facts(found, tell))
                                        .chain(outbox::putAll)))
                .invoke(() -> late.forEach(Failures::overdue))
                .chain(ids -> ids.size() == AT_ONCE && !budget.passed()
                        ? all(query, ahead, tell, budget)
                        : Uni.createFrom().item(ids.size() == AT_ONCE));
    }

    private Uni<List<Fact>> facts(
            List<Credential> found, BiFunction<Credential, @Nullable RoleStatus, @Nullable Fact> tell) {
        return roles.statuses(found.stream().map(Credential::nextRole).toList()).map(statuses -> {
            Map<UUID, RoleStatus> byRole =
                    statuses.stream().collect(Collectors.toMap(RoleStatus::id, Function.identity()));
            return found.stream()
                    .map(each -> tell.apply(each, byRole.get(each.nextRole())))
                    .filter(Objects::nonNull)
                    .toList();
        });
    }

    /** Before anybody is told: one after the other, as a session takes one statement at a time. */
    private Uni<Void> owned(List<Credential> credentials) {
        Uni<Void> all = Uni.createFrom().voidItem();
        for (Credential credential : credentials) {
            all = all.chain(() -> consequences.owned(credential));
        }
        return all;
    }

    private static Fact overdue(Credential late, @Nullable RoleStatus next) {
        return fact(late, next, "overdue", Map.of("nextRotationAt", planned(late)));
    }

    /** The next change replaces the password of one role; another's goes on. Nothing ends if that role has none yet. */
    private static @Nullable Fact expiring(Credential ending, @Nullable RoleStatus next) {
        return next == null || next.currentNumber() == null
                ? null
                : fact(
                        ending,
                        next,
                        "credential-expiring",
                        Map.of("username", next.roleName(), "expiresAt", planned(ending)));
    }

    private static String planned(Credential of) {
        return text(of.plan.nextRotationAt());
    }

    /** @param moment who has nothing planned, or never ends, is not told of; were it so meanwhile, it says so */
    private static String text(@Nullable Instant moment) {
        return moment == null ? "never" : Moments.text(moment);
    }

    private static Fact fact(Credential about, @Nullable RoleStatus next, String what, Map<String, Object> facts) {
        Long number = next == null ? null : next.currentNumber();
        return new Fact(
                about.subjectKind() + "." + what,
                about.projectId,
                about.subjectKind(),
                about.id,
                about.credentialVersion == null ? number : about.credentialVersion,
                facts);
    }
}
