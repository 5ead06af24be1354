package io.rolewright.audit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How many rows of the audit may speak of refusals, which whoever is refused can make as many of as he likes. It counts from the first refusal
 * on until it is told that the minute is over, and says then what was left out. An identity has a bound for each project that it tries, so that
 * none of them is kept from seeing it by what it does elsewhere; who is not known has one for his address, and all such one together.
 *
 * <p>Any thread may call. Memory: at most {@link #MOST_KNOWN} callers are counted, beyond which all are one.
 */
final class RefusalBounds {

    private static final int MOST_KNOWN = 10_000;

    private final AuditConfig config;
    private final Origins origins;
    private final Map<Refused, Count> counts = new HashMap<>();

    /**
     * @param actorId null for all that are not known
     * @param address null for all addresses together, and where the identity counts
     * @param kind of login; for an identity the same whatever it tries
     */
    private record Refused(
            @Nullable UUID actorId,
            @Nullable String actorName,
            @Nullable UUID projectId,
            @Nullable String address,
            String kind) {}

    private static final class Count {
        private int written;
        private int leftOut;

        /** @return whether one more may be written */
        boolean add(int most) {
            boolean admitted = written < most;
            if (admitted) {
                written++;
            } else {
                leftOut++;
            }
            return admitted;
        }
    }

    RefusalBounds(AuditConfig config, Origins origins) {
        this.config = config;
        this.origins = origins;
    }

    /** @return whether nothing was counted so far: from now on a minute runs */
    synchronized boolean isIdle() {
        return counts.isEmpty();
    }

    /** @return whether there is to be a row of this refusal; if not, it is counted */
    synchronized boolean admit(AuditEvent event) {
        if (event.actorId() != null) {
            return count(new Refused(
                            event.actorId(), event.actorName(), event.projectId(), null, AuditType.ACCESS_REFUSED))
                    .add(config.refusalsOfIdentity());
        }
        Count all = counts.computeIfAbsent(new Refused(null, null, null, null, event.type()), refused -> new Count());
        if (all.written >= config.refusalsOfStrangers()) {
            return all.add(config.refusalsOfStrangers());
        }
        String address = event.address() == null ? "unknown" : origins.originOf(event.address());
        boolean admitted =
                count(new Refused(null, null, null, address, event.type())).add(config.refusalsOfAddress());
        if (admitted) {
            all.add(config.refusalsOfStrangers());
        }
        return admitted;
    }

    private Count count(Refused refused) {
        Refused counted = counts.size() < MOST_KNOWN || counts.containsKey(refused)
                ? refused
                : new Refused(null, null, null, "others", refused.kind);
        return counts.computeIfAbsent(counted, first -> new Count());
    }

    /** Ends the minute. @return rows that say how many refusals are in the log only: of each identity and project, and of each kind for all others */
    synchronized List<AuditEvent> over() {
        List<AuditEvent> rows = new ArrayList<>();
        Map<String, Integer> ofStrangers = new TreeMap<>();
        counts.forEach((refused, count) -> {
            if (count.leftOut == 0) {
                return;
            }
            if (refused.actorId == null) {
                ofStrangers.merge(refused.kind, count.leftOut, Integer::sum);
            } else {
                rows.add(more(refused.kind, count.leftOut)
                        .by(refused.actorId, refused.actorName)
                        .in(refused.projectId));
            }
        });
        ofStrangers.forEach((kind, count) -> rows.add(more(kind, count)));
        counts.clear();
        return rows;
    }

    private static AuditEvent more(String kind, int count) {
        return AuditEvent.refused(kind, "more_refused").with("count", count);
    }
}
