package io.rolewright.audit;

/**
 * Names of audited acts. They are stored and searched for: never rename one. The reference's own names where it has one;
 * the others are marked as ours.
 */
public final class AuditType {

    public static final String GET_APP_CONNECTIONS = "get-app-connections";
    public static final String GET_AVAILABLE_APP_CONNECTIONS = "get-available-app-connections-details";
    public static final String GET_APP_CONNECTION = "get-app-connection";
    public static final String CREATE_APP_CONNECTION = "create-app-connection";
    public static final String UPDATE_APP_CONNECTION = "update-app-connection";
    public static final String DELETE_APP_CONNECTION = "delete-app-connection";
    /** Ours: a login to a target that somebody asked for, saved connection or not. */
    public static final String TEST_APP_CONNECTION = "test-app-connection";

    public static final String GET_SECRET_ROTATION_GENERATED_CREDENTIALS = "get-secret-rotation-generated-credentials";
    public static final String CREATE_SECRET_ROTATION = "create-secret-rotation";
    public static final String UPDATE_SECRET_ROTATION = "update-secret-rotation";
    public static final String DELETE_SECRET_ROTATION = "delete-secret-rotation";
    public static final String SECRET_ROTATION_ROTATE_SECRETS = "secret-rotation-rotate-secrets";
    /** Ours: what the service found out about a role of a rotation by itself, such as a password that somebody else has changed. */
    public static final String VERIFY_SECRET_ROTATION = "verify-secret-rotation";

    public static final String VERIFY_APP_CONNECTION = "verify-app-connection";
    public static final String SECRET_ROTATION_ROLE_NOTICED = "secret-rotation-role-noticed";
    /** Ours: the credentials of a rotation were written to Vault, or that failed for another reason than before. */
    public static final String DELIVER_TO_VAULT = "deliver-secret-rotation-to-vault";
    /** Ours: the dry run of a rotation that does not exist yet. */
    public static final String PREFLIGHT_SECRET_ROTATION = "preflight-secret-rotation";

    /** Ours: a connection was given a new password of its own, or that failed. */
    public static final String ROTATE_APP_CONNECTION = "rotate-app-connection";
    /** Ours: the password of a managed connection was handed out, and is no longer managed. */
    public static final String RELEASE_APP_CONNECTION = "release-app-connection";
    /** Ours: the password of a managed connection was read, and stays managed. */
    public static final String GET_APP_CONNECTION_CREDENTIALS = "get-app-connection-credentials";
    /** Ours: a password that was discarded was read, within its 30 days. */
    public static final String GET_DISCARDED_PASSWORD = "get-discarded-password";
    /** Ours: a probe found the password of a managed connection changed, or well again. */
    public static final String PROBE_APP_CONNECTION = "probe-app-connection";

    public static final String GET_SECRETS = "get-secrets";
    public static final String GET_SECRET = "get-secret";

    public static final String LOGIN_IDENTITY_UNIVERSAL_AUTH = "login-identity-universal-auth";
    public static final String LOGIN_IDENTITY_KUBERNETES_AUTH = "login-identity-kubernetes-auth";
    public static final String LOGIN_IDENTITY_OIDC_AUTH = "login-identity-oidc-auth";
    /** Ours: by which foreign tokens an identity logs in was said, or no longer. */
    public static final String SET_AUTH_METHOD = "set-identity-auth-method";

    public static final String REMOVE_AUTH_METHOD = "remove-identity-auth-method";
    /** Ours. */
    public static final String RENEW_IDENTITY_ACCESS_TOKEN = "renew-identity-access-token";
    /** Ours. */
    public static final String REVOKE_IDENTITY_ACCESS_TOKEN = "revoke-identity-access-token";
    /** Ours: the first identity, made from settings at first start. */
    public static final String BOOTSTRAP_IDENTITY = "bootstrap-identity";
    /** Ours: a request without a valid token, or without the right it needs. */
    public static final String ACCESS_REFUSED = "access-refused";

    /** Ours: a search in the audit. */
    public static final String GET_AUDIT_LOGS = "get-audit-logs";
    /** Ours. */
    public static final String EXPORT_AUDIT_LOGS = "export-audit-logs";
    /** Ours: rows older than the retention were deleted, by the migration role. */
    public static final String PRUNE_AUDIT_LOGS = "prune-audit-logs";

    /** Ours: the key that signs access tokens was replaced. */
    public static final String ROTATE_SIGNING_KEY = "rotate-signing-key";

    public static final String CREATE_IDENTITY = "create-identity";
    public static final String UPDATE_IDENTITY = "update-identity";
    public static final String DELETE_IDENTITY = "delete-identity";
    public static final String CREATE_CLIENT_SECRET = "create-identity-universal-auth-client-secret";
    public static final String REVOKE_CLIENT_SECRET = "revoke-identity-universal-auth-client-secret";
    public static final String CREATE_STATIC_TOKEN = "create-token-identity-token-auth";
    public static final String UPDATE_STATIC_TOKEN = "update-token-identity-token-auth";
    /** Ours. */
    public static final String REVOKE_STATIC_TOKEN = "revoke-token-identity-token-auth";

    public static final String CREATE_PROJECT = "create-project";
    public static final String UPDATE_PROJECT = "update-project";
    public static final String DELETE_PROJECT = "delete-project";
    /** Ours: the roles that an identity has in a project were set or taken. */
    public static final String UPDATE_PROJECT_MEMBERSHIP = "update-project-identity-membership";

    public static final String CREATE_ENVIRONMENT = "create-environment";
    public static final String UPDATE_ENVIRONMENT = "update-environment";
    public static final String DELETE_ENVIRONMENT = "delete-environment";
    public static final String CREATE_FOLDER = "create-folder";
    public static final String UPDATE_FOLDER = "update-folder";
    public static final String DELETE_FOLDER = "delete-folder";

    public static final String CREATE_WEBHOOK = "create-webhook";
    /** Ours: name, receiver, events or whether it is enabled were changed. */
    public static final String UPDATE_WEBHOOK = "update-webhook";

    public static final String DELETE_WEBHOOK = "delete-webhook";
    /** Ours: a webhook got another secret. */
    public static final String ROTATE_WEBHOOK_SECRET = "rotate-webhook-secret";
    /** Ours: a receiver was sent a test message. */
    public static final String TEST_WEBHOOK = "test-webhook";
    /** Ours: a receiver is told again. */
    public static final String REPLAY_WEBHOOK_DELIVERY = "replay-webhook-delivery";

    /** Ours: a command that changes the keys of the store was given. */
    public static final String RUN_KEY_COMMAND = "run-key-command";

    public static final String ADOPT_STORE = "adopt-store";

    private AuditType() {}
}
