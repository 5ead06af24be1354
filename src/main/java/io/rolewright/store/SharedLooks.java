package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;

/**
 * One look for all who ask for the same thing at the same time. Thousands that wait for one version hear of it in the same moment: each for
 * itself, they would take all sessions to the store, and most would be refused for want of one.
 *
 * @param <Q> what somebody asks
 * @param <A> what he is answered
 */
public final class SharedLooks<Q, A> {

    private final Vertx vertx;
    private final int most;
    private final Function<List<Q>, Uni<List<Uni<A>>>> look;
    private final Map<UUID, List<Asked<Q, A>>> line = new LinkedHashMap<>();
    private int free;

    /**
     * @param atOnce looks at the same time
     * @param most that one look is for
     * @param look on a context of its own; answers each in the order in which they are given
     */
    public SharedLooks(Vertx vertx, int atOnce, int most, Function<List<Q>, Uni<List<Uni<A>>>> look) {
        this.vertx = vertx;
        this.free = atOnce;
        this.most = most;
        this.look = look;
    }

    private record Asked<Q, A>(Q question, Awaited<A> answer) {}

    /** Answers on the caller's context, which has to be Vert.x's. Who hangs up meanwhile leaves the line. */
    public Uni<A> ask(UUID subject, Q question) {
        return Awaited.by(answer -> {
            Asked<Q, A> asked = new Asked<>(question, answer);
            answer.onTermination(() -> leave(subject, asked));
            come(subject, asked);
        });
    }

    /** Who stands in line now. */
    public synchronized int waiting() {
        return line.values().stream().mapToInt(List::size).sum();
    }

    private void come(UUID subject, Asked<Q, A> asked) {
        synchronized (this) {
            line.computeIfAbsent(subject, first -> new ArrayList<>()).add(asked);
        }
        begin();
    }

    private synchronized void leave(UUID subject, Asked<Q, A> asked) {
        line.computeIfPresent(subject, (key, waiting) -> waiting.remove(asked) && waiting.isEmpty() ? null : waiting);
    }

    /** For the subject that has waited longest; it goes to the end of the line with what is too much for one look. */
    private void begin() {
        List<Asked<Q, A>> batch;
        synchronized (this) {
            if (free == 0 || line.isEmpty()) {
                return;
            }
            free--;
            Map.Entry<UUID, List<Asked<Q, A>>> longest =
                    line.entrySet().iterator().next();
            UUID subject = longest.getKey();
            List<Asked<Q, A>> waiting = longest.getValue();
            line.remove(subject);
            batch = List.copyOf(waiting.subList(0, Math.min(most, waiting.size())));
            if (batch.size() < waiting.size()) {
                line.put(subject, new ArrayList<>(waiting.subList(batch.size(), waiting.size())));
            }
        }
        OwnContext.on(
                        vertx.getOrCreateContext(),
                        () -> look.apply(batch.stream().map(Asked::question).toList()))
                .onTermination()
                .invoke(this::ended)
                .subscribe()
                .with(answers -> answer(batch, answers), failure -> batch.forEach(asked -> asked.answer.fail(failure)));
    }

    private static <Q, A> void answer(List<Asked<Q, A>> batch, List<Uni<A>> answers) {
        for (int i = 0; i < batch.size(); i++) {
            Awaited<A> asked = batch.get(i).answer;
            answers.get(i).subscribe().with(asked::complete, asked::fail);
        }
    }

    private void ended() {
        synchronized (this) {
            free++;
        }
        begin();
    }
}
