package io.rolewright.outbox;

import java.util.Map;
import java.util.UUID;

/**
 * Something that has become true and that others are to hear of. Stored in clear: names, ids, numbers and codes only, never a
 * password, a host name or driver text.
 *
 * @param type stable, e.g. {@code rotation.credential-changed}
 * @param projectId null for what belongs to the organisation
 * @param subjectKind {@code rotation} or {@code app-connection}
 * @param credentialVersion of the subject, null if the fact is about none; receivers drop what is older than what they have
 * @param facts more of it, in JSON's types
 */
public record Fact(
        String type,
        UUID projectId,
        String subjectKind,
        UUID subjectId,
        Long credentialVersion,
        Map<String, Object> facts) {

    public Fact {
        facts = Map.copyOf(facts);
    }

    /** Facts of one subject are told in order. */
    String orderingKey() {
        return subjectKind + ":" + subjectId;
    }
}
