package io.rolewright.target;

import io.vertx.pgclient.PgException;
import org.jspecify.annotations.Nullable;

/**
 * What a server's refusal of a login means. SQLSTATE and the server's function name decide, and whether the server had signed the SCRAM
 * exchange or said AuthenticationOk before: from then on the password was accepted. Texts are localised and decide nothing.
 */
final class Refusals {

    private static final int LONGEST_QUOTATION = 200;

    private Refusals() {}

    static LoginOutcome.Refused explain(PgException refusal, Wire wire) {
        String sqlState = sqlState(refusal);
        String routine = routine(refusal);
        return new LoginOutcome.Refused(
                reason(sqlState, routine == null ? "" : routine, wire),
                sqlState,
                routine,
                password(sqlState, wire),
                wire.signed() ? wire.salt() : null,
                said(refusal, wire));
    }

    /**
     * The server's own words, where it is known to be the one that was meant: it has signed the SCRAM exchange, or its certificate was
     * verified. For people only, as a quotation; nothing is decided by them.
     */
    static @Nullable String said(PgException refusal, Wire wire) {
        SessionFacts.Tls tls = wire.tls();
        String text = refusal.getErrorMessage();
        if (text == null || !wire.signed() && (tls == null || !tls.verified())) {
            return null;
        }
        String line = text.strip()
                .lines()
                .findFirst()
                .orElse("")
                .replaceAll("\\p{C}", "")
                .strip();
        if (line.isEmpty() || line.contains("SCRAM-SHA-256$")) { // which no server should repeat
            return null;
        }
        return line.substring(0, Math.min(line.length(), LONGEST_QUOTATION));
    }

    /** Five characters as the manual has them: what leaves this package is not a free text of the server's. */
    static String sqlState(PgException refusal) {
        String sqlState = refusal.getSqlState();
        return sqlState != null && sqlState.matches("[0-9A-Z]{5}") ? sqlState : "XX000";
    }

    static @Nullable String routine(PgException refusal) {
        String routine = refusal.getRoutine();
        return routine != null && routine.matches("[A-Za-z0-9_]{1,63}") ? routine : null;
    }

    private static Refusal reason(String sqlState, String routine, Wire wire) {
        boolean authenticated = wire.authenticated();
        if (isAboutTheChannel(sqlState, routine, wire)) {
            return Refusal.CHANNEL_BINDING_REFUSED;
        }
        return switch (sqlState) {
            // The server compares the certificate's name after it has signed for the password, and says the same words.
            case "28P01" -> wire.signed() ? Refusal.CLIENT_CERTIFICATE_NAME_REFUSED : Refusal.PASSWORD_REFUSED;
            case "28000" -> authenticated ? Refusal.ROLE_CANNOT_LOGIN : Refusal.NO_MATCHING_RULE;
            case "3D000" -> Refusal.NO_SUCH_DATABASE;
            case "55000" -> Refusal.DATABASE_CLOSED;
            case "42501" -> Refusal.NO_CONNECT_PRIVILEGE;
            case "53300" -> full(routine, authenticated);
            case "57P03" -> Refusal.NOT_READY;
            default -> Refusal.OTHER;
        };
    }

    /**
     * Where PostgreSQL finds that a client was shown another certificate than its own, was not shown that it binds, or that somebody has
     * altered what the client said of it. Once SCRAM is under way with an honest client, neither function refuses anything else so.
     */
    private static boolean isAboutTheChannel(String sqlState, String routine, Wire wire) {
        return wire.challenge() == Wire.Challenge.SCRAM
                && wire.tls() != null
                && (sqlState.equals("28000") && routine.equals("read_client_first_message")
                        || (sqlState.equals("28000") || sqlState.equals("08P01"))
                                && routine.equals("read_client_final_message"));
    }

    private static Refusal full(String routine, boolean authenticated) {
        return switch (routine) {
            case "InitializeSessionUserId" -> Refusal.ROLE_FULL;
            case "CheckMyDatabase" -> Refusal.DATABASE_FULL;
            default -> authenticated ? Refusal.SLOTS_RESERVED : Refusal.SERVER_FULL;
        };
    }

    private static PasswordVerdict password(String sqlState, Wire wire) {
        if (wire.signed()) {
            return PasswordVerdict.ACCEPTED;
        }
        if (sqlState.equals("28P01")) {
            return PasswordVerdict.REFUSED;
        }
        return wire.authenticated() && wire.challenge() != Wire.Challenge.NONE
                ? PasswordVerdict.ACCEPTED
                : PasswordVerdict.UNKNOWN;
    }
}
