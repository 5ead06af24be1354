package io.rolewright.store;

import com.fasterxml.jackson.core.JacksonException;
import io.vertx.pgclient.PgException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.sql.SQLException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.hibernate.TransientObjectException;
import org.jspecify.annotations.Nullable;

/** Says what kind of fault a failure of the store is, in words of ours: driver texts can name hosts, roles and values. */
public final class StoreFault {

    private StoreFault() {}

    /** @return a phrase such as {@code store not reachable (connection refused)}; never driver text */
    public static String describe(Throwable failure) {
        String reason = reason(failure);
        return reason == null ? "unexpected fault (" + failure.getClass().getSimpleName() + ")" : reason;
    }

    /** Whether the store could not be reached, or could not answer in time: nothing was wrong with the request. */
    public static boolean isOutage(Throwable failure) {
        String reason = reason(failure);
        return reason != null && reason.startsWith("store not reachable");
    }

    /** Whether a write failed because another row has a value that must be unique. */
    public static boolean isUniqueViolation(Throwable failure) {
        return has("23505", failure);
    }

    /** Whether a write failed because a row that it refers to is not there, or because a row that it deletes is referred to. */
    public static boolean isReferenceViolation(Throwable failure) {
        return has("23503", failure) || looksForItInVain(failure);
    }

    /** Hibernate looks for the row itself before it writes one that refers to it. */
    private static boolean looksForItInVain(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof TransientObjectException) {
                return true;
            }
        }
        return false;
    }

    /** Whether a text that was sent to the store, by itself or in JSON, has a NUL character in it, which PostgreSQL has no place for. */
    public static boolean isUnstorableText(Throwable failure) {
        return has("22021", failure) || has("22P05", failure);
    }

    /**
     * Whether a write failed because of what one of its rows says: data that is none (class 22), a constraint (23, 44) or a trigger (P0).
     * Other rows of the same statement may be good.
     */
    public static boolean isRefusedRow(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String sqlState = sqlState(cause);
            if (sqlState != null) {
                return sqlState.startsWith("22")
                        || sqlState.startsWith("23")
                        || sqlState.startsWith("44")
                        || sqlState.startsWith("P0");
            }
        }
        return false;
    }

    private static boolean has(String sqlState, Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (sqlState.equals(sqlState(cause))) {
                return true;
            }
        }
        return false;
    }

    /** The store's code in one exception, without looking at its cause. Hibernate makes another exception of the driver's. */
    private static @Nullable String sqlState(Throwable exception) {
        if (exception instanceof PgException refusal) {
            return refusal.getSqlState();
        }
        return exception instanceof SQLException wrapped ? wrapped.getSQLState() : null;
    }

    private static @Nullable String reason(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String reason = reasonOf(cause);
            if (reason != null) {
                return reason;
            }
            if (cause.getCause() == cause) {
                break;
            }
        }
        return null;
    }

    private static @Nullable String reasonOf(Throwable cause) {
        String sqlState = sqlState(cause);
        if (sqlState != null) {
            return refusal(sqlState);
        }
        if (cause instanceof UnknownHostException) {
            return "store not reachable (host name not found)";
        }
        if (cause instanceof ConnectException connect) {
            // Netty's connect time-out is a ConnectException too.
            return connect.getClass().getSimpleName().contains("Timeout")
                    ? "store not reachable (timed out)"
                    : "store not reachable (connection refused)";
        }
        if (cause instanceof TimeoutException || cause instanceof io.smallrye.mutiny.TimeoutException) {
            return "store not reachable (timed out)";
        }
        if (cause instanceof SSLException) {
            return "store not reachable (TLS handshake failed)";
        }
        // The client has no types for these; StoreFaultTest pins their wording against real servers.
        String text = String.valueOf(cause.getMessage());
        if (text.startsWith("Timeout")) {
            return "store not reachable (no free session in time)";
        }
        if (text.startsWith("SSL handshake failed")) {
            return "store not reachable (TLS handshake failed)";
        }
        if (text.equals("Postgres Server does not handle SSL connection")) {
            return "store not reachable (it offers no TLS; ROLEWRIGHT_STORE_SSLMODE=disable does without)";
        }
        // Jackson's are IOExceptions, and have nothing to do with a connection.
        if ((cause instanceof IOException && !(cause instanceof JacksonException))
                || cause.getClass().getSimpleName().equals("ClosedConnectionException")) {
            return "store not reachable (connection lost)";
        }
        return null;
    }

    private static String refusal(String sqlState) {
        return switch (sqlState) {
            case "28P01", "28000" -> "store refuses our role or password (" + sqlState + ")";
            case "3D000" -> "store has no such database (3D000)";
            case "42501" -> "our role lacks a right on the store (42501)";
            case "25006" -> "store is read-only (25006)";
            case "53300" -> "store not reachable (too many connections, 53300)";
            case "57P01", "57P02", "57P03" -> "store not reachable (it is starting or stopping, " + sqlState + ")";
            case "57014" -> "store not reachable (statement took too long, 57014)";
            default ->
                sqlState.startsWith("08")
                        ? "store not reachable (" + sqlState + ")"
                        : "store answered with SQLSTATE " + sqlState;
        };
    }
}
