package io.rolewright.access;

import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which families of access tokens were revoked lately, in bounded memory. A family's tokens are never renewed after it was
 * revoked, so a token can only be hit by a revocation that is not much older than itself: this knows all revocations since some
 * moment, and says of tokens that are older than that that it does not know. When it is full it lets go of the oldest half, and
 * that moment moves. Any thread may call.
 */
final class Revocations {

    /** What one is about a given token. */
    enum Known {
        REVOKED,
        NOT_REVOKED,
        /** The store has to be asked. */
        UNKNOWN
    }

    /**
     * How much later than the time in its row a revocation may have become visible, a renewal have been signed, and clocks
     * be apart, all together.
     */
    static final Duration MARGIN = Duration.ofMinutes(2);

    /** 32 bytes each, once in the half that is being filled and once in the one before: 2 MiB in all. */
    static final int HALF = 32_768;

    private Half filling = new Half();
    private Half before = new Half();

    /** Null: not read yet. */
    private @Nullable Instant completeSince;

    /** @param tokenId of the family */
    synchronized Known of(UUID tokenId, Instant issuedAt) {
        if (filling.contains(tokenId) || before.contains(tokenId)) {
            return Known.REVOKED;
        }
        return completeSince != null && issuedAt.minus(MARGIN).isAfter(completeSince)
                ? Known.NOT_REVOKED
                : Known.UNKNOWN;
    }

    /** @param at when it was revoked, or later. @return whether it was not here */
    synchronized boolean add(UUID tokenId, Instant at) {
        if (filling.contains(tokenId) || before.contains(tokenId)) {
            return false;
        }
        if (filling.size == HALF) {
            if (before.newest != null) {
                completeSince(before.newest);
            }
            before = filling;
            filling = new Half();
        }
        filling.add(tokenId, at);
        return true;
    }

    /** Those that were revoked by then may be missing. */
    synchronized void completeSince(Instant moment) {
        if (completeSince == null || completeSince.isBefore(moment)) {
            completeSince = moment;
        }
    }

    /** A set by open addressing, at most half full: two long values for each, none of them zero twice. */
    private static final class Half {

        private static final int LEAST_SLOTS = 256;

        private long[] ids = new long[2 * LEAST_SLOTS];
        private int size;
        private @Nullable Instant newest;

        boolean contains(UUID id) {
            int slot = slot(ids, id.getMostSignificantBits(), id.getLeastSignificantBits());
            return ids[slot] != 0 || ids[slot + 1] != 0;
        }

        void add(UUID id, Instant at) {
            if (4 * (size + 1) > ids.length) {
                long[] larger = new long[2 * ids.length];
                for (int i = 0; i < ids.length; i += 2) {
                    if (ids[i] != 0 || ids[i + 1] != 0) {
                        put(larger, ids[i], ids[i + 1]);
                    }
                }
                ids = larger;
            }
            put(ids, id.getMostSignificantBits(), id.getLeastSignificantBits());
            size++;
            if (newest == null || newest.isBefore(at)) {
                newest = at;
            }
        }

        private static void put(long[] ids, long most, long least) {
            int slot = slot(ids, most, least);
            ids[slot] = most;
            ids[slot + 1] = least;
        }

        /** @return where it is, or else where it belongs */
        private static int slot(long[] ids, long most, long least) {
            int slots = ids.length / 2;
            int slot = Long.hashCode(most * 0x9E3779B97F4A7C15L ^ least) & slots - 1;
            while ((ids[2 * slot] != 0 || ids[2 * slot + 1] != 0)
                    && (ids[2 * slot] != most || ids[2 * slot + 1] != least)) {
                slot = slot + 1 & slots - 1;
            }
            return 2 * slot;
        }
    }
}
