package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import io.vertx.sqlclient.Row;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Gives a role on a target a new SCRAM secret so that an older attempt can never overwrite a newer one, not even a zombie that a dead
 * process left behind (promise I3 in {@code docs/architecture.md}).
 *
 * <p>{@code ALTER ROLE} comes first: its row lock holds in the whole cluster, while an advisory lock would hold in one database only. Then the
 * marker in the role's comment is read, and the transaction fails unless it is older. All of it is one simple-query message, so the
 * server finishes or refuses it without another word from us.
 */
@ApplicationScoped
public class FencedApply {

    /** A malformed secret would be taken for a password in clear and hashed, without a word. */
    private static final Pattern SECRET = Pattern.compile(
            "SCRAM-SHA-256\\$[1-9][0-9]{0,5}:[A-Za-z0-9+/]{4,176}={0,2}\\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=");

    private static final int OLD_ITERATIONS = 4096;

    private static final int MOST_REHEARSALS = 8;

    /** With less left the change itself would not be sent any more. */
    private static final Duration TIME_TO_REHEARSE = Duration.ofSeconds(4);

    /** SQLSTATEs of our own, in a class that PostgreSQL does not use. */
    private static final String STALE = "RW001";

    private static final String MANAGED_ELSEWHERE = "RW002";

    /** An explicit isolation level, since a role's own default would let the marker be read from an old snapshot. */
    static final String BEGIN = """
            BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
            SET LOCAL lock_timeout = '2s';
            SET LOCAL statement_timeout = '5s';
            SET LOCAL idle_in_transaction_session_timeout = '5s';
            SET LOCAL client_connection_check_interval = '1s';
            """;

    /** %1$s dollar tag, then quoted by the server: %2$s role as identifier, %3$s secret, %4$s role as literal, %5$s owner; %6$d epoch, %7$s takeover, %8$s marker. */
    private static final String APPLY = """
            DO %1$s
            DECLARE
              old text;
              mark text[];
            BEGIN
              ALTER ROLE %2$s PASSWORD %3$s;
              SELECT coalesce(shobj_description(oid, 'pg_authid'), '') INTO STRICT old FROM pg_roles WHERE rolname = %4$s;
              mark := regexp_match(old, '%9$s');
              IF mark[1] <> %5$s AND NOT %7$s THEN
                RAISE EXCEPTION 'the role is managed elsewhere' USING ERRCODE = 'RW002';
              END IF;
              IF mark[2]::bigint >= %6$d THEN
                RAISE EXCEPTION 'a newer attempt was here' USING ERRCODE = 'RW001';
              END IF;
              old := btrim(regexp_replace(old, '%9$s', '', 'g'));
              EXECUTE format('COMMENT ON ROLE %%I IS %%L', %4$s, btrim(old || ' ' || %8$s));
              IF current_setting('synchronous_commit') = 'off' THEN
                PERFORM set_config('synchronous_commit', 'on', true);
              END IF;
            END %1$s;
            COMMIT;
            """;

    private final Targets targets;
    private final SecureRandom random = new SecureRandom();

    @Inject
    public FencedApply(Targets targets) {
        this.targets = targets;
    }

    /**
     * Looks whether {@code role} can be given a new secret, and rehearses it: {@code BEGIN; ALTER ROLE …; ROLLBACK} in one message changes
     * nothing and exercises all that the server refuses. Whether the server asks the role for a password is {@link
     * Targets#passwordRule}'s answer.
     *
     * @param scramSecret any well-formed one
     * @return fails with {@link TargetFailure.NoSession} or {@link TargetFailure.SessionLost}
     */
    public Uni<Preflight> preflight(
            Login managing, String role, String scramSecret, Purpose purpose, Deadline deadline) {
        check(role, scramSecret);
        return targets.withSession(managing, purpose, deadline, "rolewright preflight", session -> {
            Session open = (Session) session;
            return new Examination(managing, List.of(role))
                    .look(open.line(), open.facts())
                    .chain(report -> open.facts().proof() == PasswordProof.POOLED
                            ? Uni.createFrom().item(new Preflight(report, null, OLD_ITERATIONS, null))
                            : about(open, role).chain(row -> {
                                Fence fence = fence(row);
                                int iterations = row.getInteger("iterations");
                                return report.ok()
                                        ? rehearse(open, role, scramSecret, deadline)
                                                .map(refusal -> new Preflight(report, fence, iterations, refusal))
                                        : Uni.createFrom().item(new Preflight(report, fence, iterations, null));
                            }));
        });
    }

    private static Uni<Row> about(TargetSession session, String role) {
        // Unknown settings give null with the second argument: before 16 there is no scram_iterations.
        return session.query(
                        "SELECT coalesce(current_setting('scram_iterations', true), $2)::int AS iterations,"
                                + " (SELECT regexp_match(shobj_description(oid, 'pg_authid'), $3) FROM pg_roles"
                                + " WHERE rolname::text = $1) AS mark",
                        role,
                        Integer.toString(OLD_ITERATIONS),
                        Fence.MARKER)
                .map(rows -> rows.get(0));
    }

    /** Of a new SCRAM secret: the server's {@code scram_iterations}, 4096 before version 16. */
    static Uni<Integer> iterations(TargetSession session) {
        return session.query(
                        "SELECT coalesce(current_setting('scram_iterations', true), $1)::int AS iterations",
                        Integer.toString(OLD_ITERATIONS))
                .map(rows -> rows.get(0).getInteger("iterations"));
    }

    private static @Nullable Fence fence(Row row) {
        String[] mark = row.getArrayOfStrings("mark");
        return mark == null ? null : new Fence(mark[0], Math.max(1, Long.parseLong(mark[1])));
    }

    /** @return what the server would say to the change; null item when it would do it */
    static Uni<TargetFailure.@Nullable StatementRefused> rehearse(
            TargetSession session, String role, String scramSecret, Deadline deadline) {
        return quoted(session, role, scramSecret, "x/x", "")
                .map(quoted -> BEGIN + "ALTER ROLE " + quoted.getString("identifier") + " PASSWORD "
                        + quoted.getString("secret") + ";\nROLLBACK;")
                .chain(statement -> rehearse(session, statement, deadline, 1));
    }

    /** What another session has just done to the role is no obstacle: that is seen again a moment later, as when it is applied. */
    private static Uni<TargetFailure.@Nullable StatementRefused> rehearse(
            TargetSession session, String statement, Deadline deadline, int times) {
        return session.execute(statement)
                .replaceWith((TargetFailure.StatementRefused) null)
                .onFailure(TargetFailure.StatementRefused.class)
                .recoverWithUni(failure -> {
                    TargetFailure.StatementRefused refusal = (TargetFailure.StatementRefused) failure;
                    return refusal.passing()
                                    && times < MOST_REHEARSALS
                                    && deadline.left().compareTo(TIME_TO_REHEARSE) > 0
                            ? session.execute("ROLLBACK")
                                    .chain(() -> Pause.of(Duration.ofMillis(
                                            40 + ThreadLocalRandom.current().nextInt(120))))
                                    .chain(() -> rehearse(session, statement, deadline, times + 1))
                            : Uni.createFrom().item(refusal);
                });
    }

    /**
     * Applies {@code scramSecret} to {@code role}, unless the role's marker is not older than {@code fence}. Sending the same secret again with a
     * higher epoch is how an attempt in doubt is recovered. The session is closed when the answer comes.
     *
     * @param role 1 to 63 bytes: PostgreSQL would cut a longer name and alter another role
     * @param takeover whether the marker of another owner is replaced (if its epoch is lower)
     * @return never fails for what the target does
     */
    public Uni<ApplyOutcome> apply(
            Login managing,
            String role,
            String scramSecret,
            Fence fence,
            boolean takeover,
            String applicationName,
            Deadline deadline) {
        check(role, scramSecret);
        AtomicBoolean sent = new AtomicBoolean();
        return targets.withSession(
                        managing,
                        Purpose.DUE_WORK,
                        deadline,
                        applicationName,
                        session -> quoted(session, role, scramSecret, fence.owner(), fence.marker())
                                .map(quoted -> statement(quoted, fence, takeover))
                                .chain(statement -> {
                                    sent.set(true);
                                    return session.execute(statement);
                                }))
                .map(ignored -> (ApplyOutcome) new ApplyOutcome.Applied())
                .onFailure(TargetFailure.class)
                .recoverWithItem(failure -> outcome((TargetFailure) failure, sent.get()));
    }

    static void check(String role, String scramSecret) {
        RoleName.fault(role).ifPresent(fault -> {
            throw new IllegalArgumentException("role name: " + fault);
        });
        if (!SECRET.matcher(scramSecret).matches()) {
            throw new IllegalArgumentException("not a SCRAM-SHA-256 secret in PostgreSQL's form");
        }
    }

    /**
     * Takes our marker out of the role's comment and leaves what a human wrote there. Only when no send is in doubt: without a marker
     * nothing stops a late one.
     *
     * @param owner as in {@link Fence#owner}; the marker of another stays
     * @return fails with a {@link TargetFailure}
     */
    public Uni<Void> removeMarker(Login managing, String role, String owner, Deadline deadline) {
        return targets.withSession(
                managing,
                Purpose.DUE_WORK,
                deadline,
                "rolewright marker",
                session -> session.query(
                                "SELECT format('COMMENT ON ROLE %I IS %L', $1::text, nullif(btrim(regexp_replace("
                                        + "shobj_description(oid, 'pg_authid'), $2, '', 'g')), '')) AS statement"
                                        + " FROM pg_roles WHERE rolname::text = $1"
                                        + " AND (regexp_match(shobj_description(oid, 'pg_authid'), $2))[1] = $3",
                                role, Fence.MARKER, owner)
                        .chain(rows -> rows.isEmpty()
                                ? Uni.createFrom().voidItem()
                                : session.execute(BEGIN + rows.get(0).getString("statement") + ";\nCOMMIT;")));
    }

    /** DO takes no parameters and ALTER ROLE neither: the server quotes what is put into their text. */
    static Uni<Row> quoted(TargetSession session, String role, String scramSecret, String owner, String marker) {
        return session.query(
                        "SELECT quote_ident($1::text) AS identifier, quote_literal($2::text) AS secret,"
                                + " quote_literal($1::text) AS role, quote_literal($3::text) AS owner,"
                                + " quote_literal($4::text) AS marker",
                        role,
                        scramSecret,
                        owner,
                        marker)
                .map(rows -> rows.get(0));
    }

    private String statement(Row quoted, Fence fence, boolean takeover) {
        byte[] tag = new byte[16];
        random.nextBytes(tag); // so that no role name can end the body
        return BEGIN
                + String.format(
                        APPLY,
                        "$rw" + HexFormat.of().formatHex(tag) + "$",
                        quoted.getString("identifier"),
                        quoted.getString("secret"),
                        quoted.getString("role"),
                        quoted.getString("owner"),
                        fence.epoch(),
                        takeover,
                        quoted.getString("marker"),
                        Fence.MARKER);
    }

    static ApplyOutcome outcome(TargetFailure failure, boolean sent) {
        if (failure instanceof TargetFailure.StatementRefused refused) {
            return switch (refused.sqlState()) {
                case STALE -> new ApplyOutcome.Stale();
                case MANAGED_ELSEWHERE -> new ApplyOutcome.ManagedElsewhere();
                default -> new ApplyOutcome.Refused(refused.sqlState(), refused.routine(), refused.passing());
            };
        }
        if (sent && failure instanceof TargetFailure.SessionLost lost) {
            return new ApplyOutcome.InDoubt(lost.reason());
        }
        return new ApplyOutcome.NotSent(Logins.outcome(failure));
    }
}
