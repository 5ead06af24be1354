package io.rolewright.credential;

import io.rolewright.target.Login;
import io.rolewright.target.TargetReport;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The server on which a role is, as one login has shown it.
 *
 * @param identifier its system identifier, which all addresses of it share; absent where the login may not read it
 * @param host as the connection has it, in small letters, and {@code port}
 * @param dialled the address that was dialled; absent when none was
 */
public record RoleServer(
        @Nullable String identifier,
        String host,
        int port,
        @Nullable String dialled) {

    public static RoleServer of(TargetReport report, Login login) {
        TargetReport.Server server = report.server();
        return new RoleServer(
                server == null ? null : server.systemIdentifier(), host(login.host()), login.port(), report.dialled());
    }

    /** So that two spellings of one name are equal. */
    public static String host(String given) {
        String small = given.toLowerCase(Locale.ROOT);
        return small.endsWith(".") ? small.substring(0, small.length() - 1) : small;
    }

    @Override
    public String toString() {
        return "RoleServer";
    }
}
