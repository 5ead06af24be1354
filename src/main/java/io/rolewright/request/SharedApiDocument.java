package io.rolewright.request;

import io.quarkus.smallrye.openapi.runtime.OpenApiDocumentService;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.smallrye.openapi.runtime.io.Format;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.EnumMap;
import java.util.Map;

/**
 * Answers with the OpenAPI document from one place in memory. Anybody may ask for it, and it is a megabyte: Quarkus copies it for each
 * answer, so that a few hundred who asked at once filled the heap.
 */
@ApplicationScoped
class SharedApiDocument {

    private static final String PATH = "/api/openapi";

    /** After everything that looks at all requests. */
    private static final int LAST = 100;

    private final OpenApiDocumentService documents;
    private final Map<Format, Buffer> kept = new EnumMap<>(Format.class);

    SharedApiDocument(OpenApiDocumentService documents) {
        this.documents = documents;
    }

    void register(@Observes Filters filters) {
        filters.register(this::serve, LAST);
    }

    private void serve(RoutingContext routing) {
        HttpMethod method = routing.request().method();
        String path = routing.normalizedPath();
        if (!path.startsWith(PATH) || method != HttpMethod.GET && method != HttpMethod.HEAD) {
            routing.next();
            return;
        }
        switch (path.substring(PATH.length())) {
            case ".json" -> answer(routing, Format.JSON);
            case ".yaml", ".yml" -> answer(routing, Format.YAML);
            case "", "/" -> answer(routing, wantsJson(routing) ? Format.JSON : Format.YAML);
            default -> routing.next();
        }
    }

    private static boolean wantsJson(RoutingContext routing) {
        String accept = routing.request().getHeader("Accept");
        return accept != null && accept.contains(Format.JSON.getMimeType())
                || routing.queryParam("format").stream().limit(1).anyMatch("JSON"::equalsIgnoreCase);
    }

    private void answer(RoutingContext routing, Format format) {
        routing.response()
                .putHeader("Content-Type", format.getMimeType() + ";charset=UTF-8")
                .end(document(format));
    }

    private synchronized Buffer document(Format format) {
        return kept.computeIfAbsent(format, unknown -> SharedBytes.of(documents.getDocument("<default>", format)));
    }
}
