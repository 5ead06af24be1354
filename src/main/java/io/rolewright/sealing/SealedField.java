package io.rolewright.sealing;

import java.util.UUID;

/**
 * Everything that is stored sealed, and where: what is not in this list cannot be sealed, and re-encryption goes by it. Each
 * has two numbers that stand in the associated data of its ciphertexts, so that a ciphertext opens only where it was put.
 *
 * <p>The numbers are part of what is stored: never change or reuse one. A test pins them.
 *
 * <p>A column that holds sealed values has a twin, {@code <column>_key_id integer GENERATED ALWAYS AS
 * (sealed_key_id(<column>)) STORED REFERENCES data_key (id)}: it says what is still to be re-encrypted, and PostgreSQL itself
 * then keeps a data key that any row needs. Another test fails where the twin is missing.
 */
public enum SealedField {
    /** What an App Connection logs in with, and where: host, port, database, role, password, TLS settings. */
    CONNECTION_CREDENTIALS(1, 1, new Place("app_connection", "credentials", "id", "credentials_version")),
    /** The private half of a key that signs access tokens. */
    SIGNING_KEY(2, 1, new Place("signing_key", "sealed", "id", "0")),
    /** The reply to a request with an {@code Idempotency-Key}. */
    IDEMPOTENT_REPLY(3, 1, new Place("idempotent_request", "reply", "run_id", "0")),
    /** A known text, opened at every start to prove that the keys fit the store. */
    CANARY(4, 1, Place.constant("canary")),
    /** The key of {@link Sealer#fingerprint}. */
    FINGERPRINT_KEY(4, 2, Place.constant("fingerprint-key")),
    /** One password of a managed role: role id, role name, password, SCRAM secret. */
    PASSWORD_VERSION(5, 1, new Place("password_version", "sealed", "id", "number")),
    /** Where a webhook goes, and what it is signed with. */
    WEBHOOK_RECEIVER(6, 1, new Place("webhook", "sealed", "id", "sealed_version")),
    /** The seals of rows that decide: {@link SealedRow}. */
    IDENTITY_ROW(7, 1, Place.row("identity", "id")),
    ROLE_BINDING_ROW(8, 1, Place.row("role_binding", "id")),
    CLIENT_SECRET_ROW(9, 1, Place.row("client_secret", "id")),
    STATIC_TOKEN_ROW(10, 1, Place.row("static_token", "id")),
    TOKEN_RULE_ROW(11, 1, Place.row("token_rule", "id")),
    LOGIN_SETTING_ROW(12, 1, Place.row("login_setting", "id")),
    PROJECT_ROW(13, 1, Place.row("project", "id")),
    CONNECTION_ROW(14, 1, Place.row("app_connection", "id")),
    ROTATION_ROW(15, 1, Place.row("secret_rotation", "id")),
    MANAGED_ROLE_ROW(16, 1, Place.row("managed_role", "id")),
    MANAGED_CONNECTION_ROW(17, 1, Place.row("managed_connection", "connection_id")),
    VAULT_DELIVERY_ROW(18, 1, Place.row("vault_delivery", "rotation_id")),
    WEBHOOK_ROW(19, 1, Place.row("webhook", "id"));

    /** Kind of record, 16 bits, unsigned. */
    final short kind;

    /** Field of that kind, 16 bits, unsigned. */
    final short field;

    final Place place;

    SealedField(int kind, int field, Place place) {
        this.kind = (short) kind;
        this.field = (short) field;
        this.place = place;
    }

    /**
     * Where the sealed values lie. Names and expressions are SQL.
     *
     * @param column holds the sealed value, or NULL where there is none
     * @param record the record id that it was sealed for, unique in the table
     * @param version that it was sealed for
     * @param where which rows of the table
     */
    record Place(String table, String column, String record, String version, String where) {

        /** The record that constants are sealed for: they belong to the store as a whole. */
        static final UUID STORE = new UUID(0, 0);

        Place(String table, String column, String record, String version) {
            this(table, column, record, version, column + " IS NOT NULL");
        }

        static Place constant(String name) {
            return new Place("sealed_constant", "sealed", "'" + STORE + "'::uuid", "version", "name = '" + name + "'");
        }

        static Place row(String table, String id) {
            return new Place(table, "row_seal", id, "0");
        }

        /** The generated column with the id of the data key. */
        String keyId() {
            return column + "_key_id";
        }
    }
}
