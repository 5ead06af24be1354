package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The one organisation of a store, which the reference's {@code orgId} names. Made at first start, the same for ever. */
@ApplicationScoped
public class Organisation {

    /** Clients that name the organisation they log in to may name it so, or anything else: there is one. */
    static final String NAME = "Rolewright";

    static final String SLUG = "rolewright";

    private volatile @Nullable UUID id;

    /** @throws Problem 503 {@code not_ready} before the start-up steps have run */
    public UUID id() {
        var known = id;
        if (known == null) {
            throw Problem.of(ErrorCode.NOT_READY, "The service is starting.");
        }
        return known;
    }

    void is(UUID id) {
        this.id = id;
    }
}
