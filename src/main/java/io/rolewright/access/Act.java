package io.rolewright.access;

import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Who asks, and in which request: what every audit row of this package starts with. */
record Act(Caller caller, RequestOrigin from) {

    AuditEvent success(String type) {
        return by(AuditEvent.success(type));
    }

    /**
     * Does it, and records if it was refused or came to nothing; a success is recorded by what is done.
     *
     * @param id what it is done to; null for something new
     */
    <T> Uni<T> recorded(AuditLog audit, String type, String kind, @Nullable UUID id, Supplier<Uni<T>> what) {
        return Uni.createFrom().deferred(what::get).onFailure(Problem.class).call(failure -> {
            var event = AuditEvent.ended(type, (Problem) failure);
            return audit.record(by(event).on(kind, id)).onFailure().recoverWithNull();
        });
    }

    private AuditEvent by(AuditEvent event) {
        return event.by(caller.id(), caller.name()).from(from.address(), from.requestId());
    }
}
