package io.rolewright.testing;

import io.quarkus.test.junit.callback.QuarkusTestBeforeEachCallback;
import io.quarkus.test.junit.callback.QuarkusTestMethodContext;
import io.restassured.RestAssured;
import io.restassured.filter.Filter;
import io.restassured.filter.FilterContext;
import io.restassured.response.Response;
import io.restassured.specification.FilterableRequestSpecification;
import io.restassured.specification.FilterableResponseSpecification;
import java.net.URI;
import java.util.List;

/**
 * Fails any test that gets an answer from the service which {@code docs/openapi.yaml} does not describe. It is on for every {@code
 * @QuarkusTest} and {@code @QuarkusIntegrationTest}: the service file in {@code META-INF/services} names it.
 */
public final class DocumentedResponses implements QuarkusTestBeforeEachCallback, Filter {

    @Override
    public void beforeEach(QuarkusTestMethodContext context) {
        if (RestAssured.filters().stream().noneMatch(DocumentedResponses.class::isInstance)) {
            RestAssured.filters(this);
        }
    }

    @Override
    public Response filter(
            FilterableRequestSpecification request, FilterableResponseSpecification expected, FilterContext context) {
        Response response = context.next(request, expected);
        URI uri = URI.create(request.getURI());
        boolean ours = uri.getPort() == RestAssured.port && uri.getRawPath().startsWith("/api/");
        if (ours && !uri.getRawPath().startsWith("/api/openapi")) {
            List<String> faults = ApiContract.committed()
                    .faults(
                            request.getMethod(),
                            uri.getRawPath(),
                            response.statusCode(),
                            response.contentType(),
                            response.asString());
            if (!faults.isEmpty()) {
                throw new AssertionError(request.getMethod() + " " + uri.getRawPath() + " answered "
                        + response.statusCode() + ", not as " + ApiContract.FILE + " says: " + faults + "\n"
                        + response.asString());
            }
        }
        return response;
    }
}
