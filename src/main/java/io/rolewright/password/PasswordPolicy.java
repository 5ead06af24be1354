package io.rolewright.password;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a generated password must look like: the reference's {@code passwordRequirements}. Classes that are not required do not occur.
 *
 * @param length 1 to 250
 * @param lowercase at least so many of a-z; the others alike
 * @param symbols at least so many of {@code allowedSymbols}
 * @param allowedSymbols printable ASCII that is no letter, digit or space; each counts once
 */
public record PasswordPolicy(int length, int digits, int lowercase, int uppercase, int symbols, String allowedSymbols) {

    public static final int MAXIMUM_LENGTH = 250;

    /** What the reference takes when symbols are required and none are named; none of them needs quoting in a URL. */
    public static final String DEFAULT_SYMBOLS = "-_.~!*";

    /** 48 letters and digits: 285 bits, and nothing that a connection string would have to escape. */
    public static final PasswordPolicy ROLES = new PasswordPolicy(48, 1, 1, 1, 0, DEFAULT_SYMBOLS);

    /** For managed connections. 32 letters and digits: 190 bits. */
    public static final PasswordPolicy MANAGED_CONNECTIONS = new PasswordPolicy(32, 1, 1, 1, 0, DEFAULT_SYMBOLS);

    private static final String LOWERCASE = "abcdefghijklmnopqrstuvwxyz";
    private static final String DIGITS = "0123456789";

    /** @throws IllegalArgumentException with the sentence that {@link #fault} gives */
    public PasswordPolicy {
        fault(length, digits, lowercase, uppercase, symbols, allowedSymbols).ifPresent(message -> {
            throw new IllegalArgumentException(message);
        });
    }

    /** What is wrong with these requirements, in one sentence for the caller; empty when they can be kept. */
    public static Optional<String> fault(
            int length, int digits, int lowercase, int uppercase, int symbols, String allowedSymbols) {
        if (length < 1 || length > MAXIMUM_LENGTH) {
            return Optional.of("The length must be from 1 to " + MAXIMUM_LENGTH + ".");
        }
        if (digits < 0 || lowercase < 0 || uppercase < 0 || symbols < 0) {
            return Optional.of("No requirement may be negative.");
        }
        long required = (long) digits + lowercase + uppercase + symbols;
        if (required == 0) {
            return Optional.of("At least one kind of character must be required.");
        }
        if (required > length) {
            return Optional.of("The requirements add up to more than the length.");
        }
        if (symbols > 0 && allowedSymbols.isEmpty()) {
            return Optional.of("Symbols are required and none is allowed.");
        }
        if (!allowedSymbols.chars().allMatch(PasswordPolicy::isSymbol)) {
            return Optional.of("Allowed symbols must be printable ASCII and no letters, digits or spaces.");
        }
        return Optional.empty();
    }

    /** Only printable ASCII: SASLprep (RFC 4013), which not every client applies, leaves it as it is. */
    private static boolean isSymbol(int character) {
        return character > ' ' && character < 0x7f && !Character.isLetterOrDigit(character);
    }

    PasswordPolicy ofLength(int other) {
        return new PasswordPolicy(other, digits, lowercase, uppercase, symbols, allowedSymbols);
    }

    /** The kinds that occur, each with how many there must be. */
    Map<String, Integer> alphabets() {
        Map<String, Integer> alphabets = new LinkedHashMap<>();
        put(alphabets, DIGITS, digits);
        put(alphabets, LOWERCASE, lowercase);
        put(alphabets, LOWERCASE.toUpperCase(java.util.Locale.ROOT), uppercase);
        put(alphabets, distinct(allowedSymbols), symbols);
        return alphabets;
    }

    private static void put(Map<String, Integer> alphabets, String alphabet, int required) {
        if (required > 0) {
            alphabets.put(alphabet, required);
        }
    }

    private static String distinct(String symbols) {
        StringBuilder each = new StringBuilder();
        symbols.chars().distinct().forEach(symbol -> each.append((char) symbol));
        return each.toString();
    }
}
