package io.rolewright.delivery.vault;

import io.rolewright.connection.ConnectionEndpoints.Endpoint;
import io.rolewright.credential.Served;
import io.rolewright.delivery.LoginFormat;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/**
 * What is written: the fields of {@code …/active}, all of them text, since not every client of Vault reads anything else, and the
 * whole {@code uri} where {@code secretsMapping} has a name for it. Rotation and version stand among them because that is what one write
 * changes together; the secret's custom metadata says them again, for people.
 */
record VaultSecret(UUID rotationId, long version, Map<String, Object> fields) {

    static final String ROTATION = "rotationId";
    static final String VERSION = "credentialVersion";

    /** @param uri whether the rotation serves the whole URI of its login */
    static VaultSecret of(Served active, Endpoint endpoint, String password, boolean uri) {
        Map<String, Object> fields = new HashMap<>();
        fields.put(ROTATION, active.id().toString());
        fields.put(VERSION, Long.toString(active.version()));
        fields.put("host", endpoint.host());
        fields.put("port", Integer.toString(endpoint.port()));
        fields.put("database", endpoint.database());
        fields.put("sslMode", endpoint.sslMode());
        fields.put("username", active.roleName());
        fields.put("password", password);
        if (uri) {
            fields.put("uri", LoginFormat.uri(endpoint, active.roleName(), password));
        }
        return new VaultSecret(active.id(), active.version(), Map.copyOf(fields));
    }

    @Override
    public String toString() {
        return "VaultSecret[" + rotationId + ", " + version + "]";
    }
}
