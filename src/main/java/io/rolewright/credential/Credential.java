package io.rolewright.credential;

import io.rolewright.problem.Problem;
import jakarta.persistence.Embedded;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.Immutable;
import org.jspecify.annotations.Nullable;

/**
 * What a rotation and a managed connection have in common. Read only in this release: triggers of the store keep it equal to the rows of
 * both, which the build before writes too. The columns are explained in the migration.
 */
@Entity
@Immutable
@Table(name = "credential")
class Credential {

    /** Of the rotation or the connection. */
    @Id
    UUID id;

    @Enumerated(EnumType.STRING)
    Strategy strategy;

    /** Null for a connection of the organisation. */
    @Nullable
    UUID projectId;

    UUID role1Id;

    @Nullable
    UUID role2Id;

    int activeIndex;

    /** Null for {@link Strategy#SELF}: the version of its role says so. */
    @Nullable
    Long credentialVersion;

    @Embedded
    Plan plan;

    @Nullable
    Instant revokingSince;

    protected Credential() {}

    /** The role that the next change is about. */
    UUID nextRole() {
        boolean first = role2Id == null || credentialVersion == null || credentialVersion == 0 || activeIndex == 1;
        return first ? role1Id : role2Id;
    }

    /**
     * Lets a change be begun, or refuses. Of many that come at once one goes through, and none of the others touches the role that is
     * served by then.
     *
     * @param role whose turn it is said to be
     * @param force whether the overlap may be cut short
     * @param now the store's clock
     * @throws Problem 400 {@code rotation_revoking}, {@code rotation_in_progress}, {@code overlap_not_over}
     */
    void admit(UUID role, Cause cause, boolean force, Instant now, Duration minimumOverlap) {
        if (revokingSince != null) {
            throw Revoking.problem();
        }
        if (strategy == Strategy.SELF || cause == Cause.CREATION) {
            return;
        }
        boolean due = plan.nextRotationAt() != null && !plan.nextRotationAt().isAfter(now);
        if (!role.equals(nextRole()) || cause == Cause.SCHEDULE && !due) {
            throw NotChanged.inProgress(); // somebody has rotated, or changed the schedule, since it was read
        }
        OverlapNotOver.require(strategy, credentialVersion, plan, force, now, minimumOverlap);
    }

    /** As facts call what it is about. */
    String subjectKind() {
        return strategy == Strategy.SELF ? "app-connection" : "rotation";
    }
}
