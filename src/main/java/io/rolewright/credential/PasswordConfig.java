package io.rolewright.credential;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.Optional;

/** What callers may ask of generated passwords. */
@ConfigMapping(prefix = "rolewright.password")
public interface PasswordConfig {

    /**
     * Password requirements that make passwords easier to guess are refused, in bits: 0 to 190, which is what the passwords of managed
     * connections have. 72 bits are beyond whoever guesses at a stolen SCRAM secret of 4,096 iterations: with two thousand million guesses
     * a second it takes him tens of thousands of years. Less is for software that takes no longer passwords.
     */
    @WithDefault("72")
    int minimumEntropy();

    /** What is wrong with the setting, without its name; empty if nothing. */
    static Optional<String> fault(int minimumEntropy) {
        return minimumEntropy >= 0 && minimumEntropy <= 190
                ? Optional.empty()
                : Optional.of("it is a number of bits from 0 to 190");
    }
}
