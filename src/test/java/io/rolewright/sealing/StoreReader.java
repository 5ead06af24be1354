package io.rolewright.sealing;

import io.rolewright.testing.Installation;
import io.rolewright.testing.TestPostgres;

/** Opens what an installation has sealed, as one who has its root key and its store: for what no call hands out any more. */
public final class StoreReader implements AutoCloseable {

    private final Replica replica;

    public StoreReader(TestPostgres store, Installation installation) {
        replica = new Replica(store, installation.database(), installation.rootKeyFile(), null).start();
    }

    public Sealer sealer() {
        return replica.sealer;
    }

    @Override
    public void close() {
        replica.close();
    }
}
