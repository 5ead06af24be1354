package io.rolewright.request;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/**
 * What a caller had seen when it decided on a change: two who edit at the same time do not undo each other.
 *
 * @param header {@code If-Match} as it was sent; null for a change that is to be made whatever there is
 */
public record IfMatch(@Nullable String header) {

    public static final String DESCRIPTION =
            "ETag of the answer that the change was made from: if it has been changed since, the answer is 412"
                    + " changed_since_read with the present settings in details.current, and nothing is changed. Absent: changed"
                    + " whatever there is.";

    /** Whether the change depends on what was seen. */
    public boolean isSent() {
        return header != null;
    }

    /**
     * Another one after each edit, and the same for the same settings.
     *
     * @param settings what can be edited, in the order in which it is always given
     */
    public static String etag(Map<String, ?> settings) {
        return "\"" + UUID.nameUUIDFromBytes(settings.toString().getBytes(StandardCharsets.UTF_8)) + "\"";
    }

    /** An answer with the ETag of what it shows. */
    public static <T> RestResponse<T> tagged(T body, Map<String, ?> settings) {
        return tagged(body, etag(settings));
    }

    /** @param etag with its quotes */
    public static <T> RestResponse<T> tagged(T body, String etag) {
        return RestResponse.ResponseBuilder.ok(body).header("ETag", etag).build();
    }

    /** As {@link #require(String, Map)}, with the ETag of the settings. */
    public void require(Map<String, ?> current) {
        require(etag(current), current);
    }

    /**
     * Lets the change go on or refuses it, RFC 9110 §13.1.1. A tag that is weak was made so by a proxy that compresses: it names the same
     * settings.
     *
     * @param etag with its quotes, of what there is under the lock of the change
     * @param current its settings, without any secret
     * @throws Problem 412 {@code changed_since_read}
     */
    public void require(String etag, Map<String, ?> current) {
        if (header == null) {
            return;
        }
        for (String each : header.split(",")) {
            if (each.strip().equals("*")
                    || each.strip().equals(etag)
                    || each.strip().equals("W/" + etag)) {
                return;
            }
        }
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("etag", etag);
        details.put("current", current);
        throw Problem.of(
                ErrorCode.CHANGED_SINCE_READ,
                "It was changed since you read it, so this change was not made.",
                details);
    }
}
