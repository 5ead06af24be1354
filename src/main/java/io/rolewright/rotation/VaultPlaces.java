package io.rolewright.rotation;

import io.rolewright.access.SlugBounds;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Where in Vault credentials may be written. The service's own token may write to all of these places; that a project keeps to its own
 * is decided here, when a place is chosen and again before each delivery.
 */
@ApplicationScoped
public class VaultPlaces implements SlugBounds {

    private static final String PROJECT = "{project}";
    private static final Pattern FORM = Pattern.compile(
            "SEGMENTS:(|SEGMENTS)".replace("SEGMENTS", "SEGMENT(/SEGMENT)*").replace("SEGMENT", "[A-Za-z0-9._{}-]+"));

    private final List<String> places;

    VaultPlaces(VaultKvConfig config, @ConfigProperty(name = "quarkus.vault.url") Optional<String> url) {
        places = url.isPresent() ? config.places().orElse(List.of()) : List.of();
    }

    /** What is wrong with the setting, without its name; empty if nothing. */
    public static Optional<String> fault(List<String> places) {
        return places.stream().allMatch(place -> FORM.matcher(place).matches())
                ? Optional.empty()
                : Optional.of("it is a list of <mount>:<path>, such as secret:rolewright/" + PROJECT);
    }

    /** Whether anything can be written at all. */
    public boolean isOpen() {
        return !places.isEmpty();
    }

    @Override
    public boolean boundBySlug() {
        return places.stream().anyMatch(place -> place.contains(PROJECT));
    }

    /** @param project the slug of the rotation's project */
    public boolean allow(String project, String mount, String path) {
        return places.stream().map(place -> place.replace(PROJECT, project)).anyMatch(place -> {
            int colon = place.indexOf(':');
            String below = place.substring(colon + 1);
            return mount.equals(place.substring(0, colon)) && (below.isEmpty() || path.startsWith(below + "/"));
        });
    }

    /** @throws Problem 400 for a place that is not open to the project */
    void require(String project, RotationWire.VaultPlace place) {
        if (!isOpen()) {
            throw Problem.of(
                    ErrorCode.VAULT_NOT_CONFIGURED,
                    "vaultKv: this service is not configured to write to Vault. Its operator can set"
                            + " quarkus.vault.url and rolewright.vault-kv.places.");
        }
        if (!allow(project, place.mount(), place.path())) {
            throw Problem.of(
                    ErrorCode.VAULT_PLACE_NOT_ALLOWED,
                    "vaultKv: rotations of this project may not be written to this place.",
                    Map.of(
                            "allowedBelow",
                            places.stream()
                                    .map(each -> each.replace(PROJECT, project))
                                    .toList()));
        }
    }
}
