package io.rolewright.rotation;

import static io.rolewright.rotation.Rotating.BASE;
import static io.rolewright.rotation.Rotating.credentials;
import static io.rolewright.rotation.Rotating.makeDue;
import static io.rolewright.rotation.Rotating.read;
import static io.rolewright.rotation.Rotating.rotate;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.notNullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Due work with the clock outside: nothing happens here unless {@code run-due} is called. */
@QuarkusTest
class DueWorkTest {

    private static final String RUN_DUE = "/api/v1/rotations/run-due";

    private static Response runDue() {
        Response answer = Api.as().queryParam("budgetSeconds", 20).post(RUN_DUE);
        answer.then().statusCode(200);
        return answer;
    }

    /** What is parked or probed is looked at again after a while; let that be over. */
    private static void makeRolesDue(String rotation) {
        TestStore.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id = '" + rotation
                + "' AND deleted_at IS NULL");
    }

    @Test
    void rotatesWhatIsDueOnceAndSaysWhenToComeBack() {
        Rotating roles = Rotating.on(18);
        String due = roles.created();
        String notDue = Rotating.on(18).created();
        makeDue(due);

        runDue().then()
                .body("rotations", greaterThanOrEqualTo(1))
                .body("rotated", greaterThanOrEqualTo(1))
                .body("more", equalTo(false))
                .body("nextDueAt", notNullValue());

        read(due)
                .body("secretRotation.credentialVersion", equalTo(2))
                .body("secretRotation.activeIndex", equalTo(1))
                .body("secretRotation.isLastRotationManual", equalTo(false));
        assertThat(Instant.parse(read(due).extract().path("secretRotation.nextRotationAt")))
                .isAfter(Instant.now());
        assertThat(roles.loginAsServed(due)).isEqualTo("ok");
        read(notDue).body("secretRotation.credentialVersion", equalTo(1));

        runDue();
        read(due).body("secretRotation.credentialVersion", equalTo(2));
    }

    @Test
    void doesNotRotateWhatIsSwitchedOff() {
        String id = Rotating.on(14).created();
        Api.as()
                .body(Map.of("isAutoRotationEnabled", false))
                .patch(BASE + "/" + id)
                .then()
                .statusCode(200);
        TestStore.sql("UPDATE secret_rotation SET due_at = now() WHERE id = '" + id + "'"); // as if claimed just before

        runDue();

        read(id).body("secretRotation.credentialVersion", equalTo(1));
    }

    @Test
    void waitsForTheOverlap() {
        String id = Rotating.on(14).created();
        rotate(id).then().statusCode(200);
        TestStore.sql("UPDATE secret_rotation SET next_rotation_at = now(), due_at = now() WHERE id = '" + id + "'");

        runDue();

        read(id).body("secretRotation.credentialVersion", equalTo(2));
        assertThat(TestStore.sql(
                                "SELECT due_at = last_rotated_at + interval '60 seconds' FROM secret_rotation WHERE id = '"
                                        + id + "'")
                        .get(0)
                        .getBoolean(0))
                .isTrue();
    }

    /** A look at it, as a probe or an adoption has one, takes no minute, and rotates nothing. */
    @Test
    void comesBackSoonForARoleThatSomebodyHasInHand() {
        String id = Rotating.on(14).created();
        makeDue(id);
        // No longer than leases are: what no claim can have taken is void, and whoever looks ends it.
        TestStore.sql(
                "UPDATE managed_role SET lease_until = now() + interval '30 seconds', lease_owner = gen_random_uuid()"
                        + " WHERE owner_id = '" + id + "'");

        runDue();

        read(id).body("secretRotation.credentialVersion", equalTo(1));
        assertThat(TestStore.sql("SELECT due_at < now() + interval '5 seconds' FROM secret_rotation WHERE id = '" + id
                                + "'")
                        .get(0)
                        .getBoolean(0))
                .isTrue();

        TestStore.sql("UPDATE managed_role SET lease_until = NULL WHERE owner_id = '" + id + "'");
        makeDue(id);
        runDue();
        read(id).body("secretRotation.credentialVersion", equalTo(2));
    }

    @Test
    void isSafeToCallFromManyPlacesAtOnce() throws Exception {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            ids.add(Rotating.on(14).created());
        }
        ids.forEach(Rotating::makeDue);

        List<Integer> rotated = RotationWireTest.atOnce(IntStream.range(0, 4)
                .mapToObj(i -> (Callable<Integer>) () -> runDue().path("rotated"))
                .toList());

        assertThat(rotated.stream().mapToInt(Integer::intValue).sum()).isGreaterThanOrEqualTo(8);
        for (String id : ids) {
            read(id).body("secretRotation.credentialVersion", equalTo(2));
        }
    }

    @Test
    void goesOnWithACreationWhoseProcessWasKilled() {
        Rotating roles = Rotating.on(14);
        String id = roles.created();
        // As the kill leaves it: written down, and no password yet.
        TestStore.sql("DELETE FROM attempt WHERE owner_id = '" + id + "'");
        TestStore.sql("DELETE FROM password_version WHERE role_id IN (SELECT id FROM managed_role WHERE owner_id = '"
                + id + "')");
        TestStore.sql(
                "UPDATE secret_rotation SET credential_version = 0, last_rotated_at = NULL, next_rotation_at = NULL,"
                        + " due_at = now() WHERE id = '" + id + "'");

        runDue();

        read(id).body("secretRotation.credentialVersion", equalTo(1)).body("secretRotation.state", equalTo("ok"));
        assertThat(roles.loginAsServed(id)).isEqualTo("ok");
    }

    @Test
    void resolvesWhatIsInDoubtWhenTheTargetIsBack() {
        try (TestPostgres target = TestPostgres.own(14)) {
            Rotating roles = Rotating.on(target);
            String id = roles.created();
            Map<String, String> before = credentials(id).get(0);
            makeDue(id);
            target.server().stop();

            runDue();

            read(id).body("secretRotation.credentialVersion", equalTo(1))
                    .body("secretRotation.state", equalTo("parked"))
                    .body("secretRotation.stateReason", notNullValue());
            target.server().start();
            assertThat(target.login(before.get("username"), before.get("password")))
                    .isEqualTo("ok");
            makeRolesDue(id);

            runDue();

            read(id).body("secretRotation.credentialVersion", equalTo(2)).body("secretRotation.state", equalTo("ok"));
            assertThat(roles.loginAsServed(id)).isEqualTo("ok");
        }
    }

    @Test
    void revokesLaterWhatItsTargetDidNotLetItRevoke() {
        try (TestPostgres target = TestPostgres.own(14)) {
            Rotating roles = Rotating.on(target);
            String id = roles.created();
            rotate(id).then().statusCode(200);
            List<Map<String, String>> given = credentials(id);
            target.server().stop();

            Api.as()
                    .queryParam("revokeGeneratedCredentials", "true")
                    .delete(BASE + "/" + id)
                    .then()
                    .statusCode(200)
                    .body("secretRotation.state", equalTo("revoking"));
            read(id).body("secretRotation.state", equalTo("revoking"))
                    .body("secretRotation.nextRotationAt", equalTo(null));
            rotate(id).then().statusCode(400).body("code", equalTo("rotation_revoking"));
            Api.as()
                    .get(BASE + "/" + id + "/generated-credentials")
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("rotation_revoking"));

            target.server().start();
            makeRolesDue(id);
            TestStore.sql("UPDATE secret_rotation SET due_at = now() WHERE id = '" + id + "'");
            runDue();
            TestStore.sql("UPDATE secret_rotation SET due_at = now() WHERE id = '" + id + "'");
            runDue();

            Api.as().get(BASE + "/" + id).then().statusCode(404);
            for (Map<String, String> each : given) {
                assertThat(target.login(each.get("username"), each.get("password")))
                        .as(each.get("username"))
                        .isEqualTo("28P01");
            }
        }
    }

    @Test
    void aDeadTargetDelaysNobody() {
        try (TestPostgres dead = TestPostgres.own(14)) {
            Rotating first = Rotating.on(dead);
            List<String> stuck = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                stuck.add(Rotating.on(dead).created());
            }
            stuck.add(first.created());
            List<String> good = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                good.add(Rotating.on(14).created());
            }
            stuck.forEach(Rotating::makeDue);
            good.forEach(Rotating::makeDue);
            dead.server().freeze();
            try {
                long begun = System.nanoTime();
                Api.as().queryParam("budgetSeconds", 15).post(RUN_DUE).then().statusCode(200);
                assertThat((System.nanoTime() - begun) / 1_000_000_000)
                        .as("seconds")
                        .isLessThan(17);
                for (String id : good) {
                    read(id).body("secretRotation.credentialVersion", equalTo(2));
                }
                for (String id : stuck) {
                    read(id).body("secretRotation.credentialVersion", lessThan(2));
                }
            } finally {
                dead.server().thaw();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "301", "soon", "-1"})
    void refusesABudgetThatIsNone(String seconds) {
        Api.as()
                .queryParam("budgetSeconds", seconds)
                .post(RUN_DUE)
                .then()
                .statusCode(422)
                .body("message[0].path[0]", equalTo("budgetSeconds"));
    }

    @Test
    void answersAtOnceWhenThereIsNoTimeForAnything() {
        String id = Rotating.on(14).created();
        makeDue(id);

        Api.as()
                .queryParam("budgetSeconds", 1)
                .post(RUN_DUE)
                .then()
                .statusCode(200)
                .body("more", equalTo(true))
                .body("rotated", equalTo(0));
        read(id).body("secretRotation.credentialVersion", equalTo(1));
        runDue();
        read(id).body("secretRotation.credentialVersion", equalTo(2));
    }

    /** A platform that scales to zero stops the process then. */
    @Test
    void beginsNothingMoreOnceItHasAnswered() {
        String due = Rotating.on(14).created();
        String dueLater = Rotating.on(14).created();
        makeDue(due);
        runDue().then().body("rotated", greaterThanOrEqualTo(1));

        makeDue(dueLater);
        // It looked again after a second: whoever waits for the change is answered as soon as it was made, by a look
        // each half second.
        Api.as()
                .queryParams("waitForVersion", 2, "timeout", 2)
                .get(BASE + "/" + dueLater + "/active")
                .then()
                .statusCode(304);
        read(dueLater).body("secretRotation.credentialVersion", equalTo(1));

        runDue();
        read(dueLater).body("secretRotation.credentialVersion", equalTo(2));
    }
}
