package io.rolewright.access;

import java.util.Map;
import java.util.Map.Entry;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The roles of one identity.
 *
 * @param organisation roles that count in the organisation and in every project
 * @param projects more roles, by project
 */
public record Grants(Set<Role> organisation, Map<UUID, Set<Role>> projects) {

    static final Grants NONE = new Grants(Set.of(), Map.of());

    public Grants {
        organisation = Set.copyOf(organisation);
        projects = Map.copyOf(projects);
    }

    /** @param project null for what belongs to the organisation */
    boolean allow(Right right, @Nullable UUID project) {
        return organisation.stream().anyMatch(right::isAllowedTo)
                || project != null
                        && projects.getOrDefault(project, Set.of()).stream().anyMatch(right::isAllowedTo);
    }

    Reach reach(Right right) {
        if (allow(right, null)) {
            return Reach.EVERYWHERE;
        }
        return new Reach(
                false,
                projects.keySet().stream()
                        .filter(project -> allow(right, project))
                        .collect(Collectors.toUnmodifiableSet()));
    }

    /** The same places, with this one role where a role that covers it is held, and with none elsewhere. */
    Grants narrowedTo(Role role) {
        Predicate<Set<Role>> held = roles -> roles.stream().anyMatch(each -> each.covers(role));
        return new Grants(
                held.test(organisation) ? Set.of(role) : Set.of(),
                projects.entrySet().stream()
                        .filter(entry -> held.test(entry.getValue()))
                        .collect(Collectors.toUnmodifiableMap(Entry::getKey, entry -> Set.of(role))));
    }
}
