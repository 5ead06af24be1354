package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.listener.MemoryBudget.Holding;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {

    private final MemoryBudget budget = new MemoryBudget(1000);
    private final List<String> lost = new ArrayList<>();

    private Holding holding(String origin, String name) {
        return new Holding(origin, () -> lost.add(name));
    }

    @Test
    void whoIsAloneHasAQuarterAndLosesItsOwnOldestBeyond() {
        Holding first = holding("a", "first");
        Holding second = holding("a", "second");
        Holding third = holding("a", "third");
        assertThat(budget.take(first, 100)).isTrue();
        assertThat(budget.take(second, 100)).isTrue();
        assertThat(budget.take(third, 51)).isTrue();
        assertThat(lost).containsExactly("first");
        assertThat(budget.used()).isEqualTo(151);
        assertThat(budget.take(third, 200)).isFalse(); // more than the share by itself
        assertThat(lost).containsExactly("first", "second");
    }

    @Test
    void whatIsMadeAlreadyMayGoBeyondAShareIfItIsTheOnlyOne() {
        Holding large = holding("a", "large");
        assertThat(budget.takeMade(large, 5000)).isTrue(); // nobody else has anything
        assertThat(budget.takeMade(holding("b", "other"), 10)).isTrue();
        assertThat(lost).containsExactly("large");

        Holding alone = holding("c", "alone");
        assertThat(budget.takeMade(alone, 900)).isTrue(); // there is room
        Holding second = holding("c", "second");
        assertThat(budget.takeMade(second, 100)).isTrue();
        assertThat(lost).containsExactly("large", "alone");
        assertThat(budget.takeMade(holding("d", "too large"), 1000)).isFalse();
    }

    @Test
    void whatHasLeftCountsNoMore() {
        Holding answer = holding("a", "answer");
        budget.takeMade(answer, 100);
        budget.takeMade(answer, 50);
        budget.give(answer, 100);
        assertThat(budget.used()).isEqualTo(50);
        budget.give(answer, 50);
        budget.give(answer, 1); // of what was given up meanwhile
        assertThat(budget.used()).isZero();
    }

    @Test
    void whatHasArrivedIsNotLost() {
        Holding arrived = holding("a", "arrived");
        Holding next = holding("a", "next");
        assertThat(budget.take(arrived, 250)).isTrue();
        budget.arrived(arrived);
        assertThat(budget.take(next, 1)).isFalse();
        assertThat(lost).isEmpty();
        budget.release(arrived);
        assertThat(budget.take(next, 1)).isTrue();
    }

    @Test
    void thereIsAlwaysSomethingLeftForWhoHoldsNothing() {
        MemoryBudget large = new MemoryBudget(12 << 20);
        for (int greedy = 0; greedy < 500; greedy++) {
            Holding holding = holding("greedy " + greedy, "");
            int taken = 0;
            while (large.take(holding, 256)) {
                taken++;
            }
            assertThat(taken).as("address %s", greedy).isPositive();
        }
        assertThat(large.used()).isLessThan(12 << 20);
        assertThat(large.take(holding("late", ""), 4096)).isTrue();
    }

    @Test
    void countsForTheAddressThatAProxyTold() {
        Holding one = holding("proxy", "one");
        Holding two = holding("proxy", "two");
        assertThat(budget.take(one, 200)).isTrue();
        budget.move(one, "caller");
        assertThat(budget.take(two, 200)).isTrue();
        assertThat(lost).isEmpty();
        budget.release(one);
        budget.release(two);
        assertThat(budget.used()).isZero();
    }

    @Test
    void whatWasLostHoldsNothing() {
        Holding lostOne = holding("a", "lost");
        Holding next = holding("a", "next");
        assertThat(budget.take(lostOne, 200)).isTrue();
        assertThat(budget.take(next, 200)).isTrue();
        budget.arrived(lostOne);
        budget.release(lostOne);
        budget.release(next);
        assertThat(budget.used()).isZero();
    }
}
