package io.rolewright.credential;

import io.rolewright.password.PasswordGenerator;
import io.rolewright.password.PasswordPolicy;
import io.rolewright.password.ScramSecret;
import jakarta.enterprise.context.ApplicationScoped;
import java.security.SecureRandom;

/** Makes passwords, and the secrets that servers keep of them. Each costs milliseconds of CPU: never on an event loop. */
@ApplicationScoped
class NewPasswords {

    private final SecureRandom random = new SecureRandom();
    private final PasswordGenerator generator = new PasswordGenerator(random);

    /** @param iterations that the server is set to; no more than {@link ScramSecret#MAXIMUM_ITERATIONS} are made */
    VersionSeal.Opened make(PasswordPolicy policy, int iterations) {
        return of(generator.generate(policy), Math.min(iterations, ScramSecret.MAXIMUM_ITERATIONS));
    }

    /** Under a salt of our own. */
    VersionSeal.Opened of(String password, int iterations) {
        return new VersionSeal.Opened(password, ScramSecret.derive(password, iterations, random));
    }
}
