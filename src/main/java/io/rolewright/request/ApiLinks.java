package io.rolewright.request;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.PathItem;
import org.eclipse.microprofile.openapi.models.PathItem.HttpMethod;
import org.eclipse.microprofile.openapi.models.links.Link;
import org.eclipse.microprofile.openapi.models.media.MediaType;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;
import org.jspecify.annotations.Nullable;

/**
 * From what a POST has made to what can be done with it: explorers and testers that follow a document learn so where an id is to be used.
 * Found by paths: what is made at {@code /things} stands at {@code /things/{thingId}}.
 */
final class ApiLinks {

    private static final String JSON = "application/json";
    private static final String REF = "#/components/schemas/";

    private final OpenAPI document;

    ApiLinks(OpenAPI document) {
        this.document = document;
    }

    void add() {
        Map<String, PathItem> paths = document.getPaths().getPathItems();
        paths.forEach((path, item) -> {
            Operation post = item.getPOST();
            APIResponse made = post == null ? null : post.getResponses().getAPIResponse("200");
            String id = made == null ? null : id(made);
            if (made != null && id != null) {
                Map<String, Link> links = new LinkedHashMap<>();
                paths.forEach((below, one) -> {
                    if (below.startsWith(path + "/{") && below.indexOf('/', path.length() + 1) < 0) {
                        String parameter = below.substring(path.length() + 2, below.length() - 1);
                        one.getOperations().forEach((method, operation) -> {
                            if (method != HttpMethod.POST) {
                                links.put(
                                        Objects.requireNonNull(operation.getOperationId()),
                                        link(operation, path, parameter, field(id, parameter)));
                            }
                        });
                    }
                });
                if (!links.isEmpty()) {
                    made.setLinks(links);
                }
            }
        });
    }

    /** What the path calls a slug is no id. */
    private static String field(String id, String parameter) {
        return parameter.endsWith("Id") ? id : id.substring(0, id.length() - "id".length()) + parameter;
    }

    private static Link link(Operation operation, String path, String parameter, String field) {
        Link link = OASFactory.createLink().operationId(operation.getOperationId());
        for (String segment : path.split("/")) {
            if (segment.startsWith("{")) {
                String name = segment.substring(1, segment.length() - 1);
                link.addParameter(name, "$request.path." + name);
            }
        }
        return link.addParameter(parameter, "$response.body#" + field);
    }

    /** @return a JSON pointer to the id of what was made; null for an answer of another kind */
    private @Nullable String id(APIResponse made) {
        MediaType json = made.getContent() == null ? null : made.getContent().getMediaType(JSON);
        Schema body = json == null ? null : resolved(json.getSchema());
        if (body == null || body.getProperties() == null) {
            return null;
        }
        if (body.getProperties().containsKey("id")) {
            return "/id";
        }
        List<String> with = body.getProperties().entrySet().stream()
                .filter(each -> {
                    Schema part = resolved(each.getValue());
                    return part != null
                            && part.getProperties() != null
                            && part.getProperties().containsKey("id");
                })
                .map(each -> "/" + each.getKey() + "/id")
                .toList();
        return with.size() == 1 ? with.get(0) : null;
    }

    private @Nullable Schema resolved(@Nullable Schema schema) {
        return schema == null || schema.getRef() == null
                ? schema
                : document.getComponents().getSchemas().get(schema.getRef().substring(REF.length()));
    }
}
