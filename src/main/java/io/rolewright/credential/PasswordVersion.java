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
}
