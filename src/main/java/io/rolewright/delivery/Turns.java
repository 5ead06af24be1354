package io.rolewright.delivery;

import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets so many at a time go, the others in the order in which they came. Thousands that wait for one version hear of it in the same
 * moment: together they would take all sessions to the store, and most would be refused for want of one.
 */
final class Turns {

    private final Vertx vertx;
    private final Deque<Turn> line = new ArrayDeque<>();
    private int free;

    Turns(Vertx vertx, int atOnce) {
        this.vertx = vertx;
        this.free = atOnce;
    }

    /** Fields belong to the lock. */
    private static final class Turn {
        private boolean taken;
        private boolean over;
        private @Nullable UniEmitter<? super Void> waiting;
    }

    /** The work, begun when it is its turn, on the caller's context, which has to be Vert.x's. Who hangs up leaves the line. */
    <T> Uni<T> take(Supplier<Uni<T>> work) {
        return Uni.createFrom().deferred(() -> {
            Context context = vertx.getOrCreateContext();
            Turn turn = new Turn();
            return Uni.createFrom()
                    .<Void>emitter(emitter -> come(turn, emitter))
                    .emitOn(task -> context.runOnContext(ignored -> task.run()))
                    .chain(begun -> work.get())
                    .onTermination()
                    .invoke(() -> leave(turn));
        });
    }

    private void come(Turn turn, UniEmitter<? super Void> emitter) {
        synchronized (this) {
            turn.waiting = emitter;
            if (free == 0) {
                line.add(turn);
                return;
            }
            free--;
            turn.taken = true;
        }
        emitter.complete(null);
    }

    private void leave(Turn turn) {
        Turn next;
        synchronized (this) {
            if (turn.over) {
                return;
            }
            turn.over = true;
            if (!turn.taken) {
                line.remove(turn);
                return;
            }
            next = line.poll();
            if (next == null) {
                free++;
                return;
            }
            next.taken = true;
        }
        // Outside the lock: what it does next is not ours.
        next.waiting.complete(null);
    }
}
