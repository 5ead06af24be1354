package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.PanacheEntityBase;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.sealing.Sealer;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A bearer token that is looked up and not signed, for callers that cannot log in; only its keyed hash is kept. */
@Entity
@Table(name = "static_token")
class StaticToken extends PanacheEntityBase {

    /** So that people and secret scanners recognise one. */
    static final String START = "rwt_";

    /** In place of a role: all that the identity may do. The build before knows no such role and lets it do nothing. */
    static final String WHOLE = "identity";

    private static final int NAMED_BYTES = 2 * 16;
    private static final int SECRET_BYTES = 32;
    private static final int CHECK_BYTES = 16;

    @Id
    UUID id;

    @Column(nullable = false)
    UUID identityId;

    @Column(columnDefinition = "text", nullable = false)
    String name;

    /** {@link Role#storedName}, or {@link #WHOLE}. */
    @Column(columnDefinition = "text", nullable = false)
    String role;

    @Column(nullable = false)
    byte[] fingerprint;

    @Column(nullable = false)
    Instant createdAt;

    @Column(nullable = false)
    Instant expiresAt;

    /** {@link SealedRow#STATIC_TOKEN}; null: from a build that made none. */
    byte @Nullable [] rowSeal;

    void seal(RowSeals seals) {
        rowSeal = seals.seal(SealedRow.STATIC_TOKEN, id, identityId, role, fingerprint, expiresAt);
    }

    /**
     * What a token says of itself: which identity's it is, which of its tokens, and 256 random bits. A keyed check at its
     * end shows that we have made it, so that made-up ones are refused without a look into the store.
     *
     * @param content without the check
     */
    record Text(UUID identityId, UUID tokenId, byte[] content) {

        static Text make(UUID identityId, UUID tokenId, Sealer sealer) {
            return new Text(
                    identityId,
                    tokenId,
                    ByteBuffer.allocate(NAMED_BYTES + SECRET_BYTES)
                            .putLong(identityId.getMostSignificantBits())
                            .putLong(identityId.getLeastSignificantBits())
                            .putLong(tokenId.getMostSignificantBits())
                            .putLong(tokenId.getLeastSignificantBits())
                            .put(sealer.random(SECRET_BYTES))
                            .array());
        }

        /** @throws TokenRefused if it was not made here */
        static Text read(String text, Sealer sealer) {
            byte[] bytes;
            try {
                bytes = Base64.getUrlDecoder().decode(text.substring(START.length()));
            } catch (IllegalArgumentException notBase64) {
                throw TokenRefused.invalid();
            }
            if (bytes.length != NAMED_BYTES + SECRET_BYTES + CHECK_BYTES) {
                throw TokenRefused.invalid();
            }
            byte[] content = Arrays.copyOf(bytes, NAMED_BYTES + SECRET_BYTES);
            byte[] check = Arrays.copyOfRange(bytes, content.length, bytes.length);
            if (!MessageDigest.isEqual(check, check(content, sealer))) {
                throw TokenRefused.invalid();
            }
            var named = ByteBuffer.wrap(content);
            return new Text(
                    new UUID(named.getLong(), named.getLong()), new UUID(named.getLong(), named.getLong()), content);
        }

        String text(Sealer sealer) {
            return START
                    + Base64.getUrlEncoder()
                            .withoutPadding()
                            .encodeToString(ByteBuffer.allocate(content.length + CHECK_BYTES)
                                    .put(content)
                                    .put(check(content, sealer))
                                    .array());
        }

        byte[] fingerprint(Sealer sealer) {
            return sealer.fingerprint("static-token", content);
        }

        private static byte[] check(byte[] content, Sealer sealer) {
            return Arrays.copyOf(sealer.fingerprint("static-token-check", content), CHECK_BYTES);
        }

        @Override
        public String toString() {
            return "StaticToken.Text[" + tokenId + "]";
        }
    }

    static boolean isOne(String token) {
        return token.startsWith(START);
    }
}
