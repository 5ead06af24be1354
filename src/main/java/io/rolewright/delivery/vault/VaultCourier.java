package io.rolewright.delivery.vault;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.rolewright.connection.ConnectionEndpoints;
import io.rolewright.credential.Passwords;
import io.rolewright.credential.Served;
import io.rolewright.rotation.ServedSecrets;
import io.rolewright.rotation.VaultDeliveries;
import io.rolewright.rotation.VaultDeliveries.Claimed;
import io.rolewright.rotation.VaultDeliveries.Evidence;
import io.rolewright.rotation.VaultDeliveries.Known;
import io.rolewright.rotation.VaultKvConfig;
import io.rolewright.rotation.VaultPlaces;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.rolewright.work.Due;
import io.rolewright.work.Lanes;
import io.rolewright.work.Ramp;
import io.rolewright.work.Went;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes to Vault what is to be written there. Whoever has time calls; replicas share the work by the rows' locks. A delivery is claimed
 * first and counts only when it is known to be in Vault, so one whose process died on the way is made again after a minute, and found
 * there if it had come that far. Where nothing is to be written, what was is looked at from time to time. Passwords are opened when they are written; no store transaction is open while Vault is talked to.
 */
@ApplicationScoped
public class VaultCourier {

    /** Deliveries at a time, each a socket: a Vault that answers takes some milliseconds for each. */
    private static final int LANES = 4;

    /** The one that there is. */
    private static final UUID VAULT = new UUID(0, 0);

    /** With less left nothing is begun any more. */
    private static final Duration WORTH_BEGINNING = Duration.ofSeconds(2);

    /** Found by a look: readers get nothing, or something else. */
    private static final Set<String> LOST = Set.of(
            VaultKv.GONE,
            "vault_version_deleted",
            "vault_version_destroyed",
            "vault_version_expired",
            "vault_changed_by_hand");

    private static final Logger log = Logger.getLogger(VaultCourier.class);

    private final VaultDeliveries deliveries;
    private final VaultPlaces places;
    private final ServedSecrets served;
    private final Passwords passwords;
    private final ConnectionEndpoints endpoints;
    private final VaultKv vault;
    private final VaultKvConfig config;
    private final StoreOrigin origin;
    private final Vertx vertx;
    private final Counter deliveredCount;
    private final Counter failedCount;
    private final Counter lostCount;
    private final Set<Round> rounds = ConcurrentHashMap.newKeySet();
    private final Ramp ramp = new Ramp(LANES);
    private volatile boolean stopping;
    private @Nullable Round background;

    VaultCourier(
            VaultDeliveries deliveries,
            VaultPlaces places,
            ServedSecrets served,
            Passwords passwords,
            ConnectionEndpoints endpoints,
            VaultKv vault,
            VaultKvConfig config,
            StoreOrigin origin,
            Vertx vertx,
            MeterRegistry metrics) {
        this.origin = origin;
        this.deliveries = deliveries;
        this.places = places;
        this.served = served;
        this.passwords = passwords;
        this.endpoints = endpoints;
        this.vault = vault;
        this.config = config;
        this.vertx = vertx;
        this.deliveredCount = metrics.counter("rolewright.vault.deliveries", "outcome", "delivered");
        this.failedCount = metrics.counter("rolewright.vault.deliveries", "outcome", "failed");
        this.lostCount = metrics.counter("rolewright.vault.deliveries", "outcome", "lost");
    }

    /**
     * @param delivered secrets that are in Vault now
     * @param more whether something due may be left, for lack of time or because the store failed
     */
    public record Written(int delivered, boolean more) {}

    /** Writes what is due until nothing is, or the time is nearly up. Safe to call from many places at once. Never fails; answers on the context that subscribes. */
    public Uni<Written> write(Deadline budget) {
        if (!mayWrite()) {
            return Uni.createFrom().item(new Written(0, false));
        }
        return Uni.createFrom().deferred(() -> write(new Round(budget)));
    }

    private boolean mayWrite() {
        return places.isOpen() && !origin.standing().copy();
    }

    private Uni<Written> write(Round round) {
        rounds.add(round);
        return round.run().onTermination().invoke(() -> rounds.remove(round));
    }

    /** The same in the background; what it finds while it is under way already need not wait for what holds that up. */
    public synchronized void wake(Duration longest) {
        if (!mayWrite() || background != null && background.lanes.again()) {
            return;
        }
        Round round = new Round(Deadline.in(longest));
        background = round;
        write(round).subscribe().with(written -> {}, impossible -> {});
    }

    /** Has it called when something is to be written that no fact in the outbox tells of. */
    public void whenDue(Runnable listener) {
        deliveries.whenDue(listener);
    }

    /** When the next is due, in the past if one waits already; empty when nothing does. */
    public Uni<Optional<Instant>> nextDue() {
        return deliveries.nextDue();
    }

    /** Begins nothing more. What is under way and does not end is taken up by another after a minute. */
    public void stop() {
        stopping = true;
        rounds.forEach(round -> round.lanes.stop());
    }

    public boolean isIdle() {
        return rounds.isEmpty();
    }

    /** One round, and what came of it. */
    private final class Round implements Due<Claimed> {

        private final Deadline budget;
        private final Lanes<Claimed> lanes;
        private final AtomicInteger delivered = new AtomicInteger();

        Round(Deadline budget) {
            this.budget = budget;
            this.lanes = new Lanes<>("A delivery to Vault", this, ramp, Lanes.Width.of(LANES), this::timeIsUp, vertx);
        }

        private boolean timeIsUp() {
            return stopping || budget.left().compareTo(WORTH_BEGINNING) < 0;
        }

        Uni<Written> run() {
            return lanes.run().map(done -> new Written(delivered.get(), done.more()));
        }

        /** One by one: there is one Vault, and how many it gets at once is the {@link Ramp}'s to say. */
        @Override
        public Uni<List<Claimed>> claim(int most, Set<UUID> full) {
            return full.contains(VAULT)
                    ? Uni.createFrom().item(List.of())
                    : deliveries.claim().map(claimed -> claimed == null ? List.of() : List.of(claimed));
        }

        @Override
        public UUID key(Claimed claimed) {
            return VAULT;
        }

        @Override
        public Uni<Went> work(Claimed claimed) {
            if (!places.allow(claimed.project(), claimed.mount(), claimed.path())) {
                return ended(claimed, refused("place_not_allowed"), 0);
            }
            return served.snapshot(() -> secret(claimed))
                    .chain(secret -> secret == null
                            ? deliveries.nothingToDo(claimed).replaceWith(Went.REFUSED)
                            : looked(claimed, secret).chain(put -> ended(claimed, put, secret.version())));
        }

        private Duration left() {
            return budget.within(config.timeout()).left();
        }

        /** A Vault that went back gets nothing, and is asked by the one delivery alone that has seen it. */
        private Uni<VaultKv.Put> looked(Claimed claimed, VaultSecret secret) {
            Known known = claimed.known();
            Evidence evidence = known.evidence();
            if (!VaultKv.WENT_BACK.equals(known.suspect())) {
                return put(claimed, secret);
            }
            if (!known.suspectByThis() || evidence == null) {
                return Uni.createFrom().item(refused(VaultKv.WENT_BACK));
            }
            return vault.stands(claimed.mount(), claimed.path(), evidence, left())
                    .chain(stands -> stands
                            ? deliveries.isTheOne(claimed).chain(() -> put(claimed, secret))
                            : Uni.createFrom().item(refused(VaultKv.WENT_BACK)))
                    .onFailure()
                    .recoverWithItem(failure -> VaultKv.Put.not(VaultFailures.answer(failure), null));
        }

        private Uni<VaultKv.Put> put(Claimed claimed, VaultSecret secret) {
            Known known = claimed.known();
            Uni<VaultKv.Put> put = claimed.look()
                    ? vault.verify(claimed.mount(), claimed.path(), secret, known, left())
                    : vault.put(claimed.mount(), claimed.path(), secret, known, left());
            return put.chain(answer -> !VaultKv.GONE.equals(answer.answer().failure()) || known.evidence() == null
                    ? Uni.createFrom().item(answer)
                    : gone(claimed, secret, answer));
        }

        /**
         * A secret that is gone with its metadata was deleted, or Vault was restored to before it was written: what was written to another
         * place of the same mount tells.
         */
        private Uni<VaultKv.Put> gone(Claimed claimed, VaultSecret secret, VaultKv.Put found) {
            return deliveries.neighbour(claimed).chain(neighbour -> {
                Uni<Boolean> stands = neighbour == null
                        ? Uni.createFrom().item(true)
                        : vault.stands(claimed.mount(), neighbour.path(), neighbour.evidence(), left());
                return stands.chain(there -> !there
                                ? Uni.createFrom()
                                        .item(VaultKv.Put.not(
                                                VaultKv.Answer.refused(VaultKv.WENT_BACK), found.engine()))
                                : claimed.look()
                                        ? Uni.createFrom().item(found)
                                        : vault.put(
                                                claimed.mount(),
                                                claimed.path(),
                                                secret,
                                                claimed.known().withoutEvidence(),
                                                left()))
                        .onFailure()
                        .recoverWithItem(failure -> VaultKv.Put.not(VaultFailures.answer(failure), null));
            });
        }

        private Uni<Went> ended(Claimed claimed, VaultKv.Put put, long version) {
            return deliveries
                    .seen(claimed, put.engine(), put.answer().failure())
                    .chain(() -> told(claimed, put, version));
        }

        private Uni<Went> told(Claimed claimed, VaultKv.Put put, long version) {
            String failure = put.answer().failure();
            boolean troubled = put.answer().troubled();
            if (failure == null && claimed.look()) {
                return deliveries.stands(claimed, put.evidence()).replaceWith(Went.THROUGH);
            }
            if (failure == null) {
                deliveredCount.increment();
                delivered.incrementAndGet();
                return deliveries
                        .delivered(claimed, version, put.evidence(), put.warning())
                        .replaceWith(Went.THROUGH);
            }
            if (claimed.look() && troubled) {
                return deliveries.lookAgain(claimed).replaceWith(Went.TROUBLED);
            }
            if (claimed.look() && LOST.contains(failure)) {
                lostCount.increment();
                log.warnf("What rotation %s had written to Vault is not there: %s", claimed.rotationId(), failure);
                return deliveries.lost(claimed, failure).replaceWith(Went.REFUSED);
            }
            failedCount.increment();
            log.warnf("Rotation %s is not written to Vault: %s", claimed.rotationId(), failure);
            return deliveries.failed(claimed, failure, troubled).replaceWith(troubled ? Went.TROUBLED : Went.REFUSED);
        }
    }

    private static VaultKv.Put refused(String code) {
        return VaultKv.Put.not(VaultKv.Answer.refused(code), null);
    }

    /** Null item when the rotation serves nothing. */
    private Uni<@Nullable VaultSecret> secret(Claimed claimed) {
        return passwords
                .served(claimed.rotationId())
                .chain(active -> active == null || active.revoking() || active.version() == 0
                        ? Uni.createFrom().nullItem()
                        : opened(active, claimed.uri()));
    }

    private Uni<@Nullable VaultSecret> opened(Served active, boolean uri) {
        return endpoints
                .find(active.connectionId())
                .chain(endpoint -> passwords
                        .current(active.roleId(), (role, password, number) -> password)
                        .map(password -> endpoint == null || password == null
                                ? null
                                : VaultSecret.of(active, endpoint, password, uri)));
    }
}
