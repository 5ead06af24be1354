package io.rolewright.rotation;

import io.rolewright.connection.ConnectionUser;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.UUID;

/** Keeps a connection from being deleted while a rotation needs it, and has it told where the connection leads now. */
@ApplicationScoped
class RotationUse implements ConnectionUser {

    private final RotationStore store;
    private final VaultDeliveries vault;

    RotationUse(RotationStore store, VaultDeliveries vault) {
        this.store = store;
        this.vault = vault;
    }

    @Override
    public Uni<List<Use>> uses(UUID connection) {
        return store.using(connection)
                .map(rows -> rows.stream()
                        .map(row -> new Use(RotationOwner.KIND, row.id, row.name))
                        .toList());
    }

    @Override
    public Uni<Void> changed(UUID connection) {
        return vault.dueBy(connection);
    }
}
