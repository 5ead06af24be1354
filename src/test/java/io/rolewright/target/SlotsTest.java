package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class SlotsTest {

    private static final Duration SHORT = Duration.ofMillis(50);
    private static final Duration LONG = Duration.ofSeconds(20);

    private static void turn(Slots.Ticket ticket, Duration atMost) {
        ticket.turn(atMost).await().indefinitely();
    }

    @Test
    void keepsOneSessionOfATargetForDueWork() {
        Slots slots = new Slots(2, 32, 10);

        turn(slots.take("a", Purpose.REQUEST), SHORT);
        assertThatThrownBy(() -> turn(slots.take("a", Purpose.REQUEST), SHORT)).isInstanceOf(Slots.AllTaken.class);
        turn(slots.take("a", Purpose.DUE_WORK), SHORT);
        assertThatThrownBy(() -> turn(slots.take("a", Purpose.DUE_WORK), SHORT)).isInstanceOf(Slots.AllTaken.class);
        turn(slots.take("b", Purpose.REQUEST), SHORT);
    }

    @Test
    void keepsAQuarterOfAllSessionsForDueWork() {
        Slots slots = new Slots(2, 8, 10);

        for (int i = 0; i < 6; i++) {
            turn(slots.take("request " + i, Purpose.REQUEST), SHORT);
        }
        assertThatThrownBy(() -> turn(slots.take("x", Purpose.REQUEST), SHORT)).isInstanceOf(Slots.AllTaken.class);
        turn(slots.take("due 1", Purpose.DUE_WORK), SHORT);
        turn(slots.take("due 2", Purpose.DUE_WORK), SHORT);
        assertThatThrownBy(() -> turn(slots.take("due 3", Purpose.DUE_WORK), SHORT))
                .isInstanceOf(Slots.AllTaken.class);
    }

    @Test
    void givesWhatBecomesFreeToTheFirstInLineAndLetsOtherTargetsOvertake() {
        Slots slots = new Slots(2, 32, 10);
        Slots.Ticket held = slots.take("a", Purpose.REQUEST);
        Slots.Ticket second = slots.take("a", Purpose.REQUEST);
        Slots.Ticket third = slots.take("a", Purpose.REQUEST);
        turn(slots.take("b", Purpose.REQUEST), SHORT);

        held.release();

        turn(second, SHORT);
        assertThatThrownBy(() -> turn(third, SHORT)).isInstanceOf(Slots.AllTaken.class);
    }

    @Test
    void servesTheCallersOfATargetInTurn() {
        Slots slots = new Slots(2, 32, 100);
        Slots.Ticket held = slots.take("a", Purpose.REQUEST, "one", false);
        List<Slots.Ticket> ones = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            ones.add(slots.take("a", Purpose.REQUEST, "one", false));
        }
        Slots.Ticket other = slots.take("a", Purpose.REQUEST, "other", false);
        assertThat(slots.ahead("a", "other", other).onTarget()).isEqualTo(2); // who has the slot, and one of the ten
        assertThat(slots.ahead("a", "third", null).onTarget()).isEqualTo(3);
        assertThat(slots.ahead("a", "one", null).onTarget()).isEqualTo(12);

        held.release();
        assertThat(ones.get(0).held()).isTrue();
        ones.get(0).release();

        assertThat(other.held()).isTrue();
        Slots.Ticket first = slots.take("a", Purpose.REQUEST, "first", true);
        other.release();
        assertThat(first.held()).isTrue();
        first.release();
        assertThat(ones.get(1).held()).isTrue();
    }

    @Test
    void givesOneCallerAQuarterOfTheLine() {
        Slots slots = new Slots(2, 32, 8);
        slots.take("a", Purpose.REQUEST, "one", false);
        slots.take("a", Purpose.REQUEST, "one", false);
        slots.take("b", Purpose.REQUEST, "one", false);
        slots.take("b", Purpose.REQUEST, "one", false);

        assertThat(slots.take("a", Purpose.REQUEST, "one", false).gone()).isTrue();
        assertThat(slots.take("a", Purpose.REQUEST, "other", false).gone()).isFalse();
        assertThat(slots.waiting()).isEqualTo(3);
    }

    @Test
    void givesTheLastSessionsOfAllToWhoHasTheFewest() {
        Slots slots = new Slots(2, 4, 100); // three for requests
        List<Slots.Ticket> ones = new ArrayList<>();
        for (String target : List.of("a", "b", "c", "d")) {
            ones.add(slots.take(target, Purpose.REQUEST, "one", false));
        }
        Slots.Ticket other = slots.take("e", Purpose.REQUEST, "other", false);

        ones.get(0).release();

        assertThat(other.held()).isTrue();
        assertThat(ones.get(3).held()).isFalse();
    }

    @Test
    void endsTheLine() {
        Slots slots = new Slots(2, 32, 1);
        slots.take("a", Purpose.REQUEST);
        Slots.Ticket waiting = slots.take("a", Purpose.REQUEST);

        assertThatThrownBy(() -> turn(slots.take("a", Purpose.REQUEST), LONG)).isInstanceOf(Slots.AllTaken.class);
        waiting.release();
        assertThat(slots.waiting()).isZero();
    }

    @Test
    void losesNoSlotWhateverTheOrderOfTurnTimeoutAndRelease() throws InterruptedException {
        Slots slots = new Slots(3, 4, 1000);
        Slots.Ticket first = slots.take("t0", Purpose.REQUEST);
        turn(first, LONG); // What the library sets up at its first use is not made for eight threads at once.
        first.release();
        AtomicBoolean tooMany = new AtomicBoolean();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Thread thread = new Thread(() -> {
                for (int round = 0; round < 200; round++) {
                    Slots.Ticket ticket = slots.take(
                            "t" + ThreadLocalRandom.current().nextInt(3),
                            ThreadLocalRandom.current().nextBoolean() ? Purpose.REQUEST : Purpose.DUE_WORK);
                    try {
                        turn(
                                ticket,
                                Duration.ofMillis(
                                        1 + ThreadLocalRandom.current().nextInt(3)));
                    } catch (Slots.AllTaken gaveUp) {
                        // As wanted.
                    }
                    tooMany.compareAndSet(false, slots.inUse() > 4);
                    ticket.release();
                    ticket.release();
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(tooMany).isFalse();
        assertThat(slots.inUse()).isZero();
        assertThat(slots.waiting()).isZero();
    }
}
