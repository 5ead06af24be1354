package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.listener.ReadingBudget.Holding;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReadingBudgetTest {

    private final ReadingBudget budget = new ReadingBudget(1000);
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
        ReadingBudget large = new ReadingBudget(12 << 20);
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
