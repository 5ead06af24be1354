package io.rolewright.credential;

import io.rolewright.sealing.StoreReader;
import io.rolewright.testing.Installation;
import io.rolewright.testing.TestPostgres;
import io.vertx.sqlclient.Row;
import java.util.List;

/** The passwords that a store keeps of a role, whether or not anything manages it still. */
public final class KeptPasswords implements AutoCloseable {

    private static final String OF_ROLE =
            "SELECT v.id, v.number, v.sealed, v.state, r.id AS role_id FROM password_version v"
                    + " JOIN managed_role r ON r.id = v.role_id WHERE r.role_name = '%s' ORDER BY r.created_at DESC, v.number DESC";

    private final StoreReader reader;
    private final Installation installation;

    public KeptPasswords(TestPostgres store, Installation installation) {
        this.reader = new StoreReader(store, installation);
        this.installation = installation;
    }

    public record Kept(VersionState state, String password) {
        @Override
        public String toString() {
            return state.name();
        }
    }

    /** Newest first. */
    public List<Kept> of(String roleName) {
        VersionSeal seal = new VersionSeal(reader.sealer());
        return installation.sql(OF_ROLE.formatted(roleName)).stream()
                .map(row -> new Kept(VersionState.valueOf(row.getString("state")), password(seal, roleName, row)))
                .toList();
    }

    private static String password(VersionSeal seal, String roleName, Row row) {
        PasswordVersion version = new PasswordVersion();
        version.id = row.getUUID("id");
        version.number = row.getLong("number");
        version.sealed = row.getBuffer("sealed").getBytes();
        ManagedRole role = new ManagedRole();
        role.id = row.getUUID("role_id");
        role.roleName = roleName;
        return seal.open(version, role).password();
    }

    @Override
    public void close() {
        reader.close();
    }
}
