package io.rolewright.access;

import io.rolewright.audit.AuditLog;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Those whose reads go to the store in one statement ({@code store.GroupedReads}): who they are and what they may see, as its first
 * parameters, so that it gives nothing to whom it does not belong and audits what it gives.
 */
public final class Readers {

    /** The columns of the first parameters, in this order: those after them begin with {@code $7}. */
    public static final String COLUMNS = "everywhere, projects, actor_id, actor_name, address, request_id";

    public static final String PARAMETERS = "$1::bool[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[]";

    private Readers() {}

    /**
     * One who reads something.
     *
     * @param standing who he is when his turn comes; see {@link CallerChanges#standing}
     * @param right without which nothing is given to him
     */
    public record Reader(Supplier<Uni<Caller>> standing, Right right, String requestId) {}

    /** A reader as he was judged when his turn came. */
    public record Judged(Caller caller, Reach reach, String requestId) {}

    /**
     * Judges all, and reads for those who may read anywhere.
     *
     * @param asked each with its reader
     * @param read one statement for those given to it, each beside its question; answers each in their order
     * @return for each that was asked, in that order; those who are refused fail with the reason
     */
    public static <Q, A> Uni<List<Uni<A>>> judged(
            List<Q> asked, Function<Q, Reader> reader, Function<List<Asking<Q>>, Uni<List<Uni<A>>>> read) {
        List<Uni<Verdict<Q>>> verdicts = new ArrayList<>();
        for (Q question : asked) {
            Reader who = reader.apply(question);
            verdicts.add(Uni.createFrom()
                    .deferred(() -> who.standing().get())
                    .map(caller -> new Verdict<>(
                            new Asking<>(
                                    question, new Judged(caller, Rights.reach(caller, who.right()), who.requestId())),
                            null))
                    .onFailure()
                    .recoverWithItem(refusal -> new Verdict<>(null, refusal)));
        }
        return Uni.join().all(verdicts).andFailFast().chain(all -> {
            List<Asking<Q>> readers = new ArrayList<>();
            for (Verdict<Q> verdict : all) {
                Asking<Q> asking = verdict.asking();
                if (asking != null) {
                    readers.add(asking);
                }
            }
            Uni<List<Uni<A>>> found = readers.isEmpty() ? Uni.createFrom().item(List.of()) : read.apply(readers);
            return found.map(answers -> {
                List<Uni<A>> each = new ArrayList<>();
                int next = 0;
                for (Verdict<Q> verdict : all) {
                    Throwable refusal = verdict.refusal();
                    each.add(refusal != null ? Uni.createFrom().failure(refusal) : answers.get(next++));
                }
                return each;
            });
        });
    }

    /** A question beside who asks it. */
    public record Asking<Q>(Q question, Judged by) {}

    private record Verdict<Q>(
            @Nullable Asking<Q> asking, @Nullable Throwable refusal) {}

    /** The values of {@link #PARAMETERS}. */
    public static Tuple tuple(List<Judged> readers) {
        return Tuple.tuple()
                .addValue(column(readers, each -> each.reach().everywhere(), Boolean[]::new))
                .addValue(column(readers, each -> projects(each.reach()), String[]::new))
                .addValue(column(readers, each -> each.caller().id(), UUID[]::new))
                .addValue(column(readers, each -> AuditLog.text(each.caller().name()), String[]::new))
                .addValue(column(readers, each -> AuditLog.text(each.caller().address()), String[]::new))
                .addValue(column(readers, each -> AuditLog.text(each.requestId()), String[]::new));
    }

    /** As PostgreSQL writes an array: an array of arrays would have to be a rectangle. */
    private static String projects(Reach reach) {
        return reach.projects().stream().map(UUID::toString).collect(Collectors.joining(",", "{", "}"));
    }

    private static <T> T[] column(List<Judged> readers, Function<Judged, @Nullable T> value, IntFunction<T[]> array) {
        return readers.stream().map(value).toArray(array);
    }
}
