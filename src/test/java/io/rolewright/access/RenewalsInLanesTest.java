package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.Lanes;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/**
 * Pods that were started together renew and read together, and most of the time that is the first that a small installation hears for
 * seconds: all of them wait for one answer of the store, and each goes on in a session of its own.
 */
@QuarkusTest
class RenewalsInLanesTest {

    private static final int ROUNDS = 12;
    private static final int RENEWALS = 4;
    private static final int READS = 4;
    private static final int CHANGES = 2;

    @Inject
    TokenLedger ledger;

    @Inject
    Standings standings;

    @Inject
    AccessConfig config;

    @Test
    void eachThatMeetsOthersIsAnsweredAndAudited() {
        Somebody pod = Identities.with("admin");
        List<String> changed = new ArrayList<>();
        for (int i = 0; i < CHANGES; i++) {
            changed.add(Identities.with().id());
        }
        List<Callable<Response>> calls = new ArrayList<>();
        for (int i = 0; i < RENEWALS; i++) {
            calls.add(() -> given().contentType(ContentType.JSON)
                    .body(Map.of("accessToken", pod.token()))
                    .post("/api/v1/auth/token/renew"));
        }
        for (int i = 0; i < READS; i++) {
            calls.add(() -> pod.as().get("/api/v1/app-connections/postgres"));
        }
        changed.forEach(id ->
                calls.add(() -> pod.as().body(Map.of("name", "renamed " + id)).patch("/api/v1/identities/" + id)));

        List<Response> answers = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            ledger.age(config.revocationDelay());
            if (round % 2 == 0) {
                standings.forget(List.of(UUID.fromString(pod.id())));
            }
            answers.addAll(Lanes.run(calls.size(), calls));
        }

        assertThat(answers)
                .allSatisfy(answer ->
                        assertThat(answer.statusCode()).as(answer.asString()).isEqualTo(200));
        assertThat(audited(answers))
                .isEqualTo(new TreeMap<>(Map.of(
                        "renew-identity-access-token", (long) ROUNDS * RENEWALS,
                        "get-app-connections", (long) ROUNDS * READS,
                        "update-identity", (long) ROUNDS * CHANGES)));
    }

    /** @return how many requests the audit has as successes, by type */
    private static Map<String, Long> audited(List<Response> answers) {
        String requests = answers.stream()
                .map(answer -> "'" + answer.header("X-Request-Id") + "'")
                .collect(joining(","));
        return TestStore.sql(
                        "SELECT type FROM audit_event WHERE outcome = 'SUCCESS' AND request_id IN (" + requests + ")")
                .stream()
                .collect(groupingBy(row -> row.getString(0), TreeMap::new, counting()));
    }
}
