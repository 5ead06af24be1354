package io.rolewright.store;

import io.rolewright.store.StoreFault.Kind;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Lets one line a minute through for each kind of fault, and says with it how many were left out. Any thread may call. */
final class OncePerMinute {

    private static final long MINUTE = Duration.ofMinutes(1).toNanos();

    private record Said(long at, int leftOut) {}

    private final LongSupplier nanos;
    private final Map<Kind, Said> said = new EnumMap<>(Kind.class);

    /** @param nanos as {@link System#nanoTime} */
    OncePerMinute(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** @return the line to log, or null if one of this kind was logged within the last minute */
    synchronized @Nullable String line(Kind kind, String line) {
        long now = nanos.getAsLong();
        Said last = said.get(kind);
        if (last != null && now - last.at() < MINUTE) {
            said.put(kind, new Said(last.at(), last.leftOut() + 1));
            return null;
        }
        said.put(kind, new Said(now, 0));
        return last == null || last.leftOut() == 0
                ? line
                : line + " (since the last such line " + last.leftOut() + " more were left out)";
    }
}
