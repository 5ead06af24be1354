package io.rolewright.connection;

import io.rolewright.access.Project;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.FetchType;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;

/** A stored App Connection. What it leads to is in {@link #credentials}, sealed; {@code ConnectionSeal} opens it. */
@Entity
@Table(name = "app_connection")
class Connection {

    @Id
    UUID id;

    /** Null for a connection of the organisation itself. */
    @ManyToOne(fetch = FetchType.LAZY)
    @JoinColumn(name = "project_id")
    Project project;

    String name;

    String description;

    /** Counts changes of the row, from 1. */
    long version;

    byte[] credentials;

    @Column(name = "credentials_version")
    long credentialsVersion;

    @Column(name = "credentials_hash")
    String credentialsHash;

    @Column(name = "platform_managed")
    boolean platformManaged;

    @Column(name = "created_at")
    Instant createdAt;

    @Column(name = "updated_at")
    Instant updatedAt;

    protected Connection() {}
}
