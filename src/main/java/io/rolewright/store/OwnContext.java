package io.rolewright.store;

import io.quarkus.vertx.core.runtime.context.VertxContextSafetyToggle;
import io.smallrye.common.vertx.VertxContext;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import java.util.function.Supplier;

/** Hibernate Reactive keeps its session in the Vert.x context: work that no request stands behind, or beside other work, needs one. */
public final class OwnContext {

    private OwnContext() {}

    /** @param loop whose thread the work runs on */
    public static <T> Uni<T> on(Context loop, Supplier<Uni<? extends T>> work) {
        return Uni.createFrom().emitter(emitter -> {
            Context own = VertxContext.createNewDuplicatedContext(loop);
            VertxContextSafetyToggle.setContextSafe(own, true);
            own.runOnContext(
                    ignored -> Uni.createFrom().deferred(work::get).subscribe().with(emitter::complete, emitter::fail));
        });
    }
}
