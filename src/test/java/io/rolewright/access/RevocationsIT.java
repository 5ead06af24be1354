package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * More revocations than a replica keeps, half of them made in the last second, at the heap that is shipped: a replica starts, takes
 * no revoked token for good and lets good ones in. 200,000 of them, or what the environment says: 30 days of 500 a minute are
 * 21,600,000 ({@code .ci/run revocations}).
 */
class RevocationsIT {

    private static final int REVOCATIONS = Optional.ofNullable(System.getenv("REVOCATIONS"))
            .map(Integer::valueOf)
            .orElse(200_000);

    @Test
    void aReplicaStartsWithAnyNumberOfThemAndForgetsNone() {
        try (var installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST))) {
            var before = installation.start();
            var revoked = login(before);
            var good = login(before);
            installation.sql("insert into revoked_token (token_id, expires_at) values ('" + tokenId(revoked)
                    + "', now() + interval '30 days')");
            before.stop();
            // Millions of rows are written in minutes only while there is no index to keep.
            installation.sql("""
                    alter table revoked_token drop constraint revoked_token_pkey;
                    drop index revoked_token_by_time, revoked_token_by_expiry;
                    insert into revoked_token (token_id, revoked_at, expires_at)
                    select gen_random_uuid(),
                           now() + case when n %% 2 = 0 then random() * interval '1 second'
                                        else random() * interval '-30 days' end,
                           now() + interval '30 days'
                    from generate_series(1, %d) n;
                    alter table revoked_token add primary key (token_id);
                    create index revoked_token_by_time on revoked_token (revoked_at);
                    create index revoked_token_by_expiry on revoked_token (expires_at);
                    analyze revoked_token""".formatted(REVOCATIONS), Duration.ofMinutes(30));

            installation.asShipped();
            long start = System.nanoTime();
            var replica = installation.start();
            System.out.printf(
                    "%d revocations: ready after %d ms%n", REVOCATIONS, (System.nanoTime() - start) / 1_000_000);

            assertThat(status(replica, revoked)).isEqualTo("token_revoked");
            for (int i = 0; i < 100; i++) {
                assertThat(status(replica, good)).isEqualTo("200");
            }
            var fresh = login(replica);
            assertThat(status(replica, fresh)).isEqualTo("200");
            replica.post("/api/v1/auth/token/revoke", new JsonObject().put("accessToken", fresh))
                    .expect(200);
            assertThat(status(replica, fresh)).isEqualTo("token_revoked");
            assertThat(replica.log()).doesNotContain("OutOfMemoryError");
        }
    }

    private static String login(ServiceProcess replica) {
        return replica.post(
                        "/api/v1/auth/universal-auth/login",
                        new JsonObject()
                                .put("clientId", Installation.CLIENT_ID)
                                .put("clientSecret", Installation.CLIENT_SECRET))
                .expect(200)
                .json()
                .getString("accessToken");
    }

    /** Whether a token is let in: 200, or why not. */
    private static String status(ServiceProcess replica, String token) {
        var answer = replica.callAs(token, "GET", "/api/v1/projects");
        return answer.status() == 200 ? "200" : answer.json().getString("code");
    }

    private static String tokenId(String token) {
        return new JsonObject(new String(Base64.getUrlDecoder().decode(token.split("\\.")[1]))).getString("jti");
    }
}
