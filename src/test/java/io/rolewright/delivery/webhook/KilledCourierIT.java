package io.rolewright.delivery.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Webhooks and processes: two replicas with the clock inside, and one that is killed while its receiver keeps it waiting. */
class KilledCourierIT {

    private final TestPostgres target = TestPostgres.shared(14);
    private final TestReceiver receiver = new TestReceiver();
    private final Installation installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST))
            .setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s");

    @AfterEach
    void close() {
        installation.close();
        receiver.close();
    }

    @Test
    void isToldAgainByAnotherReplicaInOrder() {
        ServiceProcess killed = installation.start();
        String hook = subscribe(killed, "/silent");
        String id = Rotating.created(killed, target, new JsonObject());
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> receiver.at("/silent").size() == 1);
        killed.kill();
        receiver.got.clear();

        ServiceProcess other = installation.start();
        other.post(Rotating.BASE + "/" + id + "/rotate-secrets?force=true", null)
                .expect(200);
        other.patch("/api/v1/webhooks/" + hook, new JsonObject().put("url", receiver.url("/hook")))
                .expect(200);
        assertThat(receiver.got)
                .as("the lease of the dead process lasts for a minute")
                .isEmpty();
        installation.sql("UPDATE webhook_delivery SET due_at = now()");

        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> receiver.got.size() == 2);
        assertThat(receiver.got.stream()
                        .map(got -> got.event().getJsonObject("data").getLong("credentialVersion")))
                .containsExactly(1L, 2L);
    }

    @Test
    void replicasShareTheWorkAndTellAtOnce() {
        ServiceProcess one = installation.start();
        ServiceProcess two = installation.start();
        subscribe(one, "/hook");

        String first = Rotating.created(one, target, new JsonObject());
        String second = Rotating.created(two, target, new JsonObject());
        for (int i = 0; i < 4; i++) {
            one.post(Rotating.BASE + "/" + first + "/rotate-secrets?force=true", null)
                    .expect(200);
            two.post(Rotating.BASE + "/" + second + "/rotate-secrets?force=true", null)
                    .expect(200);
        }

        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> receiver.got.size() == 10);
        for (String id : new String[] {first, second}) {
            assertThat(receiver.got.stream()
                            .map(got -> got.event().getJsonObject("data"))
                            .filter(data -> data.getString("rotationId").equals(id))
                            .map(data -> data.getLong("credentialVersion")))
                    .containsExactly(1L, 2L, 3L, 4L, 5L);
        }
    }

    private String subscribe(ServiceProcess service, String path) {
        return service.post(
                        "/api/v1/webhooks",
                        new JsonObject()
                                .put("projectId", Rotating.project(service))
                                .put("name", "hook")
                                .put("url", receiver.url(path))
                                .put("caCert", TestReceiver.AUTHORITY.caPem())
                                .put("events", new JsonArray().add("rotation.credential-changed")))
                .expect(200)
                .json()
                .getJsonObject("webhook")
                .getString("id");
    }
}
