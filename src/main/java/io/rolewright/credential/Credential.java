package io.rolewright.credential;

import io.rolewright.problem.Problem;
import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.store.StorePulse;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.persistence.Embedded;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
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
@EntityListeners(EntitySeals.class)
@DynamicUpdate
@Table(name = "credential")
public class Credential implements Decides {

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
    Plan plan = new Plan();

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

    /** What responses show as the id of a managed connection's rotation; null of a rotation. */
    @Nullable
    UUID shownId;

    @Nullable
    Long releasedVersion;

    Instant createdAt;
    Instant updatedAt;

    /** That of the row of the build before, over the same values: triggers copy it with them, either way. */
    byte @Nullable [] rowSeal;

    protected Credential() {}

    /**
     * For a row that was read beside the entity, with the columns by their names.
     *
     * @throws io.rolewright.sealing.CannotOpen if somebody else has written it
     */
    public static void require(RowSeals seals, Row row) {
        Credential read = new Credential();
        read.id = row.getUUID("id");
        read.strategy = Strategy.valueOf(row.getString("strategy"));
        read.projectId = row.getUUID("project_id");
        read.environment = row.getString("environment");
        read.secretPath = row.getString("secret_path");
        read.connectionId = row.getUUID("connection_id");
        read.role1Id = row.getUUID("role1_id");
        read.role2Id = row.getUUID("role2_id");
        read.allowPrivileged = row.getBoolean("allow_privileged");
        read.takeover = row.getBoolean("takeover");
        read.passwordRequirements = row.getString("password_requirements");
        seals.require(read.sealedRow(), read.id, RowSeals.bytes(row.getBuffer("row_seal")), read.deciding());
    }

    @Override
    public SealedRow sealedRow() {
        return self() ? SealedRow.MANAGED_CONNECTION : SealedRow.ROTATION;
    }

    @Override
    public UUID sealedId() {
        return id;
    }

    @Override
    public @Nullable Object[] deciding() {
        return self()
                ? new @Nullable Object[] {role1Id}
                : new @Nullable Object[] {
                    projectId,
                    environment,
                    secretPath,
                    connectionId,
                    strategy.name(),
                    role1Id,
                    role2Id,
                    allowPrivileged,
                    takeover,
                    passwordRequirements
                };
    }

    @Override
    public byte @Nullable [] rowSeal() {
        return rowSeal;
    }

    @Override
    public void rowSeal(byte[] seal) {
        rowSeal = seal;
    }

    // ---- Of a connection that logs in as the role -------------------------------------------------------------------

    /** Not kept yet, and without a role. @param project null for a connection of the organisation */
    public static Credential ofConnection(UUID connection, @Nullable UUID project, String name) {
        Credential credential = new Credential();
        credential.id = connection;
        credential.connectionId = connection;
        credential.projectId = project;
        credential.name = name;
        credential.strategy = Strategy.SELF;
        credential.driftPolicy = DriftPolicy.REPORT;
        credential.allowPrivileged = true; // whether a superuser may be managed was decided before
        return credential;
    }

    /**
     * The password of a role is ours from now on, with nothing planned; also again, after a release.
     *
     * @param shown another one each time that it begins
     */
    public void begin(UUID shown, UUID role, Instant now) {
        shownId = shown;
        role1Id = role;
        plan = new Plan();
        releasedVersion = null;
        createdAt = now;
        updatedAt = now;
    }

    /** The password was handed out; nothing is managed any more. @param version of the connection's credentials, by which to know it */
    public void release(long version, Instant now) {
        releasedVersion = version;
        plan.end();
        updatedAt = now;
    }

    public boolean released() {
        return releasedVersion != null;
    }

    /** Null unless it was released. */
    public @Nullable Long releasedVersion() {
        return releasedVersion;
    }

    // ---- How it is ------------------------------------------------------------------------------------------------

    public UUID id() {
        return id;
    }

    /** As {@link #begin} has it; null of a rotation. */
    public @Nullable UUID shownId() {
        return shownId;
    }

    public UUID role1Id() {
        return role1Id;
    }

    /** What is written to it is kept if this was held. */
    public Plan plan() {
        return plan;
    }

    public Instant createdAt() {
        return createdAt;
    }

    public Instant updatedAt() {
        return updatedAt;
    }

    /** Whose password is the one to use. */
    UUID servedRole() {
        return self() || role2Id == null || activeIndex == 0
                ? role1Id
                : role2Id; // of a connection only the first is sealed
    }

    /**
     * A connection serves passwords of ours alone: that which a human chose is his.
     *
     * @param role whose turn it is, null when it is given up; likewise its current version
     */
    Served served(@Nullable ManagedRole role, @Nullable PasswordVersion current) {
        boolean ours = current != null && current.cause != Cause.ADOPTED;
        Long version = self() ? (ours ? (Long) current.number : null) : credentialVersion;
        return new Served(
                id,
                self(),
                name,
                projectId,
                self() ? id : connectionId,
                servedRole(),
                role == null ? null : role.roleName,
                version == null ? 0 : version,
                self() ? (ours ? current.currentAt : null) : plan.lastRotatedAt(),
                revokingSince != null);
    }

    /** Its plan was changed by a caller. */
    public void edited(Instant now) {
        updatedAt = now;
    }

    boolean self() {
        return strategy == Strategy.SELF;
    }

    // ---- What happens to it -----------------------------------------------------------------------------------------

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

    /**
     * Above which number its versions go on where its roles do not say which one consumers have seen.
     *
     * @param refusedSince as {@link LostVersions} has it
     */
    long versionFloor(StorePulse.Doubt doubt, @Nullable Instant refusedSince) {
        return credentialVersion == null
                ? 0
                : LostVersions.above(
                        credentialVersion,
                        plan.lastRotatedAt() == null ? createdAt : plan.lastRotatedAt(),
                        doubt,
                        refusedSince);
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
