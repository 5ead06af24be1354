package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;

/** Waits between two statements of a session, on its loop. */
final class Pause {

    private Pause() {}

    /** @param time 1 ms or more */
    static Uni<Void> of(Duration time) {
        Context context = Vertx.currentContext();
        return Uni.createFrom()
                .emitter(emitter -> context.owner()
                        .setTimer(time.toMillis(), id -> context.runOnContext(ignored -> emitter.complete(null))));
    }
}
