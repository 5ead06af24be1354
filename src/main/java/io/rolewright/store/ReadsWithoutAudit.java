package io.rolewright.store;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import org.jboss.logging.Logger;

/**
 * Statements that read credentials and insert the audit of it. While the store cannot write, because it is read-only or full, they fail and
 * nothing is given out, unless the operator has said that reads go on ({@code ROLEWRIGHT_STORE_READS_WITHOUT_AUDIT}): then the same is
 * read without the insert. Any thread may call.
 */
@ApplicationScoped
public class ReadsWithoutAudit {

    /** The header of an answer whose read is in no row of the audit, and its value. */
    public static final String HEADER = "Rolewright-Audit";

    public static final String LOG_ONLY = "log-only";

    private static final Logger log = Logger.getLogger(ReadsWithoutAudit.class);

    private final Pool pool;
    private final boolean allowed;
    private final Counter reads;

    ReadsWithoutAudit(Pool pool, StoreConfig config, MeterRegistry metrics) {
        this.pool = pool;
        this.allowed = config.readsWithoutAudit();
        this.reads = Counter.builder("rolewright.reads.without.audit")
                .description(
                        "Statements that read credentials while the store could not write the audit: the log has it alone")
                .register(metrics);
    }

    /** @param audited whether the audit was inserted */
    public record Read(RowSet<Row> rows, boolean audited) {
        @Override
        public String toString() {
            return "Read[audited=" + audited + "]";
        }
    }

    /** Whether a read that failed so may be done without its row in the audit. */
    public boolean mayFollow(Throwable failure) {
        boolean follows = allowed && StoreFault.cannotWrite(failure);
        if (follows) {
            StoreFault.warn(log, "Credentials are given out without a row in the audit", failure);
        }
        return follows;
    }

    /** Whether reads of credentials go on while the store cannot write. */
    public boolean allowed() {
        return allowed;
    }

    /**
     * @param audited reads and inserts
     * @param reading the same without the insert, with the same parameters and columns
     */
    public Uni<Read> execute(String audited, String reading, Tuple parameters) {
        return pool.preparedQuery(audited)
                .execute(parameters)
                .map(rows -> new Read(rows, true))
                .onFailure(this::mayFollow)
                .recoverWithUni(failure -> pool.preparedQuery(reading)
                        .execute(parameters)
                        .invoke(rows -> reads.increment())
                        .map(rows -> new Read(rows, false)));
    }
}
