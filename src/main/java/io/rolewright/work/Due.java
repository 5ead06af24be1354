package io.rolewright.work;

import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * One kind of due work. Both methods are subscribed on a Vert.x context of their own.
 *
 * @param <T> a claimed row, to be worked on at once
 */
public interface Due<T> {

    /**
     * @param most rows to claim, 1 or more; of each table, if there are several
     * @param full keys that no more is begun for at the moment
     * @return empty when nothing is due that may be begun
     */
    Uni<List<T>> claim(int most, Set<UUID> full);

    /** What it goes to: a receiver, a target, a Vault. */
    UUID key(T claimed);

    /** Carries it out and writes down what came of it; fails only if that could not be written down. */
    Uni<Went> work(T claimed);
}
