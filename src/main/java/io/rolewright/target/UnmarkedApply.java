package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Gives a role a new SCRAM secret where its comment cannot carry a marker: a role that changes its own password may not write it. What
 * an older attempt has left behind is found by its application name and ended instead, before the change and after it.
 *
 * <p><b>What this protects against:</b> a backend of a dead process that waits for a lock, or that has not read our statement yet; it is
 * gone before ours is sent, or before the result is proven. <b>What it does not:</b> a process that logs in with an older password
 * between those two moments and is the slower one; its change shows at the login that proves ours, and the next attempt mends it.
 */
@ApplicationScoped
public class UnmarkedApply {

    /** How long ended backends may take to be gone. One in a synchronous commit commits on the way out. */
    private static final Duration GONE_WITHIN = Duration.ofSeconds(2);

    private static final Duration LOOK_AGAIN_AFTER = Duration.ofMillis(40);

    /** Application names of other roles' backends are not shown, so these are the ones we may end. */
    private static final String OLDER = """
              FROM pg_stat_activity
             WHERE application_name ~ $1 AND substring(application_name from '[0-9]+$')::numeric < $2::text::numeric
               AND pid <> pg_backend_pid()
            """;

    private static final String END = "SELECT count(pg_terminate_backend(pid)) AS left_behind" + OLDER;
    private static final String COUNT = "SELECT count(*) AS left_behind" + OLDER;

    private final Targets targets;

    @Inject
    public UnmarkedApply(Targets targets) {
        this.targets = targets;
    }

    /**
     * Logs in as the role itself and rehearses its own change.
     *
     * @param scramSecret any well-formed one
     * @return with the marker that another may have left; fails with {@link TargetFailure.NoSession} or {@link TargetFailure.SessionLost}
     */
    public Uni<Preflight> preflight(Login self, String scramSecret, Purpose purpose, Deadline deadline) {
        FencedApply.check(self.role(), scramSecret);
        return targets.withSession(self, purpose, deadline, "rolewright preflight", session -> {
            Session open = (Session) session;
            return new Examination(self, List.of())
                    .look(open.line(), open.facts())
                    .chain(report -> FencedApply.about(open, self.role(), null, scramSecret)
                            .chain(about -> open.facts().proof() == PasswordProof.POOLED
                                    ? Uni.createFrom().item(Preflight.pooled(report, about.getInteger("iterations")))
                                    : FencedApply.rehearse(open, about, deadline)
                                            .map(refusal -> Preflight.of(report, about, refusal))));
        });
    }

    /**
     * Ends what older attempts have left, then applies {@code scramSecret} to {@code role}. The session is closed when the answer comes.
     *
     * @param login the role itself, or one that may change it
     * @param oid number that the role had when it was looked at, absent for any: nothing is changed of another one
     * @param seen the marker that the role carried when it was looked at, absent for none: with another one nothing is changed
     * @param attempts names the attempts on this role in {@code application_name}
     * @return never fails for what the target does
     */
    public Uni<ApplyOutcome> apply(
            Login login,
            String role,
            @Nullable Long oid,
            String scramSecret,
            @Nullable Fence seen,
            UUID attempts,
            long epoch,
            Deadline deadline) {
        FencedApply.check(role, scramSecret);
        AtomicBoolean sent = new AtomicBoolean();
        return targets.withSession(
                        login,
                        Purpose.DUE_WORK,
                        deadline,
                        applicationName(attempts, epoch),
                        session -> endOlder(session, attempts, epoch, deadline)
                                .chain(() -> FencedApply.statement(
                                        session, role, scramSecret, FencedApply.Expected.exactly(seen, oid), null))
                                .chain(statement -> {
                                    sent.set(true);
                                    return session.execute(statement);
                                }))
                .map(ignored -> (ApplyOutcome) new ApplyOutcome.Applied())
                .onFailure(TargetFailure.class)
                .recoverWithItem(failure -> FencedApply.outcome((TargetFailure) failure, sent.get()));
    }

    /**
     * Logs in with the new password and ends what older attempts have left since the change; only a login after this one is proof.
     *
     * @return never fails for what the target does
     */
    public Uni<LoginOutcome> endOlder(Login renewed, UUID attempts, long epoch, Deadline deadline) {
        return targets.withSession(
                        renewed,
                        Purpose.DUE_WORK,
                        deadline,
                        applicationName(attempts, epoch),
                        session -> endOlder(session, attempts, epoch, deadline).replaceWith((LoginOutcome)
                                new LoginOutcome.Accepted(session.facts().proof(), session.facts())))
                .onFailure(TargetFailure.class)
                .recoverWithItem(failure -> Logins.outcome((TargetFailure) failure));
    }

    /** 55 bytes at most: PostgreSQL cuts at 63. */
    public static String applicationName(UUID attempts, long epoch) {
        return "rw:" + hex(attempts) + ":" + epoch;
    }

    private static String hex(UUID id) {
        return HexFormat.of().toHexDigits(id.getMostSignificantBits())
                + HexFormat.of().toHexDigits(id.getLeastSignificantBits());
    }

    /** Where backends may not be ended, their bounded timeouts have to do. */
    private Uni<Void> endOlder(TargetSession session, UUID attempts, long epoch, Deadline deadline) {
        Object[] which = {"^rw:" + hex(attempts) + ":[0-9]{1,19}$", Long.toString(epoch)};
        return session.query(END, which)
                .chain(ended -> ended.get(0).getLong("left_behind") == 0
                        ? Uni.createFrom().voidItem()
                        : gone(session, which, deadline.within(GONE_WITHIN)))
                .onFailure(TargetFailure.StatementRefused.class)
                .recoverWithNull();
    }

    private Uni<Void> gone(TargetSession session, Object[] which, Deadline deadline) {
        return session.query(COUNT, which)
                .chain(rows -> rows.get(0).getLong("left_behind") == 0 || deadline.passed()
                        ? Uni.createFrom().voidItem()
                        : Pause.of(LOOK_AGAIN_AFTER).chain(() -> gone(session, which, deadline)));
    }
}
