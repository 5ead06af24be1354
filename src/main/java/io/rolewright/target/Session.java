package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A session over an open line. Turns all that the driver may fail with into a {@link TargetFailure}. */
final class Session implements TargetSession {

    private final Dialler.Line line;
    private final SessionFacts facts;

    Session(Dialler.Line line, SessionFacts facts) {
        this.line = line;
        this.facts = facts;
    }

    Dialler.Line line() {
        return line;
    }

    @Override
    public SessionFacts facts() {
        return facts;
    }

    @Override
    public Uni<List<Row>> query(String sql, Object... parameters) {
        return run(line, sql, Tuple.from(List.of(parameters)));
    }

    @Override
    public Uni<Void> execute(String sql) {
        return run(line, sql, null).replaceWithVoid();
    }

    /**
     * The first words of one that was kept: whether it goes on, whose it is now, and which process answers.
     *
     * @param applicationName ours, which needs no quoting
     */
    static Uni<Void> greetAgain(Dialler.Line line, String applicationName) {
        return greet(line, "pg_catalog.set_config('application_name', '" + applicationName + "', false), ");
    }

    /** The first words of every session: names mean those of {@code pg_catalog}, and whose session it really is. One round trip. */
    static Uni<Void> greet(Dialler.Line line) {
        return greet(line, "");
    }

    private static Uni<Void> greet(Dialler.Line line, String more) {
        long before = System.nanoTime();
        return run(
                        line,
                        "SELECT " + more + "pg_catalog.set_config('search_path', 'pg_catalog', false),"
                                + " pg_catalog.pg_backend_pid() AS process, "
                                + (Logins.tellsHowItAuthenticated(line) ? "system_user" : "NULL")
                                + "::text AS system_user",
                        null)
                .invoke(rows -> line.greeted(
                        rows.get(0).getInteger("process"),
                        rows.get(0).getString("system_user"),
                        Duration.ofNanos(System.nanoTime() - before)))
                .replaceWithVoid();
    }

    static Uni<List<Row>> run(Dialler.Line line, String sql, @Nullable Tuple parameters) {
        return line.run(sql, parameters).onFailure().transform(failure -> explain(line, failure));
    }

    private static TargetFailure explain(Dialler.Line line, Throwable failure) {
        Unreachability fault = line.wire().fault();
        if (fault != null) {
            return new TargetFailure.SessionLost(fault);
        }
        if (failure instanceof PgException refusal) {
            String sqlState = Refusals.sqlState(refusal);
            // 57P01 to 57P05 and class 08 end the session; a COMMIT that was under way may have happened.
            return sqlState.startsWith("57P") || sqlState.startsWith("08")
                    ? new TargetFailure.SessionLost(Unreachability.CLOSED_BY_SERVER)
                    : new TargetFailure.StatementRefused(
                            sqlState, Refusals.routine(refusal), Refusals.said(refusal, line.wire()));
        }
        return new TargetFailure.SessionLost(Unreachability.CLOSED_BY_SERVER);
    }
}
