package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import io.vertx.sqlclient.Row;
import java.util.List;

/**
 * An open session on a target. Use it only inside the function that was given to {@link Targets#withSession}, which closes it.
 * Every call fails with a {@link TargetFailure} and nothing else.
 */
public interface TargetSession {

    SessionFacts facts();

    /**
     * Runs one statement with bind parameters {@code $1} … and gives its rows.
     *
     * @param parameters what the driver knows; null is allowed
     */
    Uni<List<Row>> query(String sql, Object... parameters);

    /**
     * Sends {@code sql}, which may be several statements, as <em>one</em> simple-query message: the server runs it to its end
     * even if we die after the send.
     */
    Uni<Void> execute(String sql);
}
