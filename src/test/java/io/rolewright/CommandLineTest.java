package io.rolewright;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.CommandLine.Order;
import io.rolewright.sealing.KeyCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CommandLineTest {

    private static final Map<String, Order> OPTIONS = Map.of(
            "--migrate", Order.MIGRATE,
            "--prune-audit", Order.PRUNE_AUDIT,
            "--help", Order.HELP,
            "-h", Order.HELP,
            "--version", Order.VERSION);

    static Stream<Arguments> known() {
        List<Arguments> known = new ArrayList<>();
        known.add(Arguments.of(List.of(), Order.SERVE));
        OPTIONS.forEach((option, order) -> known.add(Arguments.of(List.of(option), order)));
        for (KeyCommand command : KeyCommand.values()) {
            known.add(Arguments.of(List.of("--command", command.word()), Order.KEY_COMMAND));
            known.add(Arguments.of(List.of("--command=" + command.word()), Order.KEY_COMMAND));
        }
        return known.stream();
    }

    @ParameterizedTest
    @MethodSource
    void known(List<String> arguments, Order order) {
        assertThat(order(arguments)).isEqualTo(order);
    }

    /** Every pair of what may stand in a command line, but those that mean something. */
    static Stream<List<String>> pairsThatMeanNothing() {
        List<String> words = new ArrayList<>(OPTIONS.keySet());
        words.addAll(List.of("--command", "--command=retire", "retire", "--migrat", "serve", "", "--"));
        return words.stream()
                .flatMap(first -> words.stream().map(second -> List.of(first, second)))
                .filter(pair -> !pair.equals(List.of("--command", "retire")));
    }

    @Test
    void anAdoptionMayRotateWhatIsBehind() {
        assertThat(order(List.of("--command", "adopt-store", "--rotate-behind")))
                .isEqualTo(Order.ADOPT_STORE);
        assertThat(order(List.of("--command=adopt-store", "--rotate-behind"))).isEqualTo(Order.ADOPT_STORE);
        assertThatThrownBy(() -> order(List.of("--command", "retire", "--rotate-behind")))
                .isInstanceOf(UnknownInput.class);
        assertThatThrownBy(() -> order(List.of("--command", "adopt-store", "--rotate")))
                .isInstanceOf(UnknownInput.class);
    }

    @ParameterizedTest
    @MethodSource
    void pairsThatMeanNothing(List<String> arguments) {
        assertThatThrownBy(() -> order(arguments))
                .isInstanceOf(UnknownInput.class)
                .message()
                .matches("[^\\n]+[.]");
    }

    static Stream<Arguments> sentences() {
        String words = "new-data-key, re-encrypt, rewrap, retire, seal-rows, adopt-store";
        return Stream.of(
                Arguments.of(List.of("--migrat"), "There is no option --migrat; did you mean --migrate? See --help."),
                Arguments.of(List.of("--password=hunter2"), "There is no option --password. See --help."),
                Arguments.of(List.of("hunter2"), "The first argument is no option. See --help."),
                Arguments.of(
                        List.of("-Xmx64m", "--migrate"),
                        "Options of Java such as -Xmx stand before -jar, or in JAVA_TOOL_OPTIONS; only the executable takes"
                                + " them here."),
                Arguments.of(List.of("--migrate=now"), "--migrate takes no value. See --help."),
                Arguments.of(
                        List.of("--migrate", "--prune-audit"),
                        "--migrate stands alone: nothing may follow it. See --help."),
                Arguments.of(List.of("--command"), "--command needs a command: " + words + "."),
                Arguments.of(
                        List.of("--command=retyre"),
                        "There is no such command after --command. There are: " + words + "."),
                Arguments.of(
                        List.of("--command", "retire", "now"),
                        "--command retire stands alone: nothing may follow it. See --help."));
    }

    @ParameterizedTest
    @MethodSource
    void sentences(List<String> arguments, String sentence) {
        assertThatThrownBy(() -> order(arguments))
                .isInstanceOf(UnknownInput.class)
                .hasMessage(sentence);
    }

    /** As the manifests and the image start it. */
    @Test
    void theExecutableTakesOptionsOfItsRuntime() {
        assertThat(CommandLine.withoutThoseOfTheRuntime("-Xmx64m", "-Xmn8m", "--migrate"))
                .containsExactly("--migrate");
    }

    @Test
    void helpNamesEveryOptionAndEveryCommand() {
        assertThat(CommandLine.HELP).contains(OPTIONS.keySet()).contains("--command");
        for (KeyCommand command : KeyCommand.values()) {
            assertThat(CommandLine.HELP).contains(command.word());
        }
    }

    private static Order order(List<String> arguments) {
        return CommandLine.order(arguments.toArray(String[]::new));
    }
}
