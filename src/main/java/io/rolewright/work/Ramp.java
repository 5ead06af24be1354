package io.rolewright.work;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/**
 * How many pieces of work may be under way at once to each receiver, target or Vault. After trouble it is one, until one has gone through;
 * then two, then four, up to the usual number: whoever has trouble is not met by everything that has waited. One for all rounds of a
 * process. Any thread may call.
 */
public final class Ramp {

    /** As many that had trouble are remembered at once; each costs some 100 bytes. Who is forgotten gets the usual number. */
    private static final int MOST_REMEMBERED = 1000;

    private final int usual;

    private final Map<UUID, Integer> careful = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, Integer> eldest) {
            return size() > MOST_REMEMBERED;
        }
    };

    /** @param usual pieces under way at once to one of them while there is no trouble; 1 or more */
    public Ramp(int usual) {
        this.usual = usual;
    }

    /** @return pieces that may be under way at once, 1 or more */
    public synchronized int width(UUID key) {
        return careful.getOrDefault(key, usual);
    }

    /** @return how many rows to claim at once: two of one claim may have the same key, so only one while there is trouble anywhere */
    synchronized int claimAtOnce(int most) {
        return careful.isEmpty() ? most : 1;
    }

    synchronized void ended(UUID key, Went went) {
        switch (went) {
            case TROUBLED -> careful.put(key, 1);
            case THROUGH ->
                careful.computeIfPresent(key, (any, width) -> 2 * width >= usual ? null : Integer.valueOf(2 * width));
            case REFUSED -> {} // says nothing about the next
        }
    }
}
