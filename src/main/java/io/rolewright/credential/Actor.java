package io.rolewright.credential;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * On whose behalf an attempt was begun.
 *
 * @param id the identity; null for the service itself
 * @param address where the request came from; not stored with the attempt
 * @param requestId the {@code reqId} that the caller was shown; an attempt of the service itself is given one that begins with {@code due-}
 */
public record Actor(
        @Nullable UUID id,
        @Nullable String name,
        @Nullable String address,
        @Nullable String requestId) {

    /** The service by itself: schedules, recoveries, probes. */
    public static final Actor SERVICE = new Actor(null, null, null, null);
}
