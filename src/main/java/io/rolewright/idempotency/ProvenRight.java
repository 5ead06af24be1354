package io.rolewright.idempotency;

import java.util.UUID;

/**
 * That somebody may do, now, what he asks for. {@link Idempotency#once} takes one, so that nobody is given the reply of an earlier run
 * without having been asked for the right to it. Only {@code access.Rights} makes them: {@code ArchitectureTest} holds that. A class and
 * no interface, so that no lambda is one.
 */
public abstract class ProvenRight {

    private final UUID holder;

    protected ProvenRight(UUID holder) {
        this.holder = holder;
    }

    /** The identity that has the right. */
    final UUID holder() {
        return holder;
    }
}
