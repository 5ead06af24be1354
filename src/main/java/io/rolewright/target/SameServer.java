package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.security.SecureRandom;
import java.time.Duration;

/**
 * Whether two addresses lead to one running server: a lock that is taken through one is seen through the other. An identifier alone does not
 * tell, for clones and standbys have the same one, and some services keep it to themselves. Nothing is changed on either.
 */
@ApplicationScoped
public class SameServer {

    /** A server that does not answer to whoever waits for an answer is as good as gone. */
    private static final Duration LIMIT = Duration.ofMillis(2500);

    private static final String TAKE = "SELECT pg_try_advisory_lock($1::bigint) AS held";

    private static final String LOOK = """
            SELECT count(*) AS seen FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 1 AND granted
               AND (classid::bigint << 32) | objid::bigint = $1::bigint
            """;

    /** What was seen. */
    public enum Answer {
        YES,
        NO,
        /** One of them gave no session. */
        UNKNOWN
    }

    private final Targets targets;
    private final SecureRandom random = new SecureRandom();

    @Inject
    public SameServer(Targets targets) {
        this.targets = targets;
    }

    /**
     * @param one where the lock is taken
     * @param other where it is looked for; if the deadline carries a turn, it is there
     * @return never fails for what the targets do
     */
    public Uni<Answer> ask(Login one, Login other, Purpose purpose, Deadline deadline) {
        long key = random.nextLong();
        Deadline own = deadline.within(LIMIT);
        return targets.withSession(
                        one,
                        purpose,
                        own.withoutTurn(),
                        "rolewright same server",
                        held -> held.query(TAKE, key)
                                .chain(taken -> targets.withSession(
                                        other,
                                        purpose,
                                        own,
                                        "rolewright same server",
                                        seen -> seen.query(LOOK, key)
                                                .map(rows -> rows.get(0).getLong("seen") > 0))))
                .map(seen -> seen ? Answer.YES : Answer.NO)
                .onFailure(TargetFailure.class)
                .recoverWithItem(Answer.UNKNOWN);
    }
}
