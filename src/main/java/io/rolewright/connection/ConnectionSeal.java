package io.rolewright.connection;

import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.target.Login;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.UUID;

/** Puts credentials into a row and takes them out again. Synchronous: it costs microseconds. */
@ApplicationScoped
class ConnectionSeal {

    private final Sealer sealer;

    ConnectionSeal(Sealer sealer) {
        this.sealer = sealer;
    }

    Credentials open(Connection row) {
        return open(row.id, row.credentialsVersion, row.credentials);
    }

    Credentials open(ConnectionStore.Traced row) {
        return open(row.id(), row.credentialsVersion(), row.credentials());
    }

    Credentials open(UUID connection, long credentialsVersion, byte[] sealed) {
        return Credentials.decode(
                sealer.open(SealedField.CONNECTION_CREDENTIALS, connection, credentialsVersion, sealed));
    }

    /** How to log in: where the server has asked for this password by SCRAM, no server gets it in a weaker form any more. */
    Login login(Connection row) {
        Login login = open(row).login();
        return row.credentialsHash != null && row.credentialsHash.equals(row.scramOf) ? login.byScram() : login;
    }

    /** Seals what a caller sent; this and {@link #remember} move {@code credentialsHash}. */
    void put(Connection row, Credentials credentials) {
        keep(row, credentials);
        row.credentialsHash = hash(row.id, credentials.encode());
    }

    /** Whether a caller has sent what is stored; the service may have changed it since, so both are compared. */
    boolean holds(Connection row, Credentials credentials) {
        return row.credentialsHash != null
                && MessageDigest.isEqual(bytes(row.credentialsHash), bytes(hash(row.id, credentials.encode())))
                && MessageDigest.isEqual(open(row).encode(), credentials.encode());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Whether a caller has sent the same before. */
    boolean repeats(Connection row, Credentials credentials) {
        return hash(row.id, credentials.encode()).equals(row.credentialsHash);
    }

    /** As if a caller had sent them when the connection was made; what is sealed stays. */
    void remember(Connection row, Credentials credentials) {
        row.credentialsHash = hash(row.id, credentials.encode());
    }

    /** Seals what the service itself has changed: for callers nothing has. */
    void keep(Connection row, Credentials credentials) {
        row.credentialsVersion++;
        row.credentials =
                sealer.seal(SealedField.CONNECTION_CREDENTIALS, row.id, row.credentialsVersion, credentials.encode());
    }

    /** Keyed, or the hash of a weak password could be guessed; bound to the row, or equal ones would show. */
    private String hash(UUID id, byte[] plain) {
        ByteArrayOutputStream bound = new ByteArrayOutputStream(16 + plain.length);
        bound.writeBytes(ByteBuffer.allocate(16)
                .putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits())
                .array());
        bound.writeBytes(plain);
        return HexFormat.of().formatHex(sealer.fingerprint("connection-credentials", bound.toByteArray()));
    }
}
