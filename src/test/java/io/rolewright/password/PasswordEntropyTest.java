package io.rolewright.password;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.security.SecureRandom;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PasswordEntropyTest {

    private static double bits(int length, int digits, int lowercase, int uppercase, int symbols, String allowed) {
        return PasswordEntropy.bits(new PasswordPolicy(length, digits, lowercase, uppercase, symbols, allowed));
    }

    /** Counted by hand: log2 of how many there are, where all are equally likely. */
    @ParameterizedTest(name = "{0} characters, {1} {2} {3} {4} of {5}: {6}")
    @CsvSource({
        "1,   1, 0, 0, 0, -,       3.321928", // 10
        "22,  8, 0, 0, 0, -,       73.082418", // 10^22, whatever is required of one kind
        "1,   0, 1, 0, 0, -,       4.700440", // 26
        "2,   1, 1, 0, 0, -,       9.022368", // 2 · 10 · 26
        "2,   1, 0, 0, 1, +-,      5.321928", // 2 · 10 · 2
        "3,   1, 0, 0, 1, +-,      9.491853", // 12^3 - 10^3 - 2^3
        "4,   0, 1, 0, 0, -,       18.801759", // 26^4
        "250, 0, 0, 0, 1, -,       0", // one
        "48,  1, 1, 1, 0, -,       285.801",
        "250, 1, 1, 1, 1, +-_~.!*, 1527.1",
    })
    void isOfWhatMayBeDrawn(
            int length, int digits, int lowercase, int uppercase, int symbols, String allowed, double bits) {
        assertThat(bits(length, digits, lowercase, uppercase, symbols, allowed)).isCloseTo(bits, within(0.3));
        if (bits < 20) {
            assertThat(bits(length, digits, lowercase, uppercase, symbols, allowed))
                    .isCloseTo(bits, within(1e-5));
        }
    }

    /** Of a policy that whole draws do not meet: the likeliest password, found by drawing. */
    @Test
    void isOfTheLikeliestWhereRequiredOnesArePlaced() {
        PasswordPolicy narrow =
                new PasswordPolicy(8, 1, 0, 0, 7, "+"); // seven +, and one digit somewhere: 80 passwords
        Map<String, Integer> drawn = new HashMap<>();
        PasswordGenerator generator = new PasswordGenerator(new SecureRandom());
        int draws = 80_000;
        for (int i = 0; i < draws; i++) {
            drawn.merge(generator.generate(narrow), 1, Integer::sum);
        }
        assertThat(drawn).hasSize(80);
        assertThat(PasswordEntropy.bits(narrow)).isCloseTo(Math.log(80) / Math.log(2), within(1e-6));

        PasswordPolicy uneven = new PasswordPolicy(8, 1, 0, 0, 6, "+"); // two free ones, so that counts differ
        Map<String, Integer> often = new HashMap<>();
        for (int i = 0; i < draws; i++) {
            String password = generator.generate(uneven);
            often.merge(password.replaceAll("[0-9]", "d"), 1, Integer::sum);
        }
        double likeliest = often.entrySet().stream()
                .mapToDouble(shape -> shape.getValue()
                        / (draws
                                * Math.pow(
                                        10,
                                        shape.getKey()
                                                .chars()
                                                .filter(c -> c == 'd')
                                                .count())))
                .max()
                .orElseThrow();
        assertThat(PasswordEntropy.bits(uneven)).isCloseTo(-Math.log(likeliest) / Math.log(2), within(0.2));
    }

    @Test
    void growsWithLengthAndKinds() {
        for (int length = 4; length < 100; length++) {
            assertThat(bits(length + 1, 1, 1, 1, 1, "+-")).isGreaterThan(bits(length, 1, 1, 1, 1, "+-"));
        }
        assertThat(bits(20, 1, 1, 1, 0, "+")).isGreaterThan(bits(20, 1, 1, 0, 0, "+"));
    }

    @Test
    void knowsWhichLengthWouldDo() {
        assertThat(PasswordEntropy.lengthFor(new PasswordPolicy(1, 1, 0, 0, 0, "-"), 72))
                .hasValue(22);
        assertThat(PasswordEntropy.lengthFor(new PasswordPolicy(4, 1, 1, 1, 0, "-"), 72))
                .hasValue(13);
        assertThat(PasswordEntropy.lengthFor(new PasswordPolicy(48, 1, 1, 1, 0, "-"), 72))
                .hasValue(48);
        assertThat(PasswordEntropy.lengthFor(new PasswordPolicy(1, 0, 0, 0, 1, "-"), 72))
                .isEmpty();
    }
}
