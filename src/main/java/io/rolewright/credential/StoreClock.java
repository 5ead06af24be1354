package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.smallrye.mutiny.Uni;
import java.time.Instant;

/** The one clock by which leases, due times and back-offs are told, whichever replica looks. */
final class StoreClock {

    private StoreClock() {}

    static Uni<Instant> now() {
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery("SELECT clock_timestamp()", Instant.class)
                        .getSingleResult()));
    }
}
