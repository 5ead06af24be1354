package io.rolewright.credential;

import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;

/** One password of a managed role, sealed; {@code VersionSeal} opens it. */
@Entity
@Table(name = "password_version")
class PasswordVersion {

    @Id
    UUID id;

    UUID roleId;
    long number;

    @Enumerated(EnumType.STRING)
    VersionState state;

    @Enumerated(EnumType.STRING)
    Cause cause;

    byte[] sealed;
    Instant createdAt;
    Instant inDoubtAt;
    Instant appliedAt;
    Instant currentAt;
    Instant endedAt;
    Instant rejectedAt;

    protected PasswordVersion() {}

    /**
     * The one place that moves a version; what was served makes room for it by {@code Ledger.REPLACE_CURRENT}.
     *
     * @throws IllegalStateException if the table of {@link VersionState} does not have it
     */
    void move(VersionState to, Instant at) {
        if (!state.leadsTo(to)) {
            throw new IllegalStateException("a version that is " + state + " does not become " + to);
        }
        state = to;
        switch (to) {
            case IN_DOUBT -> inDoubtAt = at;
            case APPLIED -> appliedAt = appliedAt == null ? at : appliedAt;
            case CURRENT -> {
                appliedAt = appliedAt == null ? at : appliedAt;
                currentAt = at;
            }
            case PREVIOUS -> endedAt = at;
            case REJECTED -> rejectedAt = at;
            case PENDING, RETIRED -> {}
        }
    }
}
