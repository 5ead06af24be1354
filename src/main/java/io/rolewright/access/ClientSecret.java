package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.PanacheEntityBase;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.sealing.Sealer;
import io.rolewright.target.address.Network;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** One of the secrets that an identity may log in with; only its keyed hash is kept. */
@Entity
@Table(name = "client_secret")
class ClientSecret extends PanacheEntityBase {

    static final int PREFIX_LENGTH = 4;

    @Id
    UUID id;

    @Column(nullable = false)
    UUID identityId;

    @Column(nullable = false)
    byte[] fingerprint;

    @Column(nullable = false)
    Instant createdAt;

    /** The owner's note; may be empty. */
    @Column(columnDefinition = "text", nullable = false)
    String description = "";

    /** The first {@link #PREFIX_LENGTH} characters, by which an operator tells secrets apart. */
    @Column(columnDefinition = "text", nullable = false)
    String prefix = "";

    /** Null: never. */
    @Nullable
    Instant expiresAt;

    /** How many logins it is good for; 0: any number. */
    int usesLimit;

    int uses;

    /** Null: not yet. */
    @Nullable
    Instant lastUsedAt;

    /** Networks in CIDR form that it may be used from, separated by commas; empty: from anywhere. */
    @Column(columnDefinition = "text", nullable = false)
    String trustedIps = "";

    /** {@link SealedRow#CLIENT_SECRET}; null: from a build that made none. */
    byte @Nullable [] rowSeal;

    void seal(RowSeals seals) {
        rowSeal = seals.seal(SealedRow.CLIENT_SECRET, id, identityId, fingerprint, expiresAt, usesLimit, trustedIps);
    }

    static boolean trusts(String trustedIps, String address) {
        if (trustedIps.isEmpty()) {
            return true;
        }
        byte[] bytes = Network.caller(address);
        return bytes != null
                && Arrays.stream(trustedIps.split(","))
                        .flatMap(network -> Network.ofCallers(network).stream())
                        .anyMatch(network -> network.contains(bytes));
    }

    /**
     * What is stored of a secret: HMAC-SHA-256 under the store's sealed fingerprint key.
     *
     * <p>Not bcrypt or Argon2, for three reasons. A secret that we generate has 256 bits, which nobody guesses at any
     * speed. One that a human chose (the bootstrap secret) might be guessed from a plain hash, but not from a keyed one
     * whose key is sealed under the root key: and a thief who has the root key too opens every connection anyway. And a
     * slow hash at an endpoint that anybody may call is a lever against the service itself. The client id is hashed too,
     * so that one secret given to two identities does not show in the store.
     *
     * @param clientId and secret, both without white space around them
     */
    static byte[] fingerprint(Sealer sealer, String clientId, String secret) {
        byte[] id = clientId.getBytes(StandardCharsets.UTF_8);
        byte[] text = secret.getBytes(StandardCharsets.UTF_8);
        // The length in front keeps id and secret apart.
        return sealer.fingerprint(
                "client-secret",
                ByteBuffer.allocate(Integer.BYTES + id.length + text.length)
                        .putInt(id.length)
                        .put(id)
                        .put(text)
                        .array());
    }
}
