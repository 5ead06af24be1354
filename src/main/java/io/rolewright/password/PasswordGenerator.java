package io.rolewright.password;

import java.security.SecureRandom;
import java.util.Map;

/**
 * Makes passwords to a policy, every one that the policy allows with the same probability: a password is drawn as a whole from the
 * alphabet of all kinds that occur, and drawn again until it has enough of each. Filling the required kinds first and shuffling, as is
 * often done, favours passwords with many of a rare kind.
 */
public final class PasswordGenerator {

    /**
     * Where a policy is so narrow that whole draws hardly ever meet it (say 60 digits of 64 characters), the required characters are
     * placed instead, which is not quite uniform. Of the default policies one password in 4,600 (48 characters) or 280 (32) needs a
     * second draw.
     */
    static final int DRAWS = 50;

    private final SecureRandom random;

    public PasswordGenerator(SecureRandom random) {
        this.random = random;
    }

    /** @return printable ASCII; tens of microseconds, under a millisecond for the longest and narrowest, so fine on an event loop */
    public String generate(PasswordPolicy policy) {
        return new Draw(random).generate(policy);
    }

    /** The bytes for one password, asked for in blocks: one at a time they cost fifty times as much. */
    private static final class Draw {
        private final SecureRandom random;
        private final byte[] block = new byte[256];
        private int used = block.length;

        Draw(SecureRandom random) {
            this.random = random;
        }

        String generate(PasswordPolicy policy) {
            Map<String, Integer> alphabets = policy.alphabets();
            String all = String.join("", alphabets.keySet());
            for (int i = 0; i < DRAWS; i++) {
                char[] password = draw(all, policy.length());
                if (meets(password, alphabets)) {
                    return new String(password);
                }
            }
            return placed(alphabets, all, policy.length());
        }

        private char[] draw(String alphabet, int length) {
            char[] drawn = new char[length];
            for (int i = 0; i < length; i++) {
                drawn[i] = alphabet.charAt(below(alphabet.length()));
            }
            return drawn;
        }

        private static boolean meets(char[] password, Map<String, Integer> alphabets) {
            return alphabets.entrySet().stream().allMatch(entry -> {
                int count = 0;
                for (char character : password) {
                    count += entry.getKey().indexOf(character) >= 0 ? 1 : 0;
                }
                return count >= entry.getValue();
            });
        }

        private String placed(Map<String, Integer> alphabets, String all, int length) {
            char[] password = draw(all, length);
            int at = 0;
            for (Map.Entry<String, Integer> entry : alphabets.entrySet()) {
                for (int i = 0; i < entry.getValue(); i++) {
                    password[at++] = entry.getKey().charAt(below(entry.getKey().length()));
                }
            }
            // Fisher and Yates.
            for (int i = length - 1; i > 0; i--) {
                int other = below(i + 1);
                char swapped = password[i];
                password[i] = password[other];
                password[other] = swapped;
            }
            return new String(password);
        }

        /** Uniform by rejection: a byte beyond the last whole multiple is thrown away, or the first characters would be likelier. */
        private int below(int bound) {
            int limit = 256 - 256 % bound;
            int value = next();
            while (value >= limit) {
                value = next();
            }
            return value % bound;
        }

        private int next() {
            if (used == block.length) {
                random.nextBytes(block);
                used = 0;
            }
            return block[used++] & 0xff;
        }
    }
}
