package io.rolewright.operations;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.config.MeterFilter;
import io.rolewright.listener.Operations;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;

/**
 * Counts requests under the path template of an operation of ours and a method that there is, and all others together. A request that is refused before it has met
 * its endpoint would be counted under its path as it was sent: one series for each, that anybody could make up until there is room for
 * no other.
 */
@Singleton
class RequestMetrics implements MeterFilter {

    /** What Quarkus says in the place of a path. */
    private static final Set<String> WORDS = Set.of("NOT_FOUND", "REDIRECTION", "UNKNOWN");

    /** A client may send any other, and make one up. */
    private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

    @Override
    public Meter.Id map(Meter.Id id) {
        if (!id.getName().startsWith("http.server.")) {
            return id;
        }
        List<Tag> tags = id.getTags().stream().map(RequestMetrics::known).toList();
        return tags.equals(id.getTags()) ? id : id.replaceTags(tags);
    }

    private static Tag known(Tag tag) {
        return switch (tag.getKey()) {
            case "uri" ->
                Operations.paths().contains(tag.getValue()) || WORDS.contains(tag.getValue())
                        ? tag
                        : Tag.of("uri", "UNMATCHED");
            case "method" -> METHODS.contains(tag.getValue()) ? tag : Tag.of("method", "OTHER");
            default -> tag;
        };
    }
}
