package io.rolewright.password;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.SecureRandom;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PasswordGeneratorTest {

    private final PasswordGenerator generator = new PasswordGenerator(new SecureRandom());

    @Test
    void keepsTheDefaults() {
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 1000; i++) {
            String role = generator.generate(PasswordPolicy.ROLES);
            assertThat(role)
                    .hasSize(48)
                    .matches("[A-Za-z0-9]+")
                    .matches(".*[a-z].*")
                    .matches(".*[A-Z].*")
                    .matches(".*\\d.*");
            assertThat(generator.generate(PasswordPolicy.MANAGED_CONNECTIONS))
                    .hasSize(32)
                    .matches("[A-Za-z0-9]+");
            assertThat(seen.add(role)).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1,   1, 0, 0, 0",
        "4,   1, 1, 1, 1",
        "12,  3, 3, 3, 3",
        "64,  60, 1, 1, 1",
        "250, 100, 50, 50, 50",
        "20,  0, 0, 0, 5",
        "30,  0, 4, 0, 0",
    })
    void meetsEveryRequirement(int length, int digits, int lowercase, int uppercase, int symbols) {
        PasswordPolicy policy = new PasswordPolicy(length, digits, lowercase, uppercase, symbols, "#%-");
        for (int i = 0; i < 200; i++) {
            String password = generator.generate(policy);
            assertThat(password).hasSize(length);
            assertThat(count(password, "[0-9]")).isGreaterThanOrEqualTo(digits);
            assertThat(count(password, "[a-z]")).isGreaterThanOrEqualTo(lowercase);
            assertThat(count(password, "[A-Z]")).isGreaterThanOrEqualTo(uppercase);
            assertThat(count(password, "[#%-]")).isGreaterThanOrEqualTo(symbols);
            assertThat(count(password, "[0-9]") == 0 || digits > 0)
                    .as("only kinds that are required")
                    .isTrue();
            assertThat(count(password, "[A-Za-z0-9#%-]")).isEqualTo(length);
        }
    }

    private static long count(String text, String kind) {
        return text.chars()
                .filter(character -> String.valueOf((char) character).matches(kind))
                .count();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0   | 1 | 0 | 0 | 0 | -   | The length",
                "251 | 1 | 0 | 0 | 0 | -   | The length",
                "10  | -1 | 1 | 0 | 0 | -  | No requirement",
                "10  | 0 | 0 | 0 | 0 | -   | At least one",
                "10  | 4 | 4 | 4 | 0 | -   | The requirements",
                "10  | 2147483647 | 2147483647 | 0 | 0 | - | The requirements",
                "10  | 0 | 0 | 0 | 1 | ''  | Symbols are required",
                "10  | 1 | 0 | 0 | 0 | a-  | Allowed symbols",
                "10  | 1 | 0 | 0 | 0 | '- '| Allowed symbols",
                "10  | 1 | 0 | 0 | 0 | ä   | Allowed symbols",
            })
    void saysWhatIsWrongWithAPolicy(
            int length, int digits, int lower, int upper, int symbols, String allowed, String start) {
        assertThat(PasswordPolicy.fault(length, digits, lower, upper, symbols, allowed))
                .hasValueSatisfying(message -> assertThat(message).startsWith(start));
        assertThatThrownBy(() -> new PasswordPolicy(length, digits, lower, upper, symbols, allowed))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /**
     * Chi-square over the 62 characters at each position and overall: 61 degrees of freedom, so a fair generator exceeds 129.6 once in
     * a million. (Each of the three kinds must occur, which shifts the frequencies by less than one in a thousand.)
     */
    @Test
    void drawsEveryCharacterEquallyOften() {
        int passwords = 20_000;
        int[] counts = new int[128];
        int[] first = new int[128];
        for (int i = 0; i < passwords; i++) {
            String password = generator.generate(PasswordPolicy.ROLES);
            password.chars().forEach(character -> counts[character]++);
            first[password.charAt(0)]++;
        }
        assertThat(chiSquare(counts, passwords * 48.0 / 62)).isLessThan(129.6);
        assertThat(chiSquare(first, passwords / 62.0)).isLessThan(129.6);
    }

    private static double chiSquare(int[] counts, double expected) {
        double sum = 0;
        for (char character = 0; character < 128; character++) {
            if (Character.isLetterOrDigit(character)) {
                sum += (counts[character] - expected) * (counts[character] - expected) / expected;
            } else {
                assertThat(counts[character]).isZero();
            }
        }
        return sum;
    }

    /** Of two characters, one digit and one symbol, either comes first equally often. */
    @Test
    void favoursNoMixtureOfKinds() {
        PasswordPolicy policy = new PasswordPolicy(2, 1, 0, 0, 1, "#");
        int rounds = 20_000;
        int digitFirst = 0;
        for (int i = 0; i < rounds; i++) {
            digitFirst += Character.isDigit(generator.generate(policy).charAt(0)) ? 1 : 0;
        }
        // Half of them, within five standard deviations.
        assertThat(digitFirst).isBetween(rounds / 2 - 354, rounds / 2 + 354);
    }
}
