package io.rolewright.proof;

import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code kill -9} before each message of a change, those to and from the store and those to and from the target. */
class EveryMessageIT extends ChangeProof {

    @Test
    void ofAManagedConnection() {
        killed("managed connections", ManagedSubject.several(scene, service));
    }

    @Test
    void ofARotation() {
        killed("rotations", RotationSubject.several(scene, service, connection));
    }

    private void killed(String what, List<Subject> subjects) {
        Crashes crashes = new Crashes(scene, service, subjects);

        int points = crashes.atEveryMessage();

        System.out.println(
                what + ": killed before each of " + points + " messages; " + scene.attempts() + "\n" + crashes.hits());
    }
}
