package io.rolewright.target;

import io.rolewright.target.address.Checked;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What a login shows: the facts of a successful one, and the outcome of any. */
final class Logins {

    private static final Pattern VERSION = Pattern.compile("(\\d{1,4})(?:\\.(\\d{1,4}))?.*");

    private Logins() {}

    /** What an open line has shown. */
    static SessionFacts facts(Dialler.Line line, Route route) {
        return new SessionFacts(
                route.resolved(),
                String.valueOf(route.dialled()),
                line.order().login().port(),
                line.wire().tls(),
                line.wire().serverVersion(),
                versionNumber(line.wire().serverVersion()),
                line.wire().rule(),
                line.wire().salt(),
                proof(line));
    }

    private static PasswordProof proof(Dialler.Line line) {
        Wire.Challenge challenge = line.wire().challenge();
        if (line.pooled()) { // whatever it asks this role for
            return PasswordProof.POOLED;
        }
        if (challenge == Wire.Challenge.NONE) {
            return PasswordProof.NOT_ASKED;
        }
        if (tellsHowItAuthenticated(line)) {
            return judge(line.systemUser(), line.order().login().role());
        }
        return challenge == Wire.Challenge.CLEARTEXT ? PasswordProof.UNKNOWN : PasswordProof.CHALLENGE;
    }

    static boolean tellsHowItAuthenticated(Dialler.Line line) {
        return versionNumber(line.wire().serverVersion()) >= 160000;
    }

    /** Null means that a proxy was asked and the server itself lets it in without a password. */
    private static PasswordProof judge(@Nullable String systemUser, String role) {
        return ("scram-sha-256:" + role).equals(systemUser)
                        || ("md5:" + role).equals(systemUser)
                        || ("password:" + role).equals(systemUser)
                ? PasswordProof.SYSTEM_USER
                : PasswordProof.UNKNOWN;
    }

    /** {@code 16.15 (Debian …)} is 160015, as in server_version_num; 0 when it is no version. */
    static int versionNumber(String version) {
        Matcher parts = VERSION.matcher(version);
        if (!parts.matches()) {
            return 0;
        }
        return Integer.parseInt(parts.group(1)) * 10000
                + (parts.group(2) == null ? 0 : Integer.parseInt(parts.group(2)));
    }

    static LoginOutcome outcome(Checked.Closed closed) {
        return new LoginOutcome.Unreachable(
                switch (closed.reason()) {
                    case MALFORMED -> Unreachability.HOST_MALFORMED;
                    case NOT_FOUND -> Unreachability.NAME_NOT_FOUND;
                    case LOOKUP_TIMED_OUT -> Unreachability.NAME_LOOKUP_TIMED_OUT;
                    case REFUSED -> Unreachability.ADDRESS_REFUSED;
                },
                Unreachability.Step.RESOLVE);
    }

    static LoginOutcome outcome(TargetFailure failure) {
        if (failure instanceof TargetFailure.NoSession none) {
            return none.outcome();
        }
        if (failure instanceof TargetFailure.StatementRefused refused) {
            return LoginOutcome.Refused.ofQuestion(refused);
        }
        return new LoginOutcome.Unreachable(((TargetFailure.SessionLost) failure).reason(), Unreachability.Step.LOGIN);
    }

    /** The server has let the role in and refuses the first small question. */
    static LoginOutcome.Refused unanswered(TargetFailure.StatementRefused refusal, Wire wire) {
        return new LoginOutcome.Refused(
                Refusal.EXAMINATION_REFUSED,
                refusal.sqlState(),
                refusal.routine(),
                wire.signed() ? PasswordVerdict.ACCEPTED : PasswordVerdict.UNKNOWN,
                wire.signed() ? wire.salt() : null,
                refusal.said());
    }

    static LoginOutcome tlsDemanded(Throwable noMatchingRule) {
        LoginOutcome.Refused refused = (LoginOutcome.Refused) ((TargetFailure.NoSession) noMatchingRule).outcome();
        return new LoginOutcome.Refused(
                Refusal.TLS_DEMANDED, refused.sqlState(), refused.routine(), refused.password(), null, null);
    }
}
