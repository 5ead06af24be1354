package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.smallrye.mutiny.Uni;
import io.vertx.pgclient.PgException;
import java.time.Instant;

/** The one clock by which leases, due times and back-offs are told, whichever replica looks. */
final class StoreClock {

    /** SQLSTATE of a unique violation (PostgreSQL manual, Appendix A). */
    private static final String UNIQUE_VIOLATION = "23505";

    private StoreClock() {}

    static Uni<Instant> now() {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery("SELECT clock_timestamp()", Instant.class)
                        .getSingleResult()));
    }

    static boolean isUniqueViolation(Throwable failure) {
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof PgException refusal) {
                return UNIQUE_VIOLATION.equals(refusal.getSqlState());
            }
        }
        return false;
    }
}
