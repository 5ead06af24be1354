package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.outbox.Fact;
import io.rolewright.outbox.Outbox;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;

/**
 * What becomes true by nothing but time: a planned rotation is late, or the password that it replaces ends soon. Each is told once for
 * each planned rotation. Whoever has time calls; replicas share the work by the rows' locks.
 */
@ApplicationScoped
public class ScheduleNotices {

    /** As for the count of overdue rotations. */
    private static final Duration LATE = Duration.ofMinutes(15);

    /** Rows of one transaction, as in the queries. */
    private static final int AT_ONCE = 100;

    private static final String OVERDUE = """
            SELECT id FROM secret_rotation
             WHERE next_rotation_at < clock_timestamp() - make_interval(secs => ?1) AND revoking_since IS NULL
               AND overdue_told_for IS DISTINCT FROM next_rotation_at
             ORDER BY next_rotation_at LIMIT 100 FOR UPDATE SKIP LOCKED""";

    private static final String EXPIRING = """
            SELECT id FROM secret_rotation
             WHERE next_rotation_at < clock_timestamp() + make_interval(secs => ?1) AND revoking_since IS NULL
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

    /** Puts what has become true into the outbox. Needs a store session of its own. */
    public Uni<Void> tell() {
        return all(OVERDUE, LATE, this::overdue).chain(() -> all(EXPIRING, config.expiryNotice(), this::expiring));
    }

    private Uni<Void> all(String query, Duration span, Function<Rotation, Uni<Void>> tell) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> session.createNativeQuery(query, UUID.class)
                                .setParameter(1, (double) span.toSeconds())
                                .getResultList())
                        .call(ids -> oneByOne(ids, tell)))
                .chain(ids -> ids.size() == AT_ONCE
                        ? all(query, span, tell)
                        : Uni.createFrom().voidItem());
    }

    private Uni<Void> oneByOne(List<UUID> ids, Function<Rotation, Uni<Void>> tell) {
        Uni<Void> done = Uni.createFrom().voidItem();
        for (UUID id : ids) {
            done = done.chain(() -> store.byId(id)).chain(tell::apply);
        }
        return done;
    }

    private Uni<Void> overdue(Rotation row) {
        row.overdueToldFor = row.nextRotationAt;
        return put(row, "rotation.overdue", Map.of("nextRotationAt", row.nextRotationAt.toString()));
    }

    /** The next rotation replaces the password of one role; the other's goes on. Nothing ends if that role has none yet. */
    private Uni<Void> expiring(Rotation row) {
        row.expiryToldFor = row.nextRotationAt;
        return roles.status(row.roleId(row.nextIndex()))
                .chain(role -> role == null || role.currentNumber() == null
                        ? Uni.createFrom().voidItem()
                        : put(
                                row,
                                "rotation.credential-expiring",
                                Map.of("username", role.roleName(), "expiresAt", row.nextRotationAt.toString())));
    }

    private Uni<Void> put(Rotation row, String type, Map<String, Object> facts) {
        return outbox.put(new Fact(type, row.project.id, RotationOwner.KIND, row.id, row.credentialVersion, facts));
    }
}
