package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;

/** {@code kill -9} while rotations run: what is served works, nothing is lost, and all that is left behind is gone on with. */
class RotationCrashIT extends ChangeProof {

    @Test
    void survivesKillsAtRandomMoments() {
        int kills = Crashes.share(500);
        Crashes crashes = new Crashes(scene, service, RotationSubject.several(scene, service, connection));

        crashes.atRandom(kills, ThreadLocalRandom.current().nextLong());

        assertThat(crashes.kills()).isEqualTo(kills);
        System.out.println("rotations: " + kills + " kills at random; " + scene.attempts());
    }
}
