package io.rolewright.credential;

import jakarta.persistence.Entity;
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
@Table(name = "managed_role")
class ManagedRole {

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

    /** When the current password was last tried for readers, what came of it, and since when it is refused. */
    @Nullable
    Instant lookedAt;

    @Nullable
    String look;

    @Nullable
    Instant refusedSince;

    Instant createdAt;
    Instant deletedAt;

    /** The store's clock when the row was read: all leases and due times are told by it alone. */
    @Formula("clock_timestamp()")
    Instant storeNow;

    protected ManagedRole() {}
}
