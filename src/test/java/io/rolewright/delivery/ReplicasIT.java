package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One replica rotates, another serves: at once what is new, and to those who wait for it too. */
class ReplicasIT {

    private final TestPostgres target = TestPostgres.shared(TestPostgres.NEWEST);
    private final Installation installation = Installation.on(target);

    @AfterEach
    void close() {
        installation.close();
    }

    @Test
    void whatOneHasRotatedIsServedByTheOther() throws Exception {
        ServiceProcess rotating = installation.start();
        ServiceProcess serving = installation.start();
        String path = Rotating.BASE + "/" + Rotating.created(rotating, target, new JsonObject());

        for (long version = 2; version <= 6; version++) {
            CompletableFuture<Answer> waiting =
                    serving.callAsync("GET", path + "/active?timeout=60&waitForVersion=" + version, null);
            rotating.post(path + "/rotate-secrets?force=true", null).expect(200);

            JsonObject read = serving.get(path + "/active").expect(200).json();
            assertThat(read.getLong("credentialVersion")).isEqualTo(version);
            assertThat(target.login(read.getString("username"), read.getString("password")))
                    .isEqualTo("ok");
            assertThat(waiting.get(30, TimeUnit.SECONDS).expect(200).json()).isEqualTo(read);
        }
    }
}
