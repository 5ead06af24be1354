package io.rolewright.sealing;

import java.util.List;

/**
 * The rows that decide who is let in, what he may do and what is handed to him, with the columns that decide. Whoever can write the
 * store could alter them, so each carries a seal ({@code row_seal}) over these columns, and a row whose seal does not fit counts for
 * nothing ({@link RowSeals}).
 *
 * <p>Left out are counters, times of use, names that are only shown, and what decides only when something happens.
 *
 * <p>The order of the columns is part of what is stored: never change it, and add none without sealing the rows anew.
 */
public enum SealedRow {
    IDENTITY(SealedField.IDENTITY_ROW, "client_id"),
    ROLE_BINDING(SealedField.ROLE_BINDING_ROW, "identity_id", "project_id", "role"),
    /** Not sealed: {@code uses}, which counts. */
    CLIENT_SECRET(
            SealedField.CLIENT_SECRET_ROW, "identity_id", "fingerprint", "expires_at", "uses_limit", "trusted_ips"),
    STATIC_TOKEN(SealedField.STATIC_TOKEN_ROW, "identity_id", "role", "fingerprint", "expires_at"),
    TOKEN_RULE(SealedField.TOKEN_RULE_ROW, "identity_id", "method", "issuer", "ca_cert", "conditions::text"),
    LOGIN_SETTING(
            SealedField.LOGIN_SETTING_ROW,
            "identity_id",
            "method",
            "access_token_ttl",
            "access_token_max_ttl",
            "access_token_trusted_ips",
            "client_secret_trusted_ips"),
    /** The slug bounds the project in Vault, and names it where secrets are read. */
    PROJECT(SealedField.PROJECT_ROW, "slug"),
    /** Where it leads is sealed in {@code credentials}. */
    CONNECTION(SealedField.CONNECTION_ROW, "project_id"),
    /** Not sealed: which of its two roles is served, names and plans. */
    ROTATION(
            SealedField.ROTATION_ROW,
            "project_id",
            "environment",
            "secret_path",
            "connection_id",
            "strategy",
            "role1_id",
            "role2_id",
            "allow_privileged",
            "takeover",
            "password_requirements"),
    /** Not sealed: leases, states, times. */
    MANAGED_ROLE(
            SealedField.MANAGED_ROLE_ROW, "owner_kind", "owner_id", "connection_id", "self", "role_name", "server"),
    MANAGED_CONNECTION(SealedField.MANAGED_CONNECTION_ROW, "role_id"),
    VAULT_DELIVERY(SealedField.VAULT_DELIVERY_ROW, "mount", "path"),
    /** Where it goes is sealed in {@code sealed}. */
    WEBHOOK(SealedField.WEBHOOK_ROW, "project_id", "events");

    final SealedField field;

    /** SQL expressions over a row of the table. */
    public final List<String> columns;

    SealedRow(SealedField field, String... columns) {
        this.field = field;
        this.columns = List.of(columns);
    }

    /** SQL: rows that can do anything at all. */
    String condition() {
        return this == MANAGED_ROLE ? "connection_id IS NOT NULL" : "true";
    }

    /** The column with the id that the seal is bound to. */
    public String id() {
        return field.place.record();
    }

    public String table() {
        return field.place.table();
    }
}
