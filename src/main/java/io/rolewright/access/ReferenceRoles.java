package io.rolewright.access;

import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The reference's words for roles, and our roles by our own words. Whoever sends a word reads it again for as long as it means the roles
 * that the identity has, so that his client sees no difference.
 */
final class ReferenceRoles {

    /** Words for roles in the organisation, as a pattern. */
    static final String OF_ORGANISATION = "admin|member|no-access|operator|reader|consumer|scheduler";

    /** Words for roles in a project, as a pattern. */
    static final String OF_PROJECT = "admin|member|viewer|no-access|operator|reader|consumer";

    private static final Set<String> REFERENCE = Set.of("admin", "member", "viewer", "no-access");

    private ReferenceRoles() {}

    /** @param word that {@link #OF_ORGANISATION} lets through. A member of the reference's organisation may do nothing of what we do there */
    static Set<Role> inOrganisation(String word) {
        return word.equals("member") || word.equals("no-access") ? Set.of() : own(word);
    }

    /** @param words that {@link #OF_PROJECT} lets through */
    static Set<Role> inProject(Collection<String> words) {
        Set<Role> roles = EnumSet.noneOf(Role.class);
        for (var word : words) {
            switch (word) {
                case "member" -> roles.addAll(Set.of(Role.OPERATOR, Role.CONSUMER));
                case "viewer" -> roles.addAll(Set.of(Role.READER, Role.CONSUMER));
                case "no-access" -> {}
                default -> roles.addAll(own(word));
            }
        }
        return roles;
    }

    /** @param sent null if the roles were given by our words */
    static String organisationWord(@Nullable String sent, Set<Role> roles) {
        if (sent != null
                && sent.matches(OF_ORGANISATION)
                && inOrganisation(sent).equals(roles)) {
            return sent;
        }
        return roles.isEmpty() ? "no-access" : String.join(",", Identities.names(roles));
    }

    /** @param sent separated by commas; null if the roles were given by our words. @return empty if there is no membership */
    static List<String> projectWords(@Nullable String sent, Set<Role> roles) {
        if (sent != null) {
            var words = Arrays.asList(sent.split(","));
            if (words.stream().allMatch(word -> word.matches(OF_PROJECT))
                    && inProject(words).equals(roles)) {
                return words;
            }
        }
        return Identities.names(roles);
    }

    /** Ours are to the reference roles of somebody's own, which it names in another field. */
    static boolean isCustom(String word) {
        return !REFERENCE.contains(word);
    }

    private static Set<Role> own(String word) {
        return Role.of(word).<Set<Role>>map(Set::of).orElse(Set.of());
    }
}
