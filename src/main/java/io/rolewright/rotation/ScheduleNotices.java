package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.outbox.Fact;
import io.rolewright.outbox.Outbox;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What becomes true by nothing but time: a planned rotation is late, or the password that it replaces ends soon. Each is told once for
 * each planned rotation. Whoever has time calls; replicas share the work by the rows' locks.
 */
@ApplicationScoped
public class ScheduleNotices {

    /** Rows of one transaction, as in the queries. */
    private static final int AT_ONCE = 100;

    /** {@code statement_timestamp}, as an index is bounded only by what is stable: by {@code clock_timestamp} all rotations would be read. */
    private static final String OVERDUE = """
            SELECT id FROM secret_rotation
             WHERE next_rotation_at < statement_timestamp() - make_interval(secs => ?1) AND revoking_since IS NULL
               AND overdue_told_for IS DISTINCT FROM next_rotation_at
             ORDER BY next_rotation_at LIMIT 100 FOR UPDATE SKIP LOCKED""";

    private static final String EXPIRING = """
            SELECT id FROM secret_rotation
             WHERE next_rotation_at < statement_timestamp() + make_interval(secs => ?1) AND revoking_since IS NULL
               AND expiry_told_for IS DISTINCT FROM next_rotation_at
             ORDER BY next_rotation_at LIMIT 100 FOR UPDATE SKIP LOCKED""";

    private final RotationStore store;
    private final ManagedRoles roles;
    private final Outbox outbox;
    private final RotationConfig config;

    ScheduleNotices(RotationStore store, ManagedRoles roles, Outbox outbox, RotationConfig config) {
        this.store = store;
        this.roles = roles;
        this.outbox = outbox;
        this.config = config;
    }

    /**
     * Puts what has become true into the outbox, a hundred facts of each kind at least, more while there is time. Needs a store session
     * of its own.
     *
     * @return whether something was left for lack of time
     */
    public Uni<Boolean> tell(Deadline budget) {
        return all(OVERDUE, DueRotations.LATE, ScheduleNotices::overdue, budget)
                .chain(moreOverdue -> all(EXPIRING, config.expiryNotice(), this::expiring, budget)
                        .map(moreExpiring -> moreOverdue || moreExpiring));
    }

    private Uni<Boolean> all(
            String query, Duration span, Function<List<Rotation>, Uni<List<Fact>>> tell, Deadline budget) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.createNativeQuery(query, UUID.class)
                                .setParameter(1, (double) span.toSeconds())
                                .getResultList())
                        .call(ids -> ids.isEmpty()
                                ? Uni.createFrom().voidItem()
                                : store.byIds(ids).chain(tell::apply).chain(outbox::putAll)))
                .chain(ids -> ids.size() == AT_ONCE && !budget.passed()
                        ? all(query, span, tell, budget)
                        : Uni.createFrom().item(ids.size() == AT_ONCE));
    }

    private static Uni<List<Fact>> overdue(List<Rotation> rows) {
        List<Fact> facts = new ArrayList<>();
        for (Rotation row : rows) {
            row.overdueToldFor = row.nextRotationAt;
            facts.add(fact(row, "rotation.overdue", Map.of("nextRotationAt", row.nextRotationAt.toString())));
        }
        return Uni.createFrom().item(facts);
    }

    /** The next rotation replaces the password of one role; the other's goes on. Nothing ends if that role has none yet. */
    private Uni<List<Fact>> expiring(List<Rotation> rows) {
        Map<UUID, Rotation> byRole =
                rows.stream().collect(Collectors.toMap(row -> row.roleId(row.nextIndex()), Function.identity()));
        rows.forEach(row -> row.expiryToldFor = row.nextRotationAt);
        return roles.statuses(byRole.keySet())
                .map(found -> found.stream()
                        .filter(role -> role.currentNumber() != null)
                        .map(role -> expiring(byRole.get(role.id()), role.roleName()))
                        .toList());
    }

    private static Fact expiring(Rotation row, String username) {
        return fact(
                row,
                "rotation.credential-expiring",
                Map.of("username", username, "expiresAt", row.nextRotationAt.toString()));
    }

    private static Fact fact(Rotation row, String type, Map<String, Object> facts) {
        return new Fact(type, row.project.id, RotationOwner.KIND, row.id, row.credentialVersion, facts);
    }
}
