package io.rolewright.rotation;

import io.rolewright.connection.ConnectionUser;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.UUID;

/** Keeps a connection from being deleted while a rotation needs it. */
@ApplicationScoped
class RotationUse implements ConnectionUser {

    private final RotationStore store;

    RotationUse(RotationStore store) {
        this.store = store;
    }

    @Override
    public Uni<List<Use>> uses(UUID connection) {
        return store.using(connection)
                .map(rows -> rows.stream()
                        .map(row -> new Use(RotationOwner.KIND, row.id, row.name))
                        .toList());
    }
}
