package io.rolewright.rotation;

import io.rolewright.access.Project;
import io.rolewright.credential.DriftPolicy;
import io.rolewright.credential.Plan;
import io.rolewright.credential.Strategy;
import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.vertx.mutiny.sqlclient.Row;
import jakarta.persistence.Embedded;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.FetchType;
import jakarta.persistence.Id;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.hibernate.annotations.Formula;
import org.jspecify.annotations.Nullable;

/** A stored rotation. The columns are explained in the migration. */
@Entity
@EntityListeners(EntitySeals.class)
@Table(name = "secret_rotation")
class Rotation implements Decides {

    @Id
    UUID id;

    @ManyToOne(fetch = FetchType.LAZY)
    Project project;

    String environment;
    String secretPath;
    String name;
    String description;
    UUID connectionId;

    @Enumerated(EnumType.STRING)
    Strategy strategy;

    @Enumerated(EnumType.STRING)
    DriftPolicy driftPolicy;

    boolean takeover;
    boolean allowPrivileged;
    String username1;
    String username2;
    UUID role1Id;
    UUID role2Id;
    String passwordRequirements;
    String usernameSecret;
    String passwordSecret;

    @Nullable
    String uriSecret;

    int activeIndex;
    long credentialVersion;

    @Embedded
    Plan plan = new Plan();

    Instant revokingSince;
    int rolesToRevoke;
    Instant createdAt;
    Instant updatedAt;

    /** The store's clock when the row was read. */
    @Formula("clock_timestamp()")
    Instant storeNow;

    /** {@link SealedRow#ROTATION}. */
    byte @Nullable [] rowSeal;

    protected Rotation() {}

    /**
     * The same for a row that was read beside the entity, with the columns by their names.
     *
     * @throws io.rolewright.sealing.CannotOpen if somebody else has written it
     */
    static void require(RowSeals seals, Row row) {
        seals.require(
                SealedRow.ROTATION,
                row.getUUID("id"),
                RowSeals.bytes(row.getBuffer("row_seal")),
                row.getUUID("project_id"),
                row.getString("environment"),
                row.getString("secret_path"),
                row.getUUID("connection_id"),
                row.getString("strategy"),
                row.getUUID("role1_id"),
                row.getUUID("role2_id"),
                row.getBoolean("allow_privileged"),
                row.getBoolean("takeover"),
                row.getString("password_requirements"));
    }

    Place place() {
        return new Place(project.id, environment, secretPath);
    }

    /** The managed roles in the order of their index. */
    List<UUID> roleIds() {
        return role2Id == null ? List.of(role1Id) : List.of(role1Id, role2Id);
    }

    /** Under which secrets are served: the role's name, the password, and the URI if it has one. */
    List<String> secretNames() {
        return uriSecret == null
                ? List.of(usernameSecret, passwordSecret)
                : List.of(usernameSecret, passwordSecret, uriSecret);
    }

    /** Which role the next rotation changes. Until the first has a password, that is the first. */
    int nextIndex() {
        return role2Id == null || credentialVersion == 0 ? 0 : 1 - activeIndex;
    }

    /** Of the role in {@code rolesToRevoke}. */
    int bit(UUID roleId) {
        return roleId.equals(role1Id) ? 1 : 2;
    }

    UUID roleId(int index) {
        return index == 0 ? role1Id : role2Id;
    }

    /** Sets what a caller or the schedule says after the last change, or nothing when it is off. */
    void reckon(Instant now) {
        if (credentialVersion > 0 && revokingSince == null) { // else due work is to go on with its creation or its end
            plan.reckon(now);
        }
    }

    /** Whether nobody has changed it since it was made, nor has it rotated but for the password that its creation sets. */
    boolean isAsCreated() {
        return revokingSince == null
                && credentialVersion <= 1
                && (updatedAt.equals(createdAt) || updatedAt.equals(plan.lastRotatedAt()));
    }

    @Override
    public SealedRow sealedRow() {
        return SealedRow.ROTATION;
    }

    @Override
    public UUID sealedId() {
        return id;
    }

    @Override
    public @Nullable Object[] deciding() {
        return new @Nullable Object[] {
            project.id,
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
}
