package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a path says of its methods, asked of every path, and by every method that it does not know. */
@QuarkusTest
class AllowedMethodsTest {

    static Set<String> paths() {
        return new TreeSet<>(Operations.paths());
    }

    @ParameterizedTest
    @MethodSource("paths")
    void areToldToWhoAsksAndToWhoUsesAnother(String template) {
        String path = template.replaceAll("\\{[^}]+}", UUID.randomUUID().toString());
        Set<String> known = new TreeSet<>(Set.of("OPTIONS"));
        for (String method : Set.of("GET", "POST", "PUT", "PATCH", "DELETE")) {
            if (Operations.sizes().keySet().stream()
                    .filter(operation -> operation.startsWith(method + " "))
                    .map(operation -> operation.substring(method.length() + 1))
                    .anyMatch(other -> template.contains("{")
                            ? path.matches(other.replaceAll("\\{[^}]+}", "[^/]+"))
                            : other.equals(template))) {
                known.add(method);
            }
        }
        if (known.contains("GET")) {
            known.add("HEAD");
        }

        assertThat(allowed(Api.as().request("OPTIONS", path))).isEqualTo(known);
        for (String method : Set.of("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")) {
            if (!known.contains(method)) {
                Response refused = Api.as().request(method, path);
                // 422 where the last word stands in the place of another path's id, which it cannot be.
                assertThat(refused.statusCode())
                        .as(method)
                        .isIn(template.contains("{") ? new Object[] {405} : new Object[] {405, 422});
                if (refused.statusCode() == 405) {
                    assertThat(allowed(refused)).as(method).isEqualTo(known);
                }
            }
        }
    }

    private static Set<String> allowed(Response response) {
        assertThat(response.headers().getValues("Allow")).hasSize(1);
        return new TreeSet<>(Arrays.asList(response.header("Allow").split(", ")));
    }
}
