package io.rolewright.rotation;

import io.rolewright.outbox.Fact;
import io.rolewright.outbox.Outbox;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tells in the outbox that what rotations serve has ended, or has another name. The names stand in the fact, since after it the rotation
 * has them no more. Both join the running store transaction.
 */
@ApplicationScoped
class ServedNames {

    /** {@code environment}, {@code secretPath}, {@code rotationName}, {@code secrets} and {@code passwords}: kept or taken. */
    static final String DELETED = "rotation.deleted";

    /** The same without {@code passwords}, with {@code formerSecrets}. */
    static final String RENAMED = "rotation.secrets-renamed";

    private final Outbox outbox;

    ServedNames(Outbox outbox) {
        this.outbox = outbox;
    }

    /**
     * Nothing more is served from here on.
     *
     * @param taken whether the roles get passwords that nobody is given; else they keep what they have
     */
    Uni<Void> ended(Rotation row, boolean taken) {
        return put(row, DELETED, Map.of("passwords", taken ? "taken" : "kept"));
    }

    /** @param before as {@link #of} has said before the change; nothing is told if the names are the same, or nothing is served yet */
    Uni<Void> renamed(Rotation row, List<String> before) {
        return before.equals(of(row)) || row.credentialVersion == 0
                ? Uni.createFrom().voidItem()
                : put(row, RENAMED, Map.of("formerSecrets", before));
    }

    static List<String> of(Rotation row) {
        return row.secretNames();
    }

    private Uni<Void> put(Rotation row, String type, Map<String, Object> more) {
        Map<String, Object> facts = new HashMap<>(more);
        facts.put("environment", row.environment);
        facts.put("secretPath", row.secretPath);
        facts.put("rotationName", row.name);
        facts.put("secrets", of(row));
        return outbox.put(new Fact(type, row.project.id, "rotation", row.id, row.credentialVersion, facts));
    }
}
