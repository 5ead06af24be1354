package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code kill -9} while rotations run: what is served works, nothing is lost, and all that is left behind is gone on with. */
@Tag("suite-crash")
class RotationCrashIT {

    private Scene scene;
    private ServiceProcess service;
    private Crashes crashes;

    @BeforeEach
    void start() {
        scene = new Scene();
        service = scene.installation.start();
        String connection = scene.managingConnection(service);
        List<Subject> subjects = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            subjects.add(RotationSubject.create(scene, service, connection, i % 3 != 2));
        }
        crashes = new Crashes(scene, service, subjects);
    }

    @AfterEach
    void stop() {
        scene.close();
    }

    @Test
    void survivesKillsAtRandomMoments() {
        int kills = Crashes.share(500);

        crashes.atRandom(kills, ThreadLocalRandom.current().nextLong());

        assertThat(crashes.kills()).isEqualTo(kills);
        System.out.println("rotations: " + kills + " kills at random; " + scene.attempts());
    }

    @Test
    void survivesAKillBeforeEveryMessage() {
        int points = crashes.atEveryMessage();

        System.out.println("rotations: killed before each of " + points + " messages; " + scene.attempts() + "\n"
                + crashes.hits());
    }
}
