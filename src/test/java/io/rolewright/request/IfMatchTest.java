package io.rolewright.request;

import static io.rolewright.rotation.Rotating.BASE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Two who edit the same thing do not undo each other. */
@QuarkusTest
class IfMatchTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private static String etag(String path) {
        String etag = Api.as().get(path).then().statusCode(200).extract().header("ETag");
        assertThat(etag).matches("\"[^\"]+\"");
        return etag;
    }

    private static Response patch(String path, String seen, Map<String, ?> change) {
        return Api.as().header("If-Match", seen).body(change).patch(path);
    }

    @Test
    void aRotationThatSomebodyElseHasEditedIsNotEdited() {
        String path = BASE + "/" + Rotating.on(TestPostgres.NEWEST).created();
        String seen = etag(path);

        Response first = patch(path, seen, Map.of("rotationInterval", 7));
        first.then().statusCode(200).body("secretRotation.rotationInterval", equalTo(7));
        patch(path, seen, Map.of("rotationInterval", 27))
                .then()
                .statusCode(412)
                .body("code", equalTo("changed_since_read"))
                .body("details.current.rotationInterval", equalTo(7))
                .body("details.etag", equalTo(first.header("ETag")));
        Api.as().get(path).then().body("secretRotation.rotationInterval", equalTo(7));
        assertThat(etag(path)).isEqualTo(first.header("ETag")).isNotEqualTo(seen);
        patch(path, first.header("ETag"), Map.of("description", "mine"))
                .then()
                .statusCode(200)
                .body("secretRotation.rotationInterval", equalTo(7));
    }

    /** It is of the settings: what the service does by itself stands in nobody's way. */
    @Test
    void aNewPasswordIsNoEdit() {
        String id = Rotating.on(TestPostgres.NEWEST).created();
        String seen = etag(BASE + "/" + id);
        Rotating.rotate(id).then().statusCode(200);

        patch(BASE + "/" + id, seen, Map.of("description", "mine")).then().statusCode(200);
    }

    @Test
    void aConnectionThatSomebodyElseHasEditedIsNotEdited() {
        String path = CONNECTIONS + "/" + Rotating.on(TestPostgres.NEWEST).connection;
        String seen = etag(path);

        patch(path, seen, Map.of("description", "theirs")).then().statusCode(200);
        patch(path, seen, Map.of("description", "mine"))
                .then()
                .statusCode(412)
                .body("details.current.description", equalTo("theirs"));
        Api.as().get(path).then().body("appConnection.description", equalTo("theirs"));
    }

    @Test
    void withoutTheHeaderOrWithAStarItIsEditedWhateverThereIs() {
        String path = BASE + "/" + Rotating.on(TestPostgres.NEWEST).created();
        Api.as().body(Map.of("description", "one")).patch(path).then().statusCode(200);
        patch(path, "*", Map.of("description", "two"))
                .then()
                .statusCode(200)
                .body("secretRotation.description", equalTo("two"));
    }
}
