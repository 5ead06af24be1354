package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Whose turn it is, on a clock of the test's own and without any server. */
class AdmissionsTest {

    private static final String HOST = "db.example 5432";
    private static final List<String> ADDRESSES = List.of("192.0.2.1 5432");
    private static final Duration LONG = Duration.ofMinutes(10);

    private final AtomicLong now = new AtomicLong();

    /** One request at a time. */
    private final Admissions admissions = new Admissions(new Slots(2, 10, 100), now::get);

    private final List<String> order = new ArrayList<>();

    private Uni<Admission> admit(Errand errand, UUID caller, Duration within) {
        return admissions.admit(HOST, ADDRESSES, errand, Deadline.in(within).by(caller));
    }

    /** Waits for its turn, and keeps it. */
    private CompletableFuture<Admission> waits(String name, Errand errand, UUID caller) {
        return admit(errand, caller, LONG).invoke(turn -> order.add(name)).subscribeAsCompletionStage();
    }

    private Admission holds() {
        return admit(Errand.CHANGE, UUID.randomUUID(), LONG).await().indefinitely();
    }

    /** @return the seconds until his turn */
    private long refused(UUID caller) {
        long[] told = new long[1];
        Uni<Admission> refused =
                admit(Errand.CHANGE, caller, Errand.CHANGE.least().plusMillis(100));
        assertThatThrownBy(() -> refused.await().indefinitely())
                .isInstanceOfSatisfying(
                        TargetBusy.class,
                        busy -> told[0] = Long.parseLong(busy.headers().get("Retry-After")));
        return told[0];
    }

    @Test
    void whoComesAtTheTurnThatHeWasToldGoesBeforeThoseWhoWait() {
        UUID refused = UUID.randomUUID();
        Admission holder = holds();
        long told = refused(refused);
        List<CompletableFuture<Admission>> requests = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            requests.add(waits("another", Errand.LOOK, UUID.randomUUID()));
        }

        now.addAndGet(TimeUnit.SECONDS.toNanos(told));
        requests.add(waits("refused", Errand.CHANGE, refused));
        assertThat(order).isEmpty();
        holder.end();

        assertThat(order).containsExactly("refused");
        requests.get(3).join().end();
        for (int i = 0; i < 3; i++) {
            requests.get(i).join().end();
        }
        assertThat(order).containsExactly("refused", "another", "another", "another");
    }

    @Test
    void whoComesBeforeTheTurnThatHeWasToldGoesBehindThoseWhoWait() {
        UUID refused = UUID.randomUUID();
        Admission holder = holds();
        refused(refused);
        CompletableFuture<Admission> another = waits("another", Errand.LOOK, UUID.randomUUID());

        CompletableFuture<Admission> early = waits("refused", Errand.CHANGE, refused);
        holder.end();

        assertThat(order).containsExactly("another");
        another.join().end();
        early.join().end();
    }

    @Test
    void whoIsRefusedIsToldOfOthersOnlyWhereThereAreAny() {
        Duration tooLittle = Errand.CHANGE.least().minusMillis(1);

        assertThatThrownBy(() -> admit(Errand.CHANGE, UUID.randomUUID(), tooLittle)
                        .await()
                        .indefinitely())
                .isInstanceOf(TargetBusy.class)
                .hasMessageStartingWith("Too little of this request's time was left");
        Admission holder = holds();
        assertThatThrownBy(() -> admit(Errand.CHANGE, UUID.randomUUID(), tooLittle)
                        .await()
                        .indefinitely())
                .isInstanceOf(TargetBusy.class)
                .hasMessageStartingWith("Other requests come before this one on the server.");
        holder.end();
    }

    @Test
    void aTurnThatNobodyCameForLapses() {
        UUID refused = UUID.randomUUID();
        Admission holder = holds();
        long told = refused(refused);
        CompletableFuture<Admission> another = waits("another", Errand.LOOK, UUID.randomUUID());

        now.addAndGet(TimeUnit.SECONDS.toNanos(told + told / 5 + 6));
        CompletableFuture<Admission> late = waits("refused", Errand.CHANGE, refused);
        holder.end();

        assertThat(order).containsExactly("another");
        another.join().end();
        late.join().end();
    }
}
