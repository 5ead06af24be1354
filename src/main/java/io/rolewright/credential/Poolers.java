package io.rolewright.credential;

import io.rolewright.password.ScramSalt;
import io.rolewright.password.ScramSecret;
import io.rolewright.target.Deadline;
import io.rolewright.target.Demand;
import io.rolewright.target.Login;
import io.rolewright.target.PasswordProof;
import io.rolewright.target.PasswordRule;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetFailure;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;

/**
 * Finds poolers that pass on the process id of the server's session, as pgpool-II does, by what no server does: one that keeps passwords
 * makes up a new salt for each login, where a server shows the salt of the secret that it keeps. Others show themselves at the managing
 * login ({@link PasswordProof#POOLED}).
 */
@ApplicationScoped
class Poolers {

    static final Stop FOUND = Stop.definite(Step.PREFLIGHT, PasswordProof.POOLER, PasswordProof.POOLER_MESSAGE);

    /** Of two that differ, somebody may have changed the password in between. */
    private static final int MOST_LOOKS = 3;

    private final Targets targets;

    Poolers(Targets targets) {
        this.targets = targets;
    }

    /**
     * @param asked the role that was looked at
     * @param managing the role that changes it, with its password
     * @param demand what was seen
     * @param ours secrets of the role; where the server shows the salt of one of them, no pooler has made it up
     * @return fails only when the store cannot be reached
     */
    Uni<Boolean> between(
            Login asked, Login managing, Demand demand, List<ScramSecret> ours, Purpose purpose, Deadline deadline) {
        ScramSalt salt = demand.salt();
        if (salt == null) {
            return demand.rule() == PasswordRule.MD5
                    ? answersForPgpool(managing, purpose, deadline)
                    : Uni.createFrom().item(false);
        }
        return ours.stream().anyMatch(each -> each.salt().equals(salt))
                ? Uni.createFrom().item(false)
                : madeUp(asked, salt, 2, purpose, deadline);
    }

    private Uni<Boolean> madeUp(Login asked, ScramSalt before, int look, Purpose purpose, Deadline deadline) {
        return targets.passwordRule(asked, purpose, deadline).chain(demand -> {
            ScramSalt salt = demand.salt();
            if (salt == null || salt.equals(before)) {
                return Uni.createFrom().item(false);
            }
            return look == MOST_LOOKS ? Uni.createFrom().item(true) : madeUp(asked, salt, look + 1, purpose, deadline);
        });
    }

    /** A server knows no such setting, and says so in its log; for MD5 there is nothing else to go by. */
    private Uni<Boolean> answersForPgpool(Login managing, Purpose purpose, Deadline deadline) {
        return targets.withSession(
                        managing,
                        purpose,
                        deadline,
                        "rolewright preflight",
                        session -> session.execute("SHOW pool_version"))
                .replaceWith(true)
                .onFailure(TargetFailure.class)
                .recoverWithItem(false);
    }
}
