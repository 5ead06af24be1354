package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** {@code kill -9} while roles change their own passwords. */
class ManagedCrashIT extends ChangeProof {

    @Test
    void survivesKillsAtRandomMoments() {
        int kills = 200;
        Crashes crashes = new Crashes(scene, service, ManagedSubject.several(scene, service));

        crashes.atRandom(kills, ThreadLocalRandom.current().nextLong());

        assertThat(crashes.kills()).isEqualTo(kills);
        System.out.println("managed connections: " + kills + " kills at random; " + scene.attempts());
    }

    /** Each connection is killed three times: while management begins, while it ends, and while the connection is deleted. */
    @Test
    void whatIsManagedOutlivesKillsOfEachKindWhileItBeginsEndsAndIsDeleted() {
        int connections = Crashes.share(30);
        Random random = new Random();
        for (int i = 0; i < connections; i++) {
            TestPostgres.Login role = scene.target.role("LOGIN");
            String path = ManagedSubject.CONNECTIONS + "/" + scene.connection(service, role, false);

            killedDuring("PATCH", path, managing(role, role), random.nextInt(400));
            worksWithin(path);
            boolean managed = shown(path).getBoolean("isPlatformManagedCredentials");
            if (!managed) {
                assertThat(scene.target.login(role.role(), role.password()))
                        .as("not managed, so it has the password that it had")
                        .isEqualTo("ok");
                Awaitility.await()
                        .atMost(Scene.BOUND)
                        .until(() -> service.patch(path, managing(role, role)).status() == 200);
            }

            killedDuring("POST", path + "/release", new JsonObject(), random.nextInt(60));
            worksWithin(path);
            // Replies get lost, so asking again gives the same one.
            TestPostgres.Login released = release(path);
            assertThat(release(path)).isEqualTo(released);
            assertThat(scene.target.login(released.role(), released.password())).isEqualTo("ok");
            assertThat(shown(path).getBoolean("isPlatformManagedCredentials")).isFalse();

            Awaitility.await()
                    .atMost(Scene.BOUND)
                    .until(() -> service.patch(path, managing(role, released)).status() == 200);
            killedDuring("DELETE", path + "?discardManagedPassword=true", null, random.nextInt(40));
            if (service.get(path).status() == 200) {
                worksWithin(path);
                service.delete(path + "?discardManagedPassword=true").expect(200);
            }
            service.get(path).expect(404);
            assertThat(scene.count("FROM managed_role WHERE deleted_at IS NULL AND role_name = '" + role.role() + "'"))
                    .as("the role may be managed anew")
                    .isZero();
            assertThat(scene.count("FROM managed_role r JOIN password_version v ON v.role_id = r.id"
                            + " WHERE v.state = 'CURRENT' AND r.role_name = '" + role.role() + "'"))
                    .as("and its last password stays sealed")
                    .isPositive();
        }
        System.out.println(connections + " managed connections, each killed at begin, release and delete");
    }

    private JsonObject managing(TestPostgres.Login role, TestPostgres.Login released) {
        return new JsonObject()
                .put("isPlatformManagedCredentials", true)
                .put(
                        "credentials",
                        scene.credentials(new TestPostgres.Login(role.role(), released.password()), "postgres"));
    }

    private void killedDuring(String method, String path, JsonObject body, int afterMillis) {
        CompletableFuture<ServiceProcess.Answer> call = service.callAsync(method, path, body);
        sleep(Duration.ofMillis(afterMillis));
        service.kill();
        call.join();
        service.restart();
    }

    private JsonObject shown(String path) {
        return service.get(path).expect(200).json().getJsonObject("appConnection");
    }

    private void worksWithin(String path) {
        Awaitility.await()
                .atMost(Scene.BOUND)
                .untilAsserted(() -> assertThat(service.post(path + "/test", new JsonObject())
                                .expect(200)
                                .text())
                        .contains("\"ok\":true"));
    }

    /** Refused for as long as a change is under way. */
    private TestPostgres.Login release(String path) {
        JsonObject released = Awaitility.await()
                .atMost(Scene.BOUND)
                .until(() -> service.post(path + "/release", new JsonObject()), answer -> answer.status() == 200)
                .json()
                .getJsonObject("releasedCredentials");
        return new TestPostgres.Login(released.getString("username"), released.getString("releasedPassword"));
    }
}
