package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.project;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestStore;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who would miss a rotation is named before it is deleted, and once more when it is. */
@QuarkusTest
class WhoReadsTest {

    private Somebody pairs;
    private Somebody lists;
    private Somebody one;
    private Somebody active;

    @BeforeEach
    void nobodyHasReadYet() {
        pairs = Identities.with("consumer");
        lists = Identities.with("consumer");
        one = Identities.with("consumer");
        active = Identities.with("consumer");
    }

    private static void reads(Somebody who, String path) {
        RestAssured.given()
                .header("Authorization", "Bearer " + who.token())
                .get(path)
                .then()
                .statusCode(200);
    }

    private void allRead(String id, String name) {
        String place = "workspaceId=" + project() + "&environment=production&secretPath=/" + name;
        reads(pairs, BASE + "/" + id + "/generated-credentials");
        reads(lists, "/api/v3/secrets/raw?" + place);
        reads(one, "/api/v3/secrets/raw/DB_PASSWORD?" + place);
        reads(active, BASE + "/" + id + "/active");
        reads(active, BASE + "/" + id + "/active");
    }

    @Test
    void readersAreNamedBeforeItIsDeletedAndInTheAnswer() {
        String name = name("read");
        String id = Rotating.created(Rotating.on(14).body(name));
        String another = Rotating.on(14).created();
        String usage = BASE + "/" + id + "/usage";
        Api.as().get(usage).then().statusCode(200).body("usage.readers", empty());
        allRead(id, name);
        Instant since = Instant.parse(Api.as()
                .get(usage)
                .then()
                .statusCode(200)
                .body("usage.readers.identityId", contains(active.id(), one.id(), lists.id(), pairs.id()))
                .body("usage.readers.reads", contains(2, 1, 1, 1))
                .extract()
                .path("usage.since"));
        assertThat(since)
                .isBetween(
                        Instant.now().minus(Duration.ofHours(25)), Instant.now().minus(Duration.ofHours(23)));
        Api.as()
                .get(BASE + "/" + another + "/usage")
                .then()
                .statusCode(200)
                .body("usage.readers.identityId", not(hasItem(one.id())));
        Api.as()
                .post(BASE + "/" + id + "/preflight")
                .then()
                .statusCode(200)
                .body("preflight.usage.readers", hasSize(4));
        RestAssured.given()
                .header("Authorization", "Bearer " + Identities.with("operator").token())
                .post(BASE + "/" + id + "/preflight")
                .then()
                .statusCode(200)
                .body("preflight.ok", equalTo(true))
                .body("preflight.usage", nullValue());
        Api.as()
                .delete(BASE + "/" + id)
                .then()
                .statusCode(200)
                .body("secretRotation.id", equalTo(id))
                .body("usage.readers.identityId", contains(active.id(), one.id(), lists.id(), pairs.id()));
    }

    /** Who polls with an ETag was given the served password once, and asks for it to this day. */
    @Test
    void theLookGoesBackToTheLastRotation() {
        String id = Rotating.on(14).created();
        reads(pairs, BASE + "/" + id + "/generated-credentials");
        reads(active, BASE + "/" + id + "/active");
        TestStore.sql("UPDATE audit_event SET at = at - INTERVAL '8 days' WHERE actor_id = '" + pairs.id() + "'");
        TestStore.sql("UPDATE audit_event SET at = at - INTERVAL '11 days' WHERE actor_id = '" + active.id() + "'");
        Api.as().get(BASE + "/" + id + "/usage").then().body("usage.readers", empty());
        TestStore.sql("UPDATE secret_rotation SET last_rotated_at = last_rotated_at - INTERVAL '10 days' WHERE id = '"
                + id + "'");
        Api.as().get(BASE + "/" + id + "/usage").then().body("usage.readers.identityId", contains(pairs.id()));
    }
}
