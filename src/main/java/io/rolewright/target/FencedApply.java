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
 * marker in the role's comment is read, and the transaction fails unless it is one that was there when the role was looked at, or one of
 * what this owner has sent since. No marker is never leave to change a password: a role gets its marker first, by {@link #mark}, which
 * touches no password. All of it is one simple-query message, so the server finishes or refuses it without another word from us.
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

    private static final String UNMARKED = "RW003";

    /** An explicit isolation level, since a role's own default would let the marker be read from an old snapshot. */
    static final String BEGIN = """
            BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
            SET LOCAL lock_timeout = '2s';
            SET LOCAL statement_timeout = '5s';
            SET LOCAL idle_in_transaction_session_timeout = '5s';
            SET LOCAL client_connection_check_interval = '1s';
            """;

    /**
     * %1$s dollar tag, %9$s regular expression of the marker; quoted by the server: %2$s role as identifier, %3$s what is changed, %4$s
     * role as literal, %5$s owner that the marker must have or NULL for no marker; %6$d and %7$d lowest and highest epoch of it, %8$s
     * whether it must be one of an end; %10$s what is done with the comment; %11$s number that the role must have, or NULL for any.
     */
    private static final String APPLY = """
            DO %1$s
            DECLARE
              old text;
              mark text[];
              number oid;
            BEGIN
              ALTER ROLE %2$s %3$s;
              SELECT coalesce(shobj_description(oid, 'pg_authid'), ''), oid INTO STRICT old, number FROM pg_roles WHERE rolname = %4$s;
              IF number <> %11$s::oid THEN
                RAISE EXCEPTION 'another role has the name' USING ERRCODE = 'RW001';
              END IF;
              mark := regexp_match(old, '%9$s');
              IF mark IS NULL AND %5$s IS NOT NULL THEN
                RAISE EXCEPTION 'the marker of the role is gone' USING ERRCODE = 'RW003';
              END IF;
              IF mark[1] IS DISTINCT FROM %5$s THEN
                RAISE EXCEPTION 'the role is managed elsewhere' USING ERRCODE = 'RW002';
              END IF;
              IF mark[2]::numeric NOT BETWEEN %6$d AND %7$d OR (mark[4] IS NOT NULL) <> %8$s THEN
                RAISE EXCEPTION 'another attempt was here' USING ERRCODE = 'RW001';
              END IF;
              %10$s
              IF current_setting('synchronous_commit') = 'off' THEN
                PERFORM set_config('synchronous_commit', 'on', true);
              END IF;
            END %1$s;
            COMMIT;
            """;

    /** %1$s role as literal, %2$s marker as literal, %3$s regular expression of what goes. */
    private static final String REMARK = """
            old := btrim(regexp_replace(old, '%3$s', '', 'g'));
              EXECUTE format('COMMENT ON ROLE %%I IS %%L', %1$s, btrim(old || ' ' || %2$s));""";

    private final Targets targets;

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
     * @param oid that the role had when it was last seen; absent where that is not known
     * @return fails with {@link TargetFailure.NoSession} or {@link TargetFailure.SessionLost}
     */
    public Uni<Preflight> preflight(
            Login managing, String role, @Nullable Long oid, String scramSecret, Purpose purpose, Deadline deadline) {
        check(role, scramSecret);
        return targets.withManagingSession(managing, purpose, deadline, "rolewright preflight", session -> {
            Session open = (Session) session;
            return new Examination(managing, List.of(role))
                    .look(open.line(), open.facts())
                    .chain(report -> open.facts().proof() == PasswordProof.POOLED
                            ? Uni.createFrom().item(Preflight.pooled(report, OLD_ITERATIONS))
                            : about(open, role, oid, scramSecret)
                                    .chain(row -> report.ok()
                                            ? rehearse(open, row, deadline)
                                                    .map(refusal -> Preflight.of(report, row, refusal))
                                            : Uni.createFrom().item(Preflight.of(report, row, null))));
        });
    }

    /**
     * @param known number of a role that may have another name by now; absent for none
     * @param scramSecret that a rehearsal will send; absent for none
     * @return {@code identifier} and {@code secret}, quoted by the server; {@code iterations} for a new SCRAM secret; {@code oid}, {@code mark} and {@code unmark}, {@code renamed} and {@code
     *     rename_back}, which are null where there is none
     */
    static Uni<Row> about(TargetSession session, String role, @Nullable Long known, @Nullable String scramSecret) {
        // Unknown settings give null with the second argument: before 16 there is no scram_iterations.
        return session.query(
                        "SELECT quote_ident($1::text) AS identifier, quote_literal($6::text) AS secret,"
                                + " coalesce(current_setting('scram_iterations', true), $2)::int AS iterations,"
                                + " regexp_match(found.comment, $3) AS mark,"
                                + " CASE WHEN found.comment ~ $3 THEN format('COMMENT ON ROLE %I IS %L', $1::text,"
                                + " nullif(btrim(regexp_replace(found.comment, $4, '', 'g')), '')) END AS unmark,"
                                + " found.oid::bigint AS oid, known.rolname::text AS renamed,"
                                + " CASE WHEN known.oid IS NOT NULL THEN"
                                + " format('ALTER ROLE %I RENAME TO %I', known.rolname, $1::text) END AS rename_back"
                                + " FROM (SELECT) one"
                                + " LEFT JOIN (SELECT oid, shobj_description(oid, 'pg_authid') AS comment FROM pg_roles"
                                + " WHERE rolname::text = $1) found ON true"
                                + " LEFT JOIN pg_roles known ON known.oid = nullif($5, '')::oid AND known.rolname::text <> $1",
                        role,
                        Integer.toString(OLD_ITERATIONS),
                        Fence.MARKER,
                        Fence.MARKER_AND_REST,
                        known == null ? "" : known.toString(),
                        scramSecret == null ? "" : scramSecret)
                .map(rows -> rows.get(0));
    }

    /**
     * The marker in the comment of a role, which any role of the server may read.
     *
     * @param login of any; it changes nothing
     * @return null item where there is none; fails with a {@link TargetFailure}
     */
    public Uni<@Nullable Fence> marker(Login login, String role, Purpose purpose, Deadline deadline) {
        return targets.withSession(
                        login, purpose, deadline, "rolewright look", session -> about(session, role, null, null))
                .map(FencedApply::fence);
    }

    static @Nullable Fence fence(Row about) {
        return Fence.read(about.getArrayOfStrings("mark"));
    }

    /**
     * @param about as {@link #about} has found it, with the secret
     * @return what the server would say to the change; null item when it would do it
     */
    static Uni<TargetFailure.@Nullable StatementRefused> rehearse(TargetSession session, Row about, Deadline deadline) {
        String statement = BEGIN + "ALTER ROLE " + about.getString("identifier") + " PASSWORD "
                + about.getString("secret") + ";\nROLLBACK;";
        return rehearse(session, statement, deadline, 1);
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
     * What the comment must hold for a change to take effect, and which role it must be.
     *
     * @param owner of the marker; absent where there must be none
     * @param from lowest epoch of it
     * @param to highest
     * @param ended whether it must say that its owner has given the role up
     * @param oid number of the role; absent for any
     */
    record Expected(
            @Nullable String owner,
            long from,
            long to,
            boolean ended,
            @Nullable Long oid) {

        /** @param seen absent for no marker */
        static Expected exactly(@Nullable Fence seen, @Nullable Long oid) {
            return seen == null
                    ? new Expected(null, 0, 0, false, oid)
                    : new Expected(seen.owner(), seen.epoch(), seen.epoch(), seen.ended(), oid);
        }
    }

    /**
     * Applies {@code scramSecret} to {@code role}, if the role carries the marker that this owner's latest look has found, or that of what
     * it has sent since. Sending the same secret again with a higher epoch is how an attempt in doubt is recovered. The session is closed
     * when the answer comes.
     *
     * @param role 1 to 63 bytes: PostgreSQL would cut a longer name and alter another role
     * @param oid that it had when it was looked at: nothing is done to another one that has got its name since; absent for any
     * @param seen epoch of this owner's marker when the role was looked at
     * @param fence the marker that is written; its epoch is higher than {@code seen}
     * @return never fails for what the target does
     */
    public Uni<ApplyOutcome> apply(
            Login managing,
            String role,
            @Nullable Long oid,
            String scramSecret,
            long seen,
            Fence fence,
            String applicationName,
            Deadline deadline) {
        check(role, scramSecret);
        return send(
                managing,
                role,
                scramSecret,
                new Expected(fence.owner(), seen, fence.epoch() - 1, false, oid),
                fence,
                applicationName,
                deadline);
    }

    /**
     * Writes a marker into the role's comment, in the place of exactly the one that was seen; its password stays as it is. Of two that
     * come at once one goes through.
     *
     * @param oid as for {@link #apply}
     * @param seen absent for no marker
     * @return never fails for what the target does
     */
    public Uni<ApplyOutcome> mark(
            Login managing,
            String role,
            @Nullable Long oid,
            @Nullable Fence seen,
            Fence fence,
            String applicationName,
            Deadline deadline) {
        requireName(role);
        return send(managing, role, null, Expected.exactly(seen, oid), fence, applicationName, deadline);
    }

    private Uni<ApplyOutcome> send(
            Login managing,
            String role,
            @Nullable String scramSecret,
            Expected expected,
            @Nullable Fence fence,
            String applicationName,
            Deadline deadline) {
        AtomicBoolean sent = new AtomicBoolean();
        return targets.withManagingSession(
                        managing,
                        Purpose.DUE_WORK,
                        deadline,
                        applicationName,
                        session -> statement(session, role, scramSecret, expected, fence)
                                .chain(statement -> {
                                    sent.set(true);
                                    return session.execute(statement);
                                }))
                .map(ignored -> (ApplyOutcome) new ApplyOutcome.Applied())
                .onFailure(TargetFailure.class)
                .recoverWithItem(failure -> outcome((TargetFailure) failure, sent.get()));
    }

    static void check(String role, String scramSecret) {
        requireName(role);
        if (!SECRET.matcher(scramSecret).matches()) {
            throw new IllegalArgumentException("not a SCRAM-SHA-256 secret in PostgreSQL's form");
        }
    }

    private static void requireName(String role) {
        RoleName.fault(role).ifPresent(fault -> {
            throw new IllegalArgumentException("role name: " + fault);
        });
    }

    /**
     * Says in the role's marker that its owner has given the role up, so that nothing that was sent late is taken for allowed, and the
     * next owner needs nobody's leave. What a human wrote stays.
     *
     * @param owner as in {@link Fence#owner}; the marker of another stays
     * @param epoch higher than any that was sent
     * @return fails with a {@link TargetFailure}
     */
    public Uni<Void> endMarker(Login managing, String role, String owner, long epoch, Deadline deadline) {
        return targets.withSession(
                managing,
                Purpose.DUE_WORK,
                deadline,
                "rolewright marker",
                session -> about(session, role, null, null)
                        .map(FencedApply::fence)
                        .chain(seen -> {
                            if (seen == null || !seen.owner().equals(owner) || seen.ended() || seen.epoch() >= epoch) {
                                return Uni.createFrom().voidItem();
                            }
                            Fence end = new Fence(owner, epoch, seen.version(), true);
                            return statement(session, role, null, Expected.exactly(seen, null), end)
                                    .chain(session::execute);
                        }));
    }

    /**
     * The whole change in one message. DO takes no parameters and ALTER ROLE neither: the server quotes what is put into their text.
     *
     * @param scramSecret absent for a change that locks the role's row and changes nothing of it
     * @param fence absent where the comment stays as it is
     */
    static Uni<String> statement(
            TargetSession session,
            String role,
            @Nullable String scramSecret,
            Expected expected,
            @Nullable Fence fence) {
        return quoted(
                        session,
                        role,
                        scramSecret == null ? "" : scramSecret,
                        expected.owner() == null ? "" : expected.owner(),
                        fence == null ? "" : fence.marker())
                .map(quoted -> BEGIN
                        + String.format(
                                APPLY,
                                tag(), // so that no role name can end the body
                                quoted.getString("identifier"),
                                scramSecret == null ? "" : "PASSWORD " + quoted.getString("secret"),
                                quoted.getString("role"),
                                expected.owner() == null ? "NULL::text" : quoted.getString("owner"),
                                expected.from(),
                                expected.to(),
                                expected.ended(),
                                Fence.MARKER,
                                fence == null
                                        ? ""
                                        : String.format(
                                                REMARK,
                                                quoted.getString("role"),
                                                quoted.getString("marker"),
                                                Fence.MARKER_AND_REST),
                                expected.oid() == null ? "NULL" : expected.oid().toString()));
    }

    private static String tag() {
        byte[] tag = new byte[16];
        new SecureRandom().nextBytes(tag);
        return "$rw" + HexFormat.of().formatHex(tag) + "$";
    }

    private static Uni<Row> quoted(
            TargetSession session, String role, String scramSecret, String owner, String marker) {
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

    static ApplyOutcome outcome(TargetFailure failure, boolean sent) {
        if (failure instanceof TargetFailure.StatementRefused refused) {
            return switch (refused.sqlState()) {
                case STALE -> new ApplyOutcome.Stale();
                case MANAGED_ELSEWHERE -> new ApplyOutcome.ManagedElsewhere();
                case UNMARKED -> new ApplyOutcome.Unmarked();
                default -> new ApplyOutcome.Refused(refused.sqlState(), refused.routine(), refused.passing());
            };
        }
        if (sent && failure instanceof TargetFailure.SessionLost lost) {
            return new ApplyOutcome.InDoubt(lost.reason());
        }
        return new ApplyOutcome.NotSent(Logins.outcome(failure));
    }
}
