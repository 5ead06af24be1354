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
import org.hibernate.annotations.DynamicUpdate;
import org.jspecify.annotations.Nullable;

/**
 * One or two roles on one server, by which strategy and when their passwords change, and what is served of them; named by a rotation or by
 * the connection that logs in as the role. Triggers of the store copy what is written to the tables of the build before, and back: whoever
 * writes takes it from {@link CredentialStore#hold}. The columns are explained in the migrations.
 */
@Entity
@DynamicUpdate
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

    UUID connectionId;
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

    /** 1 the first, 2 the second, 3 both. */
    int rolesToRevoke;

    @Enumerated(EnumType.STRING)
    DriftPolicy driftPolicy;

    boolean takeover;
    boolean allowPrivileged;

    /** As {@link PasswordPolicies} keeps them. */
    @Nullable
    String passwordRequirements;

    /** What the rotation or the connection is called. */
    String name;

    /** Where the rotation stands; null of a connection. */
    @Nullable
    String environment;

    @Nullable
    String secretPath;

    Instant updatedAt;

    protected Credential() {}

    boolean self() {
        return strategy == Strategy.SELF;
    }

    /**
     * A new password of one of the roles is proven, and served from now on.
     *
     * @param floor the version is to be above this one too; 0 where the store has forgotten none
     */
    void serves(UUID role, Cause cause, long floor, Instant at) {
        plan.succeeded(cause, at);
        takeover = false; // given once
        updatedAt = at;
        if (!self()) {
            activeIndex = role.equals(role1Id) ? 0 : 1;
            credentialVersion = Math.max(credentialVersion == null ? 0 : credentialVersion, floor) + 1;
        }
        if (revokingSince == null) {
            plan.reckon(at);
        } else {
            plan.look(at); // its end waited for this
        }
    }

    /** The leave to replace a foreign marker is used up. Of a creation it may be both roles that are taken over. */
    void takesOver(UUID role) {
        takeover &= credentialVersion != null && credentialVersion == 0 && !role.equals(role1Id);
    }

    /** A role has a password that nobody is given. */
    void revoked(UUID role, Instant at) {
        rolesToRevoke &= ~(role.equals(role1Id) ? 1 : 2);
        plan.look(at); // the rotation can go when the last is done, or the next role has its turn
    }

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
        if (self() || cause == Cause.CREATION) {
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
        return self() ? "app-connection" : "rotation";
    }
}
