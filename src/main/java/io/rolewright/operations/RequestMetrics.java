package io.rolewright.operations;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.config.MeterFilter;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;

/**
 * Keeps ids out of the metrics of requests. A request that is refused before it has met its endpoint has no path template
 * yet, and would be counted under its path as it was sent: one series for each id, that anybody could make up.
 */
@Singleton
class RequestMetrics implements MeterFilter {

    /** Answers that the framework gives while it looks for the endpoint, or {@code request.BodyLimit} before it. */
    private static final Set<String> BEFORE_MATCHING = Set.of("405", "406", "413", "414", "415", "431");

    @Override
    public Meter.Id map(Meter.Id id) {
        if (!id.getName().equals("http.server.requests")) {
            return id;
        }
        String path = id.getTag("uri");
        boolean asSent =
                BEFORE_MATCHING.contains(String.valueOf(id.getTag("status"))) || "OPTIONS".equals(id.getTag("method"));
        return asSent && path != null && !path.contains("{") ? id.replaceTags(replaced(id.getTags())) : id;
    }

    private static List<Tag> replaced(List<Tag> tags) {
        return tags.stream()
                .map(tag -> tag.getKey().equals("uri") ? Tag.of("uri", "UNMATCHED") : tag)
                .toList();
    }
}
