package io.rolewright.store;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;

/**
 * Reads that come together go to the store in one statement, and so in one transaction and one wait for its disk. Who comes alone is sent
 * at once. Who finds {@link #AT_ONCE} statements under way waits for the first of them to end, with all who come meanwhile: as long as one
 * statement takes, which is a few milliseconds.
 *
 * <p>What the store refuses because of one row (a check, a trigger) fails the read whose row it is: the statement has done nothing then, and
 * its halves are sent again, one after the other, until that read is alone. Whatever else fails, such as a lost connection, fails them all.
 * Any thread may ask.
 *
 * @param <Q> a read
 * @param <A> what it found
 */
public final class GroupedReads<Q, A> {

    /** Two: while the store waits for its disk with one, the other is made ready. More would make the groups smaller and the commits more. */
    private static final int AT_ONCE = 2;

    private static final UUID ONE_LINE = new UUID(0, 0);

    private final SharedLooks<Q, A> looks;
    private final Function<List<Q>, Uni<List<Uni<A>>>> statement;

    /**
     * @param kind of the reads, for the metric {@code rolewright.reads.waiting}
     * @param most reads in one statement
     * @param statement one statement for all of them, on a context of its own; answers each in the order in which they are given
     */
    public GroupedReads(
            String kind, Vertx vertx, MeterRegistry metrics, int most, Function<List<Q>, Uni<List<Uni<A>>>> statement) {
        this.looks = new SharedLooks<>(vertx, AT_ONCE, most, this::send);
        this.statement = statement;
        Gauge.builder("rolewright.reads.waiting", looks, SharedLooks::waiting)
                .tag("kind", kind)
                .description("Reads that wait for the statement before theirs")
                .register(metrics);
    }

    /** Answers on the caller's context, which has to be Vert.x's. Who hangs up before his statement is sent is not read for. */
    public Uni<A> ask(Q read) {
        return looks.ask(ONE_LINE, read);
    }

    private Uni<List<Uni<A>>> send(List<Q> reads) {
        return statement
                .apply(reads)
                .onFailure(failure -> reads.size() > 1 && StoreFault.isRefusedRow(failure))
                .recoverWithUni(() -> inHalves(reads));
    }

    private Uni<List<Uni<A>>> inHalves(List<Q> reads) {
        int middle = reads.size() / 2;
        return half(reads.subList(0, middle))
                .chain(first -> half(reads.subList(middle, reads.size())).map(second -> {
                    List<Uni<A>> all = new ArrayList<>(first);
                    all.addAll(second);
                    return all;
                }));
    }

    /** That the one half fails is no matter of the other, which may have been answered already. */
    private Uni<List<Uni<A>>> half(List<Q> reads) {
        return send(reads)
                .onFailure()
                .recoverWithItem(failure -> reads.stream()
                        .map(read -> Uni.createFrom().<A>failure(failure))
                        .toList());
    }
}
