package io.rolewright.operations;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.config.MeterFilter;
import io.rolewright.listener.Operations;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;

/**
 * Counts requests under the path template of an operation of ours, and all others together. A request that is refused before it has met
 * its endpoint would be counted under its path as it was sent: one series for each, that anybody could make up until there is room for
 * no other.
 */
@Singleton
class RequestMetrics implements MeterFilter {

    /** What Quarkus says in the place of a path. */
    private static final Set<String> WORDS = Set.of("NOT_FOUND", "REDIRECTION", "UNKNOWN");

    @Override
    public Meter.Id map(Meter.Id id) {
        String path = id.getName().startsWith("http.server.") ? id.getTag("uri") : null;
        return path == null || Operations.paths().contains(path) || WORDS.contains(path)
                ? id
                : id.replaceTags(unmatched(id.getTags()));
    }

    private static List<Tag> unmatched(List<Tag> tags) {
        return tags.stream()
                .map(tag -> tag.getKey().equals("uri") ? Tag.of("uri", "UNMATCHED") : tag)
                .toList();
    }
}
