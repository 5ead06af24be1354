package io.rolewright.delivery;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownDelayInitiatedEvent;
import io.quarkus.runtime.ShutdownEvent;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Collections;
import java.util.Comparator;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * The places of all requests that wait for something to happen, whatever that is: so many for the process, of which nobody keeps more than
 * others who want one. Any thread may call.
 */
@ApplicationScoped
class WaitingPlaces {

    private final DeliveryConfig config;
    private final Set<Holder> holders = ConcurrentHashMap.newKeySet();
    private volatile boolean stopping;

    WaitingPlaces(DeliveryConfig config, MeterRegistry metrics) {
        this.config = config;
        Gauge.builder("rolewright.delivery.waiters", holders, Set::size)
                .description("Requests that wait for a new version, or are told of new ones")
                .register(metrics);
    }

    /** A request that waits. */
    interface Holder {

        UUID identity();

        /** By {@link System#nanoTime}. */
        long since();

        /** Leaves its place: it belongs to somebody else, or the process ends. Answers as if the time were up. */
        void giveWay();
    }

    /**
     * When all places are taken, whoever has the most gives one to whoever has fewer: his request that has waited the longest.
     *
     * @throws Problem 429 {@code too_many_waiters}
     */
    void take(Holder holder) {
        if (holders.size() >= config.waiters() && !makeRoomFor(holder.identity())) {
            throw new TooMany();
        }
        holders.add(holder);
        if (stopping) {
            holder.giveWay();
        }
    }

    void leave(Holder holder) {
        holders.remove(holder);
    }

    private boolean makeRoomFor(UUID identity) {
        Map<UUID, Long> held = holders.stream().collect(Collectors.groupingBy(Holder::identity, Collectors.counting()));
        var most = Collections.max(held.entrySet(), Map.Entry.comparingByValue());
        if (most.getValue() <= held.getOrDefault(identity, 0L) + 1) {
            return false; // it would be the other way round then
        }
        holders.stream()
                .filter(holder -> holder.identity().equals(most.getKey()))
                .min(Comparator.comparingLong(Holder::since))
                .ifPresent(Holder::giveWay);
        return true;
    }

    void stopBeginning(@Observes ShutdownDelayInitiatedEvent event) {
        letGo();
    }

    /** Nobody is to be kept waiting by a process that ends; he asks again, and another answers. */
    void stop(@Observes ShutdownEvent event) {
        letGo();
    }

    private void letGo() {
        stopping = true;
        holders.forEach(Holder::giveWay);
    }

    private static final class TooMany extends Problem {
        TooMany() {
            super(
                    ErrorCode.TOO_MANY_WAITERS,
                    "Too many requests are waiting for a new version. Ask without waiting, or try again later.",
                    Map.of(),
                    Map.of("Retry-After", "5"));
        }
    }
}
