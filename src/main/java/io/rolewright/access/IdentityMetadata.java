package io.rolewright.access;

import io.quarkus.runtime.annotations.RegisterForReflection;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A note that a client keeps with an identity; the service makes nothing of it. */
@RegisterForReflection
@Schema(name = "IdentityMetadata")
record IdentityMetadata(
        @NotBlank @Size(max = 255) @Schema(required = true, examples = "team")
        String key,

        @NotNull @Size(max = 1020) @Schema(required = true, examples = "payments")
        String value) {

    static final String NONE = "[]";

    static final int MOST = 50;

    static String stored(List<IdentityMetadata> all) {
        var array = new JsonArray();
        all.forEach(each -> array.add(new JsonObject().put("key", each.key).put("value", each.value)));
        return array.encode();
    }

    static List<IdentityMetadata> read(String stored) {
        return new JsonArray(stored)
                .stream()
                        .map(JsonObject.class::cast)
                        .map(each -> new IdentityMetadata(each.getString("key"), each.getString("value")))
                        .toList();
    }
}
