package io.rolewright.store;

import com.fasterxml.jackson.core.JacksonException;
import io.smallrye.mutiny.CompositeException;
import io.vertx.pgclient.PgException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.sql.SQLException;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.hibernate.TransientObjectException;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Says what kind of fault a failure of the store is, in words of ours: driver texts can name hosts, roles and values. */
public final class StoreFault {

    /** What the world does to a store. It is no fault of the service, passes by itself or needs an administrator of the store. */
    public enum Kind {
        /** No session, or one that broke: the server is away, starting or stopping, or takes our login no more. */
        AWAY,
        /** It answers, and has no session left for this: those of our pool or of the server are all in use. */
        BUSY,
        /** A statement took longer than is allowed. */
        SLOW,
        /** It takes no writes: a standby, or {@code default_transaction_read_only}. */
        READ_ONLY,
        /** It has no room left on its disk. */
        FULL
    }

    private static final OncePerMinute WARNINGS = new OncePerMinute(System::nanoTime);

    private record Reason(@Nullable Kind kind, String text) {}

    private StoreFault() {}

    /** @return a phrase such as {@code store not reachable (connection refused)}; never driver text */
    public static String describe(Throwable failure) {
        if (failure instanceof StoreIsACopy) {
            return "the store is a copy";
        }
        Reason reason = reason(failure);
        return reason == null ? "unexpected fault (" + failure.getClass().getSimpleName() + ")" : reason.text();
    }

    /** Null if the failure is nothing that the world did to the store: a fault of ours, or the refusal of a row. */
    public static @Nullable Kind kind(Throwable failure) {
        Reason reason = reason(failure);
        return reason == null ? null : reason.kind();
    }

    /** Whether the store could not do its work, whatever the {@link Kind}: nothing was wrong with the request. */
    public static boolean isOutage(Throwable failure) {
        return kind(failure) != null;
    }

    /** Whether the store answers and cannot write: {@link Kind#READ_ONLY} or {@link Kind#FULL}. */
    public static boolean cannotWrite(Throwable failure) {
        Kind kind = kind(failure);
        return kind == Kind.READ_ONLY || kind == Kind.FULL;
    }

    /**
     * Logs what could not be done: one WARN a minute for each {@link Kind} in the whole process, whoever meets it, and DEBUG for the rest.
     * A failure without a kind is a WARN each time.
     *
     * @param what such as {@code Due work postponed}, without a full stop
     */
    public static void warn(Logger log, String what, Throwable failure) {
        Kind kind = kind(failure);
        String line = what + ": " + describe(failure);
        if (kind == null) {
            log.warn(line);
            return;
        }
        if (kind == Kind.FULL) {
            StoreLook.refusedForWantOfRoom();
        }
        String once = WARNINGS.line(kind, line);
        if (once == null) {
            log.debug(line);
        } else {
            log.warn(once);
        }
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

    private static @Nullable Reason reason(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof CompositeException several) { // as when the rollback fails too
                return several.getCauses().stream()
                        .map(StoreFault::reason)
                        .filter(Objects::nonNull)
                        .findFirst()
                        .orElse(null);
            }
            Reason reason = reasonOf(cause);
            if (reason != null) {
                return reason;
            }
            if (cause.getCause() == cause) {
                break;
            }
        }
        return null;
    }

    private static @Nullable Reason reasonOf(Throwable cause) {
        String sqlState = sqlState(cause);
        if (sqlState != null) {
            return refusal(sqlState);
        }
        if (cause instanceof UnknownHostException) {
            return away("host name not found");
        }
        if (cause instanceof ConnectException connect) {
            // Netty's connect time-out is a ConnectException too.
            return away(connect.getClass().getSimpleName().contains("Timeout") ? "timed out" : "connection refused");
        }
        if (cause instanceof TimeoutException || cause instanceof io.smallrye.mutiny.TimeoutException) {
            return away("timed out");
        }
        if (cause instanceof SSLException) {
            return away("TLS handshake failed");
        }
        // The client has no types for these; StoreFaultTest pins their wording against real servers.
        String text = String.valueOf(cause.getMessage());
        if (text.startsWith("Timeout")) {
            return OpenSessions.areAll()
                    ? new Reason(Kind.BUSY, "all sessions to the store are in use (none became free in time)")
                    : away("no free session in time");
        }
        if (text.startsWith("SSL handshake failed")) {
            return away("TLS handshake failed");
        }
        if (text.startsWith("Connection is not active now")) {
            return away("connection lost");
        }
        if (text.equals("Postgres Server does not handle SSL connection")) {
            return away("it offers no TLS; ROLEWRIGHT_STORE_SSLMODE=disable does without");
        }
        // Jackson's are IOExceptions, and have nothing to do with a connection.
        if ((cause instanceof IOException && !(cause instanceof JacksonException))
                || cause.getClass().getSimpleName().equals("ClosedConnectionException")) {
            return away("connection lost");
        }
        return null;
    }

    private static Reason away(String how) {
        return new Reason(Kind.AWAY, "store not reachable (" + how + ")");
    }

    private static Reason refusal(String sqlState) {
        return switch (sqlState) {
            case "28P01", "28000" -> new Reason(Kind.AWAY, "store refuses our role or password (" + sqlState + ")");
            case "3D000" -> new Reason(Kind.AWAY, "store has no such database (3D000)");
            case "42501" -> new Reason(null, "our role lacks a right on the store (42501)");
            case "25006" -> new Reason(Kind.READ_ONLY, "store is read-only (25006)");
            case "53100" -> new Reason(Kind.FULL, "store has no room left on its disk (53100)");
            case "53300" -> new Reason(Kind.BUSY, "store has no session left for us (too many connections, 53300)");
            case "57014" -> new Reason(Kind.SLOW, "store is slow (a statement took too long, 57014)");
            // PgBouncer says the first of whatever it does not take; the others tell that each transaction gets another
            // session.
            case "08P01", "26000", "42P05" ->
                away(
                        "refused, " + sqlState
                                + ": behind a pooler in transaction mode, ROLEWRIGHT_STORE_TRANSACTION_POOLER=true is needed; else its log says why");
            case "55000" -> away("its database takes no sessions, 55000");
            case "57P01", "57P02", "57P03" -> away("it is starting or stopping, " + sqlState);
            default ->
                sqlState.startsWith("08")
                        ? away(sqlState)
                        : new Reason(null, "store answered with SQLSTATE " + sqlState);
        };
    }
}
