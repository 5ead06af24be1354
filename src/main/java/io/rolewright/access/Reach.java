package io.rolewright.access;

import java.util.Set;
import java.util.UUID;

/**
 * Where a caller has a right: what a list shows.
 *
 * @param everywhere in the organisation, and so in every project
 * @param projects if not everywhere
 */
public record Reach(boolean everywhere, Set<UUID> projects) {

    static final Reach EVERYWHERE = new Reach(true, Set.of());

    public Reach {
        projects = Set.copyOf(projects);
    }

    /** @param project null for what belongs to the organisation */
    public boolean covers(UUID project) {
        return everywhere || project != null && projects.contains(project);
    }

    /** Of this, what lies in one project. */
    public Reach within(UUID project) {
        return new Reach(false, covers(project) ? Set.of(project) : Set.of());
    }

    public boolean isNowhere() {
        return !everywhere && projects.isEmpty();
    }
}
