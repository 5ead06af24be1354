package io.rolewright.problem;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Every error that the service answers with: one code, one status. {@code docs/errors.md} is made of this list and held against it by
 * {@code ErrorCodesTest}.
 *
 * <p>Programs decide by the code, so a constant is never renamed while a version is supported; a new one may be added at any time. How to
 * add one: put it here with a meaning and a next step that hold for every place that answers with it (the answer's message says what is
 * special about one), make {@code docs/errors.md} anew, and name it at the operations that may answer with it.
 */
public enum ErrorCode {

    // ---- Requests that are not understood --------------------------------------------------------------------------

    MALFORMED_JSON(
            400,
            "The body is not well-formed JSON.",
            "Correct the body at the line and column that the message names."),
    BAD_REQUEST(
            400,
            "The request is not valid HTTP, or the framework could not read it.",
            "Send HTTP/1.1 with exactly one Host header, and a method, path and headers as in the OpenAPI document."),
    NOT_FOUND(
            404,
            "Nothing exists at this path or under this id.",
            "Check the path against the OpenAPI document, and the id."),
    NOT_OFFERED(
            501,
            "Infisical has this path and this service does not offer it.",
            "Do what the message says instead. Nothing was read, changed or deleted."),
    LOGIN_METHOD_NOT_OFFERED(
            400,
            "Infisical has this kind of login and this service does not offer it.",
            "Log in by one of the methods that the message names."),
    METHOD_NOT_ALLOWED(
            405, "The path exists but does not support this method.", "Use one of the methods in the Allow header."),
    NOT_ACCEPTABLE(
            406,
            "The answer is not available in the media type that the Accept header asks for.",
            "Send Accept: application/json, or no Accept header."),
    BODY_TOO_LARGE(
            413, "The body is larger than this operation accepts.", "Send less; the message gives the limit in bytes."),
    UNSUPPORTED_MEDIA_TYPE(
            415,
            "The body's Content-Type is not one that this operation reads.",
            "Send Content-Type: application/json."),
    VALIDATION_FAILED(
            422,
            "The request does not have the documented form. The message is a list with one issue per field.",
            "Correct each field that an issue's path names."),
    IDEMPOTENCY_KEY_IN_PROGRESS(
            400,
            "A request with the same Idempotency-Key is still being carried out.",
            "Send the request again after Retry-After, with the same key."),
    TOO_MANY_ROWS(
            400,
            "More rows match than an unpaged list may return.",
            "Ask for a page with limit and cursor, or narrow the filters."),

    // ---- Who is asking ---------------------------------------------------------------------------------------------

    TOKEN_MISSING(
            401, "The request carries no access token.", "Log in, then send Authorization: Bearer <accessToken>."),
    TOKEN_INVALID(403, "The access token is malformed, or was not issued by this installation.", "Log in again."),
    TOKEN_EXPIRED(403, "The access token has expired.", "Log in again, or renew tokens before they expire."),
    TOKEN_REVOKED(
            403,
            "The access token, or what it was obtained with, has been revoked.",
            "Log in again with credentials that are still valid."),
    TOKEN_NOT_RENEWABLE(
            400, "A static token cannot be renewed.", "Ask an administrator for a new token before this one expires."),
    TOKEN_RENEWAL_REFUSED(
            403,
            "The client secret that the token was obtained with has expired, or may not be used from this address.",
            "Log in again with a client secret that may be used from here."),
    TOKEN_ADDRESS_NOT_TRUSTED(
            403,
            "The access token may not be used from this address.",
            "Use it from one of the networks in the identity's accessTokenTrustedIps, or change those."),
    INVALID_CREDENTIALS(
            401,
            "The client id or client secret, or the identity id or the token presented, is wrong.",
            "Check both. The audit log says what was wrong with a token presented."),
    CLIENT_SECRET_EXPIRED(
            401, "The client secret has expired.", "Ask whoever manages identities for a new client secret."),
    CLIENT_SECRET_USED_UP(
            401,
            "The client secret has reached its limit of uses.",
            "Ask whoever manages identities for a new client secret."),
    LOGIN_LOCKED(
            401,
            "Too many logins of this identity failed from this address.",
            "Wait for Retry-After, then log in with the right credentials."),
    ISSUER_UNAVAILABLE(
            503,
            "The keys of the token's issuer could not be fetched.",
            "Try again. If it persists, check that this service can reach the issuer."),
    PERMISSION_DENIED(
            403,
            "The caller's roles do not include the right that this operation needs.",
            "Ask an administrator for a role with the action and subject in details."),
    FORBIDDEN(403, "The caller may not do this.", "Ask an administrator for the role that this operation needs."),

    // ---- How much is asked -----------------------------------------------------------------------------------------

    RATE_LIMITED(
            429,
            "The caller, or its address, has made too many requests of this kind.",
            "Wait for Retry-After. The caller's turn is kept until then."),
    TARGET_BUSY(
            429,
            "The request would not be done on the server in time: others come before it, or too little of its time was left. Nothing was begun.",
            "Wait for Retry-After, then send the request again."),
    TOO_MANY_WAITERS(
            429,
            "Too many requests are already waiting for a new version.",
            "Ask without waiting, or try again after Retry-After."),
    TOO_MANY_BODIES(
            503,
            "Too many request bodies from this address are arriving at once.",
            "Send each body without pauses, or try again after Retry-After."),

    // ---- The service itself ----------------------------------------------------------------------------------------

    NOT_READY(
            503,
            "The service is starting, or its keys are not open yet.",
            "Try again after Retry-After. Operators: GET /q/health/ready on the management port says why."),
    STORE_IS_A_COPY(
            400,
            "The service's own database is a copy of the one that these passwords are kept in: it was restored, cloned or moved; or a copy of it was adopted. It changes no password and sends nothing.",
            "If this store is to be the one from now on, stop the original, then adopt this one: POST /api/v1/store/adopt, or --command adopt-store. Else ask the original."),
    STORE_UNAVAILABLE(
            503,
            "The service's own database did not answer.",
            "Try again after Retry-After. Read before you repeat a change: it may have been carried out."),
    STALE_CREDENTIAL(
            503,
            "The service's own database was restored, failed over or silent, and the password in it is refused by its server, or cannot be tried after a restore.",
            "Keep the credential that you have; it may be the newer one. Operators: docs/recovery.md."),
    STORE_BUSY(
            503,
            "All of the service's sessions to its own database are in use, or that has none left.",
            "Try again after Retry-After. If it persists, operators: give the service more sessions (QUARKUS_DATASOURCE_REACTIVE_MAX_SIZE) or the database more (max_connections)."),
    STORE_SLOW(
            503,
            "The service's own database took too long for a statement.",
            "Try again after Retry-After. Read before you repeat a change. Operators: look for locks and load on that database."),
    STORE_READ_ONLY(
            503,
            "The service's own database takes no writes: it is a standby, or was made read-only. Nothing was changed.",
            "Try again after Retry-After. Operators: point the service at the primary, or end default_transaction_read_only."),
    STORE_FULL(
            503,
            "The service's own database has no room left on its disk. Nothing was changed.",
            "Operators: make room there. Then try again."),
    NOT_IN_TIME(
            503,
            "The request reached its deadline before it was answered. It may or may not have been carried out.",
            "Read what is there, then repeat the request if it is still needed."),
    STILL_OVERDUE(
            409,
            "What was due was done as far as possible, and passwords are still overdue.",
            "GET /api/v1/troubles says which and why."),
    DATA_KEY_NOT_LOADED(503, "This process has not loaded the newest data key yet.", "Try again in a few seconds."),
    DATA_KEY_EXHAUSTED(
            503,
            "The data key has reached its safe number of uses. Create a new one.",
            "An operator makes a new one with the key command new-data-key."),
    INTERNAL_ERROR(
            500,
            "An unexpected fault in this service.",
            "Quote reqId to whoever runs the service: the log has the cause under that id."),
    CHANGED_MEANWHILE(
            400,
            "Another request changed or deleted what this one refers to at the same time. Nothing was changed.",
            "Read what is there now, then repeat the request if it still applies."),

    CHANGED_SINCE_READ(
            412,
            "It was changed since the caller read it (If-Match). Nothing was changed by this request.",
            "Compare details.current with what was read, then repeat the request with the ETag of details."),

    // ---- Projects, identities and what belongs to them -------------------------------------------------------------

    PROJECT_NOT_FOUND(
            404,
            "No project with this id or slug exists, or the caller may not see it.",
            "Check the id or slug in the path or query."),
    PROJECT_UNKNOWN(
            400, "The request names a project that does not exist or that the caller may not see.", "Check projectId."),
    PROJECT_NAME_TAKEN(400, "Another project has this name.", "Choose another name."),
    PROJECT_SLUG_TAKEN(400, "Another project has this slug.", "Choose another slug."),
    PROJECT_NOT_EMPTY(
            400,
            "The project still has connections, rotations or identities of its own.",
            "Delete them or move them first."),
    ENVIRONMENT_NOT_FOUND(
            404, "No such environment exists, or the caller may not see it.", "Check the id or slug, and the project."),
    ENVIRONMENT_EXISTS(
            400, "The project has an environment with this slug already.", "Choose another slug, or use that one."),
    FOLDER_NOT_FOUND(404, "No folder with this id exists, or the caller may not see it.", "Check the id."),
    FOLDER_EXISTS(400, "There is a folder at this path already.", "Choose another name, or use that one."),
    PLACE_IN_USE(
            400,
            "Rotations serve their secrets at or below this place, so it is neither renamed nor deleted.",
            "Delete those rotations first."),
    IDENTITY_NOT_FOUND(404, "No identity with this id exists, or the caller may not see it.", "Check the id."),
    MEMBERSHIP_NOT_FOUND(404, "The identity has no role in this project.", "Check both ids."),
    MEMBERSHIP_EXISTS(400, "The identity has roles in this project already.", "Change them by PATCH or PUT."),
    LAST_ADMINISTRATOR(
            400,
            "The change would leave the organisation without an administrator who can log in.",
            "Make another identity an administrator first."),
    CLIENT_SECRET_NOT_FOUND(
            404, "The identity has no client secret with this id.", "List the identity's client secrets."),
    TOO_MANY_CLIENT_SECRETS(
            400, "The identity has as many client secrets as it may have.", "Revoke one that is no longer used."),
    TOKEN_NOT_FOUND(404, "The identity has no static token with this id.", "List the identity's tokens."),
    TOO_MANY_TOKENS(
            400, "The identity has as many static tokens as it may have.", "Revoke one that is no longer used."),
    DELETE_PROTECTED(400, "It is protected from being deleted.", "Set hasDeleteProtection to false, then delete it."),
    AUTH_METHOD_EXISTS(
            400, "The identity has a login of this kind already.", "Change it by PATCH, or delete it first."),
    AUTH_METHOD_NOT_FOUND(
            404,
            "The identity has no login of this kind configured.",
            "Configure it first, or check the identity's id."),

    // ---- Connections -----------------------------------------------------------------------------------------------

    CONNECTION_NOT_FOUND(404, "No connection with this id exists, or the caller may not see it.", "Check the id."),
    CONNECTION_OF_ANOTHER_PROJECT(
            400,
            "The connection belongs to another project than the rotation.",
            "Name a connection of the same project, or one that belongs to no project."),
    CONNECTION_IN_USE(400, "Rotations still use the connection.", "Delete what details list first."),
    CONNECTION_TEST_FAILED(
            400,
            "The login with these credentials did not succeed, so nothing was stored.",
            "details.failure or details.reason says at which step and what helps."),
    GATEWAY_NOT_SUPPORTED(400, "Gateways are not supported.", "Leave gatewayId out, or send null."),
    NAME_TAKEN(
            400,
            "Something of the same kind already has this name.",
            "Choose another name, or use what details.id names."),
    CREDENTIALS_REQUIRED(
            400,
            "Taking a password under management needs the role's present credentials.",
            "Send complete credentials, with the present password, in the same request."),
    CREDENTIALS_ARE_MANAGED(
            400,
            "The connection's password is managed by this service, so its credentials cannot be edited.",
            "Release the connection first: POST …/release."),
    MANAGED_CREDENTIALS_FAILED(
            400,
            "The role's password could not be replaced by a managed one, so the connection keeps the credentials that it had.",
            "details.reason says why. Remove the cause, then repeat the request."),
    MANAGED_PASSWORD_WOULD_BE_LOST(
            400,
            "Only this service knows the managed password of the role, and deleting the connection would lose it.",
            "Release the connection first, or send discardManagedPassword=true."),
    CA_CERT_NOT_SET(
            404,
            "The connection has no CA certificate of its own: it trusts the authorities of the operating system.",
            "Use the system's authorities (libpq 16 and later: sslrootcert=system), or set sslCertificate of the connection."),
    NOT_MANAGED(
            400,
            "The connection's password is not managed.",
            "Nothing needs to be done, or put it under management first."),

    // ---- Rotations -------------------------------------------------------------------------------------------------

    ROTATION_NOT_FOUND(404, "No rotation with this id exists, or the caller may not see it.", "Check the id."),
    ROTATION_IN_PROGRESS(400, "The password is being changed at this moment.", "Try again after Retry-After."),
    ROTATION_FAILED(
            400,
            "The password was not changed, or not proven; what was served before is served still.",
            "details.reason and details.problems say why. Remove the cause, then rotate again."),
    ROTATION_UNFINISHED(
            400,
            "A change of the password has not come to its end, so it is not yet proven which password the role has.",
            "It is tried again by itself. Repeat the request once the state is ok."),
    ROTATION_IN_DOUBT(
            504,
            "A new password was sent and the server's answer is missing. Both passwords are kept.",
            "The service asks the server again by itself, as long as it is there: look at the attempt in details.attemptId, and repeat the request once"
                    + " the state is ok. Verify looks at once."),
    ROTATION_REVOKING(
            400,
            "The rotation has been deleted and only waits until its roles have passwords that nobody is given.",
            "Wait until it is gone. Make a new rotation if one is needed."),
    OVERLAP_NOT_OVER(
            400,
            "The credential that the last rotation replaced is still promised to work.",
            "Wait until details.until, or send force=true to end it at once."),
    AUTO_ROTATION_IS_OFF(
            400,
            "nextRotationAt was sent for a rotation that runs only when asked to.",
            "Send isAutoRotationEnabled: true as well, or leave nextRotationAt out."),
    FIELD_CANNOT_CHANGE(
            400,
            "This field is fixed once the rotation exists.",
            "Make a new rotation with the other value, then delete this one."),
    ROTATION_STATEMENT_NOT_SUPPORTED(
            400,
            "Custom rotation statements are not supported.",
            "Leave rotationStatement out, or send details.default."),
    USERNAMES_EQUAL(
            400, "Both roles of the rotation are the same.", "Name two different roles, or choose strategy single."),
    INITIAL_PASSWORD_REFUSED(
            400,
            "The server refuses initialPassword for the role username1.",
            "Send the password that the role has, or leave the field out: then it gets a new one immediately."),
    INITIAL_PASSWORD_NOT_PROVEN(
            400,
            "No login could prove that initialPassword is the password of the role username1; details.reason says why.",
            "Remove the cause and try again, or leave the field out: then the role gets a new password immediately."),
    SECRET_NAMES_EQUAL(
            400,
            "Username and password are mapped to the same secret name.",
            "Choose two different names in secretsMapping."),
    SECRET_NAME_TAKEN(
            400,
            "Another rotation at this place serves a secret with this name.",
            "Choose another name, environment or path; details.secrets lists the names."),
    NO_CREDENTIALS_YET(
            400,
            "The rotation has no proven password yet.",
            "Wait for its first change; the rotation's state says what it waits for."),
    DISCARDED_PASSWORD_NOT_FOUND(
            404,
            "No discarded password with this id is kept.",
            "List those that are kept: GET /api/v1/discarded-passwords. Each is kept for 30 days."),
    FORMAT_CANNOT_EXPRESS(
            400,
            "The format that was asked for cannot express this login.",
            "Ask for another format; the message says what does not fit."),

    // ---- Secrets, Vault and webhooks -------------------------------------------------------------------------------

    SECRET_NOT_FOUND(
            404,
            "No secret with this name is served at this place.",
            "Check name, environment and path against the rotation's secretsMapping."),
    SECRETS_READ_ONLY(
            405,
            "Secrets are what rotations serve, and cannot be written.",
            "Change the rotation's secretsMapping, environment or path; rotate it for a new value."),
    TOO_MANY_SECRETS(
            400, "More secrets are served below this path than one answer may hold.", "Ask for a narrower path."),
    VAULT_NOT_CONFIGURED(
            400,
            "The service has no Vault to deliver to.",
            "An operator sets quarkus.vault.url and rolewright.vault-kv.places; or leave vaultKv out."),
    VAULT_PLACE_NOT_ALLOWED(
            400,
            "This project may not write to that place in Vault.",
            "Choose a place below one of details.allowedBelow."),
    VAULT_PLACE_TAKEN(400, "Another rotation is already written to this place in Vault.", "Choose another place."),
    WEBHOOK_NOT_FOUND(404, "No webhook with this id exists, or the caller may not see it.", "Check the id."),
    WEBHOOK_DELIVERY_NOT_FOUND(404, "The webhook has no delivery with this id.", "List the webhook's deliveries."),
    WEBHOOK_NAME_TAKEN(400, "The project already has a webhook with this name.", "Choose another name."),
    DELIVERY_PENDING(
            400,
            "The delivery is still being tried, so it cannot be sent again.",
            "Wait until it is delivered or dead."),
    RECEIVER_ADDRESS_REFUSED(
            400,
            "The host of the webhook's URL is in a network that this service may not reach.",
            "Use another host, or ask an operator to open the network (ROLEWRIGHT_TARGET_ALLOWED_NETWORKS)."),
    RECEIVER_HOST_MALFORMED(
            400, "The host of the webhook's URL is neither a name nor an IP address.", "Correct the URL."),
    KEY_COMMAND_RUNNING(400, "Another key command is running.", "Wait until it has ended."),

    // ---- What stands in the way of a change on the server ----------------------------------------------------------

    ROLE_OF_THIS_SERVICE(400, "This service logs in to its own store as this role.", "Name another role."),
    ROLE_OF_A_CONNECTION(
            400,
            "A stored connection logs in as this role and would be locked out by a new password.",
            "Give the connection a role of its own, or delete it; details.usedBy names those that the caller may see."),
    ROLE_ALREADY_MANAGED(
            400,
            "The role's password is already managed, by what details.usedBy names or by the installation named in its marker.",
            "Name another role, delete what manages it, or send takeover: true where the message says so."),
    ROLE_IS_PRIVILEGED(
            400, "The role is a superuser or has REPLICATION.", "Send allowPrivileged: true if it is meant."),
    ROLE_IS_SUPERUSER(
            400,
            "The role is a superuser: only a superuser may change its password.",
            "Manage it through a superuser and send allowPrivileged: true, or name another role."),
    ROLE_IS_REPLICATION(
            400,
            "The role has REPLICATION.",
            "Send allowPrivileged: true; before PostgreSQL 16 the managing role must be a superuser too."),
    ROLE_IS_MANAGING_ROLE(
            400,
            "The role is the one that the connection logs in as.",
            "Name another role, or put the connection's own password under management."),
    ROLE_MISSING(
            400,
            "The role does not exist on the server.",
            "Create it, or name another role; details.problems has the statement."),
    ROLE_CANNOT_LOGIN(400, "The role may not log in.", "Run the ALTER ROLE … LOGIN in details.problems."),
    ROLE_EXPIRED(
            400,
            "VALID UNTIL of the role has passed, so a new password would not be accepted.",
            "Run the ALTER ROLE … VALID UNTIL in details.problems."),
    ROLE_LOCKED(
            400, "Another session holds the role locked.", "Try again once that session has ended its transaction."),
    NAME_INVALID(400, "A role with this name cannot be managed.", "Use a role whose name the message's rule allows."),
    CREATEROLE_MISSING(400, "The managing role lacks CREATEROLE.", "Run the ALTER ROLE in details.problems."),
    ADMIN_OPTION_MISSING(
            400,
            "The managing role lacks ADMIN OPTION on the role, which PostgreSQL demands from version 16 on.",
            "Run the GRANT in details.problems."),
    CONNECT_MISSING(
            400,
            "The role may not connect to the database where its new password would be proven.",
            "Run the GRANT in details.problems."),
    PRIVILEGE_MISSING(
            400,
            "The managing role may not change the role's password.",
            "Grant it what details.problems lists, or use another connection."),
    CONCURRENT_CHANGE(400, "Another session changed the role at the same time.", "Try again."),
    SERVER_REFUSED(
            400,
            "The server refused to change the password.",
            "Look up details.sqlState in PostgreSQL's manual, appendix A, and in the server's log."),
    STANDBY(400, "The server is a standby.", "Point the connection at the primary."),
    READ_ONLY(
            400,
            "The server is a standby, or its transactions are read only.",
            "Point the connection at the primary, or make it writable."),
    ROLE_REPLACED(
            400,
            "Another role of the server has the name of the one that is managed, which was dropped or renamed. Nothing was changed.",
            "If the new role is to be managed from now on, send takeover: true and rotate. Else give the former one its name back."),
    ROLE_RENAMED(
            400,
            "The role has another name on the server now. Nothing was changed.",
            "Run the ALTER ROLE … RENAME in details.problems, or make a rotation for the new name and delete this one."),
    SERVER_REPLACED(
            400,
            "The server is another one than the one on which the role was managed, and the role there is not known to be the same."
                    + " Nothing was changed.",
            "Lead the connection back to the former server; or, if passwords are to be changed on this one from now on, PATCH the connection with"
                    + " confirmAnotherServer: true, once for all that is rotated through it (for one role: takeover: true, and rotate)."),
    LEADS_TO_ANOTHER_SERVER(
            400,
            "The connection would lead to another server than the one that passwords are changed on through it, as far as can be seen."
                    + " Nothing was changed.",
            "Delete the rotations first; or, if their passwords are to be changed on the new server from now on, send"
                    + " confirmAnotherServer: true."),
    STORE_BEHIND_TARGET(
            400,
            "The role was changed under a later epoch than this store knows: the store was restored, or a copy of it is at work.",
            "Stop the copy, then rotate with force=true."),
    MARKER_IMPLAUSIBLE(
            400,
            "The role's comment holds a marker of this service with a number that it cannot have written: somebody else wrote it.",
            "Run the statement in details.problems, which takes the marker out of the comment and leaves the rest."),
    MARKER_MOVED(
            400,
            "The marker in the role's comment was removed or replaced while its password was about to be changed; nothing was changed.",
            "Find out who else works on the role or its comment, then try again."),
    POOLER_IN_BETWEEN(
            400,
            "A pooler or proxy stands before the server, so a new password cannot be proven.",
            "Give the connection the address of the server itself."),
    PASSWORD_NOT_ASKED(
            400,
            "The server lets the role in without asking for a password, so a new one would prove nothing.",
            "Put the line that the message gives into pg_hba.conf, and reload."),
    AUTHENTICATION_NOT_SUPPORTED(
            400,
            "The server asks the role for another proof than a password (GSSAPI, SSPI or OAuth).",
            "Put the line that the message gives into pg_hba.conf, and reload."),
    CLEARTEXT_PASSWORD_DEMANDED(
            400,
            "The server asks for the role's password in clear.",
            "Put the line that the message gives into pg_hba.conf, and reload."),
    MD5_PASSWORD_DEMANDED(
            400,
            "The server asks for an MD5 answer, which is never given with a managed password.",
            "Store the role's password as scram-sha-256."),
    LOGIN_NOT_OFFERED(
            400,
            "pg_hba.conf does not let the role in from this service's address.",
            "Put the line that the message gives into pg_hba.conf, and reload."),

    // ---- How a server answered the login of a role -----------------------------------------------------------------

    PASSWORD_REFUSED(
            400,
            "The server refused the role's password, or the role does not exist or has expired.",
            "Check role, password and VALID UNTIL."),
    NO_MATCHING_RULE(
            400,
            "No rule in pg_hba.conf lets the role in to this database from here, or it demands a client certificate.",
            "Add a pg_hba.conf rule for this service's address, or give a client certificate."),
    CLIENT_CERTIFICATE_NAME_REFUSED(
            400,
            "The server accepted the role's password and refused the login for its client certificate, which is made out to another role.",
            "Log in as the role with a certificate made out to it."),
    TLS_DEMANDED(
            400, "The server lets the role in only over TLS.", "Set sslMode to verify-full, verify-ca or require."),
    NO_SUCH_DATABASE(400, "The database does not exist.", "Check the database's name."),
    DATABASE_CLOSED(400, "The database does not accept connections.", "Name another database."),
    NO_CONNECT_PRIVILEGE(400, "The role may not connect to the database.", "GRANT CONNECT ON DATABASE … TO the role."),
    ROLE_FULL(400, "The role's CONNECTION LIMIT is used up.", "Raise the limit, or close sessions of the role."),
    DATABASE_FULL(400, "The database's CONNECTION LIMIT is used up.", "Raise the limit, or close sessions."),
    SLOTS_RESERVED(
            400, "The server's remaining session slots are reserved.", "Raise max_connections, or close sessions."),
    SERVER_FULL(400, "The server has no free session slot.", "Raise max_connections, or close sessions."),
    SERVER_NOT_READY(400, "The server is starting up, shutting down or recovering.", "Try again later."),
    EXAMINATION_REFUSED(
            400,
            "The server let the role in and then refused a question about itself or its roles.",
            "Look up the SQLSTATE. With 42501, grant what is revoked of pg_catalog; with 57014, lengthen the role's statement_timeout."),
    LOGIN_REFUSED(
            400,
            "The server refused the login for another reason.",
            "Look up the SQLSTATE in PostgreSQL's manual, appendix A, and in the server's log."),
    HOST_MALFORMED(400, "The host is neither a name nor a plain IP address.", "Give a host name or an IP address."),
    NAME_NOT_FOUND(400, "The host name has no address.", "Check the host name."),
    NAME_LOOKUP_TIMED_OUT(400, "The name servers did not answer in time.", "Try again, or give an IP address."),
    ADDRESS_REFUSED(
            400,
            "The host's address is in a network that this service may not reach, or is that of the service's own store.",
            "Use another host, or ask an operator to open the address (ROLEWRIGHT_TARGET_ALLOWED_NETWORKS)."),
    TOO_MANY_SESSIONS(
            400, "All sessions to this server, or of this service, are in use.", "Try again in a few seconds."),
    CONNECTION_REFUSED(
            400,
            "Nothing listens at this address and port, or a firewall rejects the connection.",
            "Check port and firewall."),
    NETWORK_UNREACHABLE(400, "There is no route to the address.", "Check network and firewall."),
    CONNECT_TIMED_OUT(400, "The address did not answer in time.", "Check address, port and firewall."),
    TLS_NOT_OFFERED(400, "The server does not speak TLS.", "Turn TLS on at the server, or set sslMode to disable."),
    TLS_UNKNOWN_AUTHORITY(
            400, "The server's certificate does not come from a trusted CA.", "Give the server's CA certificate."),
    TLS_NAME_MISMATCH(
            400,
            "The server's certificate is made out to another name.",
            "Use the name in the certificate, or sslMode verify-ca."),
    TLS_CERTIFICATE_EXPIRED(400, "The server's certificate has expired.", "Renew the server's certificate."),
    TLS_CERTIFICATE_NOT_YET_VALID(400, "The server's certificate is not valid yet.", "Check the clocks, or wait."),
    TLS_HANDSHAKE_FAILED(
            400,
            "The TLS handshake failed.",
            "Check the server's TLS versions and ciphers, and whether it demands a client certificate."),
    TOO_MANY_ITERATIONS(
            400,
            "The server asked for more than 100,000 SCRAM iterations.",
            "Lower scram_iterations on the server and set the password again."),
    SERVER_NOT_AUTHENTIC(
            400,
            "The server did not prove that it knows the role's SCRAM secret; it may be a false server.",
            "Check address and TLS."),
    CHANNEL_BINDING_REFUSED(
            400,
            "The server refused the login because the TLS session does not end at it: a proxy stands in between, or somebody who listens in.",
            "Lead the connection to the server itself, or let the proxy pass TLS through or speak to the server without TLS; if there should"
                    + " be no proxy, look for who answers at this address."),
    CHANNEL_BINDING_IMPOSSIBLE(
            400,
            "The server offers channel binding, and its certificate can neither be bound to (Ed25519) nor was it verified; nothing was sent.",
            "Set sslMode to verify-full or verify-ca, or give the server a certificate signed with RSA or ECDSA."),
    NOT_POSTGRESQL(400, "What answered does not speak PostgreSQL's protocol.", "Check host and port."),
    TOO_MUCH_DATA(400, "The server sent more than a login or an answer can need.", "Check what listens there."),
    CLOSED_BY_SERVER(400, "The server closed the connection.", "Look into the server's log."),
    TIMED_OUT(
            400,
            "The server accepted the connection and did not answer in time.",
            "Look into the server's log; something in between may swallow data.");

    private static final Map<String, ErrorCode> BY_CODE =
            Arrays.stream(values()).collect(Collectors.toMap(ErrorCode::code, Function.identity()));

    private final int status;
    private final String meaning;
    private final String next;

    ErrorCode(int status, String meaning, String next) {
        this.status = status;
        this.meaning = meaning;
        this.next = next;
    }

    /** The word on the wire, in snake case. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The HTTP status that it is always answered with, 400 to 599. */
    public int status() {
        return status;
    }

    /** What has happened, in a sentence. */
    public String meaning() {
        return meaning;
    }

    /** What the caller, or an operator, does about it. */
    public String next() {
        return next;
    }

    /** @param code as on the wire */
    public static Optional<ErrorCode> of(String code) {
        return Optional.ofNullable(BY_CODE.get(code));
    }

    /**
     * The code for what was found on a server and stands in the way of a change, which is a 400.
     *
     * @param reason of {@code target} or {@code credential}, in snake case
     * @return {@link #SERVER_REFUSED} for one that has no code of its own
     */
    public static ErrorCode ofReason(String reason) {
        return switch (reason) {
            case "not_ready" -> SERVER_NOT_READY; // of the server, where ours is a 503
            case "other" -> LOGIN_REFUSED;
            default -> of(reason).filter(code -> code.status == 400).orElse(SERVER_REFUSED);
        };
    }

    /** The kind of error by the reference's names, which tells a token that does not count from a right that is lacking, though both are 403. */
    String kind() {
        return switch (status) {
            case 400 -> "BadRequest";
            case 401 -> "UnauthorizedError";
            case 403 -> code().startsWith("token_") ? "TokenError" : "PermissionDenied";
            case 404 -> "NotFound";
            case 405 -> "MethodNotAllowed";
            case 406 -> "NotAcceptable";
            case 409 -> "Conflict";
            case 412 -> "PreconditionFailed";
            case 413 -> "PayloadTooLarge";
            case 415 -> "UnsupportedMediaType";
            case 422 -> "ValidationFailure";
            case 429 -> "RateLimitExceeded";
            case 501 -> "NotImplemented";
            case 502 -> "BadGateway";
            case 503 -> "ServiceUnavailable";
            case 504 -> "GatewayTimeoutError";
            default -> status < 500 ? "BadRequest" : "InternalServerError";
        };
    }
}
