package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;

/** The projects of the store. */
@ApplicationScoped
public class Projects {

    /**
     * Looks a project up, in the running session or one of its own.
     *
     * @param idText as the caller sent it; what is not a UUID names no project
     */
    public Uni<Optional<Project>> find(String idText) {
        UUID id;
        try {
            id = UUID.fromString(idText);
        } catch (IllegalArgumentException notAnId) {
            return Uni.createFrom().item(Optional.empty());
        }
        return Panache.withSession(() -> Project.<Project>findById(id)).map(Optional::ofNullable);
    }
}
