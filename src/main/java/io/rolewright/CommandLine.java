package io.rolewright;

import io.rolewright.sealing.KeyCommand;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What the process is to do, from its arguments. Whatever is not known here starts nothing. */
final class CommandLine {

    enum Order {
        SERVE,
        MIGRATE,
        PRUNE_AUDIT,
        KEY_COMMAND,
        ADOPT_STORE,
        HELP,
        VERSION
    }

    static final String HELP = """
            Usage: rolewright [OPTION]

            Without an option it serves the API on port 8080, health and metrics on port 9000.

              --migrate          brings the schema of the store up to date and ends
              --prune-audit      deletes audit rows older than ROLEWRIGHT_AUDIT_RETENTION and ends
              --command COMMAND  changes keys and ends, with a progress bar:
                                   %s;
                                 or makes a copy of the store the one whose work is done: adopt-store
                                 [--rotate-behind: rotates credentials that their servers refuse]
              --help, -h         shows this and ends
              --version          shows the version and ends

            Settings are environment variables; docs/settings.md lists them.

            Exit codes: 0 done; 1 not done, the reason is printed; 2 an option, command or ROLEWRIGHT_ setting that
            there is not; 3 done but for the records that are listed (re-encrypt).""".formatted(keyWords());

    private static final String COMMAND = "--command";
    private static final String ADOPT_STORE = "adopt-store";
    private static final String ROTATE_BEHIND = "--rotate-behind";
    private static final List<String> OPTIONS =
            List.of("--migrate", "--prune-audit", COMMAND, "--help", "-h", "--version");

    private CommandLine() {}

    /** Of the executable, whose runtime takes options such as -Xmx out of the arguments, wherever they stand. */
    static String[] withoutThoseOfTheRuntime(String... arguments) {
        return Arrays.stream(arguments)
                .filter(argument -> !argument.startsWith("-X") && !argument.startsWith("-D"))
                .toArray(String[]::new);
    }

    /** @throws UnknownInput with a sentence, which shows no value: in a wrong place there may be a secret */
    static Order order(String... arguments) {
        if (arguments.length == 0) {
            return Order.SERVE;
        }
        String first = arguments[0];
        if (first.equals(COMMAND) || first.startsWith(COMMAND + "=")) {
            return command(arguments);
        }
        Order order = switch (first) {
            case "--migrate" -> Order.MIGRATE;
            case "--prune-audit" -> Order.PRUNE_AUDIT;
            case "--help", "-h" -> Order.HELP;
            case "--version" -> Order.VERSION;
            default -> throw unknown(first);
        };
        if (arguments.length > 1) {
            throw new UnknownInput(first + " stands alone: nothing may follow it. See --help.");
        }
        return order;
    }

    private static Order command(String... arguments) {
        boolean joined = arguments[0].startsWith(COMMAND + "=");
        if (!joined && arguments.length == 1) {
            throw new UnknownInput(COMMAND + " needs a command: " + words() + ".");
        }
        String word = joined ? arguments[0].substring(COMMAND.length() + 1) : arguments[1];
        if (KeyCommand.of(word).isEmpty() && !word.equals(ADOPT_STORE)) {
            throw new UnknownInput("There is no such command after " + COMMAND + ". There are: " + words() + ".");
        }
        int last = joined ? 1 : 2;
        if (word.equals(ADOPT_STORE) && arguments.length == last + 1 && arguments[last].equals(ROTATE_BEHIND)) {
            return Order.ADOPT_STORE;
        }
        if (arguments.length > last) {
            throw new UnknownInput(COMMAND + " " + word + " stands alone: nothing may follow it. See --help.");
        }
        return word.equals(ADOPT_STORE) ? Order.ADOPT_STORE : Order.KEY_COMMAND;
    }

    private static UnknownInput unknown(String argument) {
        if (argument.startsWith("-X") || argument.startsWith("-D")) {
            return new UnknownInput("Options of Java such as -Xmx stand before -jar, or in JAVA_TOOL_OPTIONS; only the"
                    + " executable takes them here.");
        }
        if (!argument.startsWith("-")) {
            return new UnknownInput("The first argument is no option. See --help.");
        }
        String name = argument.replaceFirst("=.*", "").replaceAll("[^A-Za-z0-9-]", "?");
        if (OPTIONS.contains(name)) {
            return new UnknownInput(name + " takes no value. See --help.");
        }
        Optional<String> nearest = Nearest.of(name, OPTIONS);
        return new UnknownInput("There is no option " + name.substring(0, Math.min(name.length(), 40))
                + nearest.map(option -> "; did you mean " + option + "?").orElse(".") + " See --help.");
    }

    private static String words() {
        return keyWords() + ", " + ADOPT_STORE;
    }

    private static String keyWords() {
        return Arrays.stream(KeyCommand.values()).map(KeyCommand::word).collect(Collectors.joining(", "));
    }
}
