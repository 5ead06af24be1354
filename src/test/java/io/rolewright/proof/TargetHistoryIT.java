package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** The target goes back in time, or somebody else changes it. */
class TargetHistoryIT extends ChangeProof {

    /** Rotated once. Looking at a role every second, the service may be at that just when it is asked to change it. */
    private void rotated(RotationSubject rotation) {
        Awaitility.await()
                .atMost(Scene.BOUND)
                .pollInterval(Duration.ofMillis(100))
                .until(() -> {
                    ServiceProcess.Answer answer = rotation.change(service).join();
                    if ("rotation_in_progress".equals(answer.json().getString("code"))) {
                        return false;
                    }
                    answer.expect(200);
                    return true;
                });
    }

    @Test
    void aReplicaThatLacksTheLastAlterIsHealedFromHistory() {
        service = startedWith("ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL", "1s");
        RotationSubject rotation = rotation(true);
        try (TestPostgres standby = scene.target.standby()) {
            rotated(rotation);
            TestPostgres.Login replayed = rotation.served(service);
            Awaitility.await().until(() -> login(standby, replayed).equals("ok"));
            standby.server().stop();
            rotated(rotation);
            TestPostgres.Login served = rotation.served(service);
            scene.target.server().kill();
            standby.server().start();
            standby.sql("SELECT pg_promote()");
            assertThat(login(standby, served))
                    .as("the new primary has the older password")
                    .isEqualTo("28P01");

            scene.toTarget.redirect(standby);

            Awaitility.await()
                    .atMost(Scene.BOUND)
                    .untilAsserted(() ->
                            assertThat(login(standby, rotation.served(service))).isEqualTo("ok"));
            assertThat(rotation.served(service))
                    .as("the served password is put back, not changed")
                    .isEqualTo(served);
            assertThat(scene.count("FROM attempt WHERE cause = 'TARGET_WENT_BACK' AND state = 'DONE'"))
                    .isPositive();
        }
    }

    @Test
    void aTargetRestoredFromABaseBackupIsHealedFromHistory() {
        service = startedWith("ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL", "1s");
        RotationSubject dual = rotation(true);
        RotationSubject single = rotation(false);
        rotated(single);
        rotated(dual); // a role that was never ours before the backup could be anybody's after it
        try (TestPostgres backup = scene.target.copy()) {
            for (int i = 0; i < 3; i++) {
                rotated(dual);
                rotated(single);
            }
            List<TestPostgres.Login> served = List.of(dual.served(service), single.served(service));
            scene.target.server().stop();
            assertThat(served)
                    .allSatisfy(each -> assertThat(login(backup, each)).isEqualTo("28P01"));

            scene.toTarget.redirect(backup);

            Awaitility.await()
                    .atMost(Scene.BOUND)
                    .untilAsserted(() -> assertThat(served)
                            .allSatisfy(each -> assertThat(login(backup, each)).isEqualTo("ok")));
            assertThat(List.of(dual.served(service), single.served(service))).isEqualTo(served);
        }
    }

    @Test
    void aThirdPartysAlterIsReportedAndReassertedWhereAsked() {
        service = startedWith("ROLEWRIGHT_CREDENTIAL_PROBE_INTERVAL", "1s");
        RotationSubject reports = rotation(false);
        RotationSubject reasserts = RotationSubject.create(
                scene, service, connection, false, new JsonObject().put("driftPolicy", "reassert"));
        reports.settles(service);
        reasserts.settles(service);

        for (RotationSubject each : List.of(reports, reasserts)) {
            scene.target.sql("ALTER ROLE " + each.first.role() + " PASSWORD 'somebody else''s'");
        }

        Awaitility.await().atMost(Scene.BOUND).untilAsserted(() -> {
            assertThat(reports.seen(service).getString("state")).isEqualTo("parked");
            assertThat(reports.seen(service).encode()).contains("changed_by_third_party");
        });
        Awaitility.await().atMost(Scene.BOUND).untilAsserted(() -> reasserts.assertServedLogsIn(service));
        assertThat(scene.target.login(reports.first.role(), "somebody else's"))
                .as("what is only reported is left alone")
                .isEqualTo("ok");
    }
}
