package io.rolewright.sealing;

/**
 * Everything that is stored sealed. Each has two numbers that stand in the associated data of its ciphertexts, so that a
 * ciphertext opens only where it was put.
 *
 * <p>The numbers are part of what is stored: never change or reuse one. A test pins them.
 */
public enum SealedField {
    /** What an App Connection logs in with, and where: host, port, database, role, password, TLS settings. */
    CONNECTION_CREDENTIALS(1, 1),
    /** The private half of a key that signs access tokens. */
    SIGNING_KEY(2, 1),
    /** The reply to a request with an {@code Idempotency-Key}. */
    IDEMPOTENT_REPLY(3, 1),
    /** A known text, opened at every start to prove that the keys fit the store. */
    CANARY(4, 1),
    /** The key of {@link Sealer#fingerprint}. */
    FINGERPRINT_KEY(4, 2),
    /** One password of a managed role: role id, role name, password, SCRAM secret. */
    PASSWORD_VERSION(5, 1);

    /** Kind of record, 16 bits, unsigned. */
    final short kind;

    /** Field of that kind, 16 bits, unsigned. */
    final short field;

    SealedField(int kind, int field) {
        this.kind = (short) kind;
        this.field = (short) field;
    }
}
