package io.rolewright.credential;

import io.rolewright.password.ScramSalt;
import io.rolewright.password.ScramSecret;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.Refusal;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.Unreachability;
import org.jspecify.annotations.Nullable;

/** What the answer to a login says of the password. */
final class Proofs {

    private Proofs() {}

    /** Whether the password opens the role, be it that the session was then refused for another reason. */
    static boolean proven(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Accepted accepted
                ? accepted.proof().proven()
                : outcome instanceof LoginOutcome.Refused refused && byTheServer(refused);
    }

    /** Whether the server has also shown that it keeps exactly this secret. */
    static boolean proven(LoginOutcome outcome, ScramSecret secret) {
        return proven(outcome) && secret.salt().equals(signed(outcome));
    }

    /** What the server has shown of the secret that it keeps; null where it did not ask by SCRAM. */
    static @Nullable ScramSalt signed(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Accepted accepted
                ? accepted.facts().salt()
                : outcome instanceof LoginOutcome.Refused refused ? refused.signed() : null;
    }

    /**
     * Why the server, which has accepted the password, gives the role no session all the same.
     *
     * @return null when it does
     */
    static @Nullable Stop refusal(LoginOutcome proof) {
        return proof instanceof LoginOutcome.Refused refused && refused.reason() != Refusal.EXAMINATION_REFUSED
                ? Stop.noLogin(Step.VERIFY, refused)
                : null;
    }

    /** What stands between may sign for a role that the server itself has not been asked about; its errors name no routine of PostgreSQL's. */
    private static boolean byTheServer(LoginOutcome.Refused refused) {
        return refused.signed() != null && refused.routine() != null;
    }

    static boolean refusesPassword(TargetFailure failure) {
        return failure instanceof TargetFailure.NoSession none && refusesPassword(none.outcome());
    }

    /** A role with a SCRAM secret is not asked for MD5: where it is, the secret is another than the one of the password tried. */
    static boolean refusesPassword(LoginOutcome outcome) {
        return outcome instanceof LoginOutcome.Refused refused && refused.reason() == Refusal.PASSWORD_REFUSED
                || outcome instanceof LoginOutcome.Unreachable unreachable
                        && unreachable.reason() == Unreachability.MD5_PASSWORD_DEMANDED;
    }
}
