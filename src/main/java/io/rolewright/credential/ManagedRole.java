package io.rolewright.credential;

import io.rolewright.sealing.Decides;
import io.rolewright.sealing.EntitySeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.target.TargetReport;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityListeners;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.Formula;
import org.jspecify.annotations.Nullable;

/** A role on a target whose password is ours to change. The columns are explained in the migration. */
@Entity
@EntityListeners(EntitySeals.class)
@Table(name = "managed_role")
class ManagedRole implements Decides {

    @Id
    UUID id;

    String ownerKind;
    UUID ownerId;
    UUID connectionId;

    /** Whether the role changes its own password. */
    boolean self;

    String roleName;
    byte[] server;

    /** Whether the role's comment carries our marker. */
    boolean marked;

    /** Of the latest claim. */
    long epoch;

    /** Highest one that a marker on the server may have from us. */
    long fenceEpoch;

    UUID leaseOwner;

    /** The same while a lock shows that that process lives. */
    @Nullable
    UUID leaseGuard;

    Instant leaseUntil;
    Instant dueAt;
    Instant changeAt;

    @Enumerated(EnumType.STRING)
    RoleState state;

    String reason;
    Instant probedAt;
    String probeResult;

    /** Above which number versions go on, since the store had forgotten some; else 0. */
    long versionFloor;

    /** When the current password was last tried for readers, what came of it, and since when it is refused. */
    @Nullable
    Instant lookedAt;

    @Nullable
    String look;

    /** After so many minutes it is tried again whether the password opens the role; null: as the service is set. */
    @Nullable
    Integer lookMinutes;

    @Nullable
    Instant refusedSince;

    /** When the current password was last seen to open the role. */
    @Nullable
    Instant verifiedAt;

    /** Where its server was when it was last worked on; null where that is not known. */
    @Nullable
    Long seenTimeline;

    @Nullable
    Long seenWal;

    @Nullable
    Long seenTransaction;

    /** VALID UNTIL of the role when its password was last changed or opened it; null for none. */
    @Nullable
    Instant validUntil;

    /** For which of these it was told that it is near. */
    @Nullable
    Instant validUntilToldFor;

    /** By what it is known on its server; null where that was not learned yet. */
    @Nullable
    Long roleOid;

    byte @Nullable [] roleServer;

    Instant createdAt;
    Instant deletedAt;

    /** What it belonged to, once it is given up; null for a connection of the organisation. */
    @Nullable
    UUID ownerProjectId;

    @Nullable
    String ownerName;

    /** The store's clock when the row was read: all leases and due times are told by it alone. */
    @Formula("clock_timestamp()")
    Instant storeNow;

    /** {@link SealedRow#MANAGED_ROLE}. */
    byte @Nullable [] rowSeal;

    protected ManagedRole() {}

    @Override
    public SealedRow sealedRow() {
        return SealedRow.MANAGED_ROLE;
    }

    /** The store itself takes the connection away when that is deleted, which only roles outlive that are given up. */
    @Override
    public boolean decides() {
        return connectionId != null;
    }

    @Override
    public UUID sealedId() {
        return id;
    }

    @Override
    public @Nullable Object[] deciding() {
        return new @Nullable Object[] {ownerKind, ownerId, connectionId, self, roleName, server};
    }

    @Override
    public byte @Nullable [] rowSeal() {
        return rowSeal;
    }

    @Override
    public void rowSeal(byte[] seal) {
        rowSeal = seal;
    }

    RoleIdentity identity() {
        return new RoleIdentity(roleOid, roleServer);
    }

    /** Whether somebody works on it, by the store's clock when the row was read. */
    boolean isClaimed() {
        return leaseUntil != null && leaseUntil.isAfter(storeNow);
    }

    /** @return whether it was known by something else before */
    boolean learn(RoleIdentity now) {
        if (now.oid() == null) {
            return false;
        }
        boolean other = identity().compare(now).doubtful();
        roleOid = now.oid();
        roleServer = now.server();
        return other;
    }

    void saw(TargetReport.@Nullable Server server) {
        if (server != null) {
            seenTimeline = server.place().timeline();
            seenWal = server.place().wal();
            seenTransaction = server.place().transaction();
        }
    }

    /** It is on another server from now on, as somebody has said who may: it is known there by nothing, and what it has there is none of ours. */
    void goesElsewhere() {
        roleOid = null;
        roleServer = null;
        seenTransaction = Long.MAX_VALUE; // as of a server that went back: the current password is put there
        dueAt = storeNow;
    }

    /** Whether a server that is there now is not the one that it was, but an earlier self of it. */
    boolean wentBack(TargetReport.@Nullable Server server) {
        if (server == null) {
            return false;
        }
        TargetReport.Place now = server.place();
        return seenTimeline != null && now.timeline() != null && !seenTimeline.equals(now.timeline())
                || seenWal != null && now.wal() != null && now.wal() < seenWal
                || seenTransaction != null && now.transaction() < seenTransaction;
    }
}
