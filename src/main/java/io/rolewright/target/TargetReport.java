package io.rolewright.target;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a test of a connection showed.
 *
 * @param ok whether the login succeeded and the role can do what was asked (every given role can be rotated)
 * @param steps resolve, connect, tls, login, rights, in this order; those after a failed one say {@code not_reached}
 * @param outcome the login's outcome, for callers that only want to know whether it may be saved
 * @param resolved every address of the host, as text; empty when none was found
 * @param dialled the last of them that was dialled; absent when none was
 * @param tls what was agreed on, even when the login failed later; absent without TLS
 * @param roundTrip one trivial query on the open session; absent when there was none
 * @param duration the whole test, waiting for a slot included
 */
public record TargetReport(
        boolean ok,
        List<Step> steps,
        LoginOutcome outcome,
        List<String> resolved,
        @Nullable String dialled,
        int port,
        SessionFacts.@Nullable Tls tls,
        @Nullable Server server,
        @Nullable ManagingRole managingRole,
        List<ManagedRole> managedRoles,
        @Nullable Duration roundTrip,
        Duration duration) {

    /**
     * @param name {@code resolve}, {@code connect}, {@code tls}, {@code login} or {@code rights}
     * @param ok null when the step was not reached or does not apply
     * @param reason stable: {@code ok}, {@code not_reached}, {@code not_used} (TLS disabled) or what went wrong
     * @param wayOut what to do about it; empty when there is nothing to do
     */
    public record Step(String name, @Nullable Boolean ok, String reason, String message, String wayOut) {}

    /**
     * @param systemIdentifier shared by standbys, clones and restores; absent where the role may not read it
     * @param place where the server was in time
     */
    public record Server(
            String version,
            int versionNumber,
            boolean standby,
            boolean readOnly,
            @Nullable String systemIdentifier,
            Place place) {}

    /**
     * Where a server is in time. None of it ever gets less, and the timeline stays, unless the server was restored or has failed over.
     *
     * @param timeline absent where the role may not read it
     * @param wal bytes of the write-ahead log so far; absent where the role may not read it
     * @param transaction the next one
     */
    public record Place(@Nullable Long timeline, @Nullable Long wal, long transaction) {}

    /** @param validUntil absent means for ever */
    public record ManagingRole(
            String name,
            boolean superuser,
            boolean createRole,
            boolean replication,
            @Nullable Instant validUntil,
            PasswordProof proof) {}

    /**
     * One role whose password is to be changed.
     *
     * @param connect whether it may connect to the database of the connection, where its new password would be proven
     * @param rotatable no problem stands in the way
     */
    public record ManagedRole(
            String name,
            boolean exists,
            boolean canLogin,
            boolean superuser,
            boolean replication,
            boolean adminOption,
            boolean connect,
            @Nullable Instant validUntil,
            boolean rotatable,
            List<Problem> problems) {}

    /**
     * @param code stable: {@code role_missing}, {@code role_cannot_login}, {@code role_expired}, {@code role_is_superuser},
     *     {@code role_is_replication}, {@code role_is_managing_role}, {@code createrole_missing}, {@code admin_option_missing},
     *     {@code connect_missing}, {@code pooler_in_between}, {@code standby}, {@code read_only}, {@code name_invalid}
     * @param blocking false for what only needs {@code allowPrivileged}
     * @param sql the exact statement that helps, quoted by the server; absent when no statement does
     */
    public record Problem(
            String code,
            boolean blocking,
            String message,
            @Nullable String sql) {}
}
