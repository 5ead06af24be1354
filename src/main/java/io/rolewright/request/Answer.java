package io.rolewright.request;

import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The answer of the request in progress, as seen by work that wants to know what became of it. */
public final class Answer {

    private final @Nullable RoutingContext routing;

    Answer(@Nullable RoutingContext routing) {
        this.routing = routing;
    }

    /**
     * Breaks off what is being sent, so that its caller does not take it for the whole. From any thread.
     *
     * @return false if nothing of it was sent yet, so that it can still be an error; nothing is done then
     */
    public boolean breakOff() {
        if (routing == null || !routing.response().headWritten()) {
            return false;
        }
        routing.response().reset();
        return true;
    }

    /**
     * Calls back once, on the request's event loop, when the request is over.
     *
     * @param told whether its caller was told what became of it: not if he hung up before, nor by a 5xx. What is written into a
     *     connection that breaks later counts as told
     */
    public void whenOver(Consumer<Boolean> told) {
        if (routing == null) {
            return;
        }
        var response = routing.response();
        if (response.ended() || response.closed()) {
            told.accept(false);
            return;
        }
        var once = new AtomicBoolean();
        routing.addEndHandler(end -> {
            if (once.compareAndSet(false, true)) {
                told.accept(end.succeeded() && response.getStatusCode() < 500);
            }
        });
    }
}
