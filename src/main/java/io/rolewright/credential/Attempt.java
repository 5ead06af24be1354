package io.rolewright.credential;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;

/** The whole effort for one version of one role, over however many claims. */
@Entity
@Table(name = "attempt")
class Attempt {

    @Id
    UUID id;

    UUID roleId;
    UUID ownerId;
    UUID versionId;
    long epoch;

    @Enumerated(EnumType.STRING)
    Cause cause;

    @Enumerated(EnumType.STRING)
    AttemptState state;

    @Enumerated(EnumType.STRING)
    Step step;

    String reason;
    String sqlState;
    String message;
    UUID actorId;
    String actorName;
    String requestId;
    int tries;

    /** Of the tries, how many somebody asked for. */
    int asked;

    Instant startedAt;
    Instant finishedAt;
    Instant nextTryAt;

    protected Attempt() {}

    Actor actor() {
        return new Actor(actorId, actorName, null, requestId);
    }
}
