package io.rolewright.request;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.ApiContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The document in the repository is the one that the service serves: clients are generated from it, and reviews see what changes. */
@QuarkusTest
class ApiDocumentFileTest {

    private static final Path SERVED = Path.of("target/openapi.yaml");

    @Test
    void isTheOneThatIsServed() throws IOException {
        String served = given().queryParam("format", "yaml")
                .get("/api/openapi")
                .then()
                .statusCode(200)
                .extract()
                .asString();
        Files.writeString(SERVED, served);

        List<String> wanted = Files.readAllLines(ApiContract.FILE);
        List<String> found = served.lines().toList();
        int line = 0;
        while (line < Math.min(wanted.size(), found.size()) && wanted.get(line).equals(found.get(line))) {
            line++;
        }
        assertThat(line)
                .as(
                        "%s is not what the service serves, from line %s on. Look at what changes for clients, then: cp %s %s",
                        ApiContract.FILE, line + 1, SERVED, ApiContract.FILE)
                .isEqualTo(wanted.size())
                .isEqualTo(found.size());
    }
}
