package io.rolewright.credential;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The right to work on one role until its lease lapses. Its epoch is the fence: nothing is written, in the store or on the target,
 * that does not carry the latest one.
 */
public final class Claim {

    final ManagedRole role;

    /** Null for a probe that has found nothing yet. */
    final @Nullable Attempt attempt;

    /** The epoch that it was made with; that of the role may be raised while it lasts. */
    final long taken;

    /** Whether the attempt was begun by an earlier claim. */
    final boolean continued;

    /** When the attempt would have been tried again by itself; absent unless somebody asked for it before that. */
    final @Nullable Instant planned;

    /** Whether somebody asked for this try. */
    final boolean asked;

    /** As they were when the attempt was begun; absent where nothing was read of them. */
    final @Nullable Terms terms;

    Claim(ManagedRole role, @Nullable Attempt attempt, boolean continued) {
        this(role, attempt, continued, false, null, null);
    }

    Claim(
            ManagedRole role,
            @Nullable Attempt attempt,
            boolean continued,
            boolean asked,
            @Nullable Instant planned,
            @Nullable Terms terms) {
        this.role = role;
        this.taken = role.epoch;
        this.attempt = attempt;
        this.continued = continued;
        this.asked = asked;
        this.planned = planned;
        this.terms = terms;
    }

    public UUID roleId() {
        return role.id;
    }

    /** By which the role is changed. */
    public @Nullable UUID connectionId() {
        return role.connectionId;
    }
}
