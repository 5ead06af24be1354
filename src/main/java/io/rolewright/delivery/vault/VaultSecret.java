package io.rolewright.delivery.vault;

import io.rolewright.connection.ConnectionEndpoints.Endpoint;
import io.rolewright.credential.Served;
import java.util.Map;
import java.util.UUID;

/**
 * What is written: the fields of {@code …/active}, all of them text, since not every client of Vault reads anything else. Rotation and
 * version stand among them because that is what one write changes together; the secret's custom metadata says them again, for people.
 */
record VaultSecret(UUID rotationId, long version, Map<String, Object> fields) {

    static final String ROTATION = "rotationId";
    static final String VERSION = "credentialVersion";

    static VaultSecret of(Served active, Endpoint endpoint, String password) {
        return new VaultSecret(
                active.id(),
                active.version(),
                Map.of(
                        ROTATION,
                        active.id().toString(),
                        VERSION,
                        Long.toString(active.version()),
                        "host",
                        endpoint.host(),
                        "port",
                        Integer.toString(endpoint.port()),
                        "database",
                        endpoint.database(),
                        "sslMode",
                        endpoint.sslMode(),
                        "username",
                        active.roleName(),
                        "password",
                        password));
    }

    @Override
    public String toString() {
        return "VaultSecret[" + rotationId + ", " + version + "]";
    }
}
