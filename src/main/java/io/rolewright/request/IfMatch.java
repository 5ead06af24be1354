package io.rolewright.request;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.LinkedHashMap;
import java.util.Map;
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

    /**
     * Lets the change go on or refuses it: strong comparison, RFC 9110 §13.1.1.
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
            if (each.strip().equals("*") || each.strip().equals(etag)) {
                return;
            }
        }
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("etag", etag);
        details.put("current", current);
        throw Problem.of(
                ErrorCode.CHANGED_SINCE_READ,
                "It was changed since you read it, so this change was not made. details.current has the settings as they are"
                        + " now.",
                details);
    }
}
