package io.rolewright.rotation;

import io.rolewright.access.Caller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.connection.ConnectionUser;
import io.rolewright.credential.ManagedRoles;
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
                        .map(row -> new Use(ManagedRoles.ROTATION, row.id, row.name))
                        .toList());
    }

    /** Whoever has the passwords sent elsewhere may read them there, and so must be allowed to read each of them here. */
    @Override
    public Uni<Void> requireMove(Caller caller, UUID connection) {
        return store.using(connection)
                .invoke(rows -> rows.forEach(row -> Rights.require(
                        caller,
                        Right.ROTATION_READ_CREDENTIALS,
                        row.project.id,
                        ", and this decides where the passwords of rotations that use the connection are sent")))
                .replaceWithVoid();
    }

    @Override
    public Uni<Void> changed(UUID connection) {
        return vault.dueBy(connection);
    }
}
