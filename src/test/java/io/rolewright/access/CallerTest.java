package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.Identities;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a page is told of who is signed in. */
@QuarkusTest
class CallerTest {

    @Test
    void rightsOfTheOrganisationCountEverywhere() {
        var reader = Identities.with("reader");
        var caller =
                reader.as().get("/api/v1/auth/caller").then().statusCode(200).extract();
        assertThat(caller.<String>path("caller.identityId")).isEqualTo(reader.id());
        assertThat(caller.<List<String>>path("caller.rights"))
                .contains("read:app-connections", "read:secret-rotation")
                .doesNotContain("create:app-connections", "read-generated-credentials:secret-rotation");
        assertThat(caller.<List<Object>>path("caller.projects")).isEmpty();
        assertThat(caller.header("Cache-Control")).isEqualTo("no-store");
    }

    @Test
    void rightsInAProjectAreNamedWithIt() {
        var project = Identities.project();
        var caller = Identities.in(project, "consumer")
                .as()
                .get("/api/v1/auth/caller")
                .then()
                .statusCode(200)
                .extract();
        assertThat(caller.<List<String>>path("caller.rights")).isEmpty();
        assertThat(caller.<String>path("caller.projects[0].projectId")).isEqualTo(project);
        assertThat(caller.<List<String>>path("caller.projects[0].rights"))
                .contains("read-generated-credentials:secret-rotation")
                .doesNotContain("rotate-secrets:secret-rotation");
    }
}
