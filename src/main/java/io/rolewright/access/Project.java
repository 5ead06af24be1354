package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.PanacheEntityBase;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;

/** Where connections and rotations of one team live. */
@Entity
@Table(name = "project")
public class Project extends PanacheEntityBase {

    /** The reference knows several types of projects; ours is the one that holds secrets. */
    static final String TYPE = "secret-manager";

    @Id
    public UUID id;

    /** 1 to 64 characters, unique. */
    @Column(columnDefinition = "text", nullable = false)
    public String name;

    /** 1 to 64 of {@code a-z 0-9 -}, unique; the name in paths and configuration files. */
    @Column(columnDefinition = "text", nullable = false)
    public String slug;

    @Column(columnDefinition = "text", nullable = false)
    public String type = TYPE;

    @Column(columnDefinition = "text", nullable = false)
    public String description = "";

    /** It is not deleted while this is true. */
    @Column(nullable = false)
    public boolean deleteProtected;

    @Column(nullable = false)
    public Instant createdAt;

    @Column(nullable = false)
    public Instant updatedAt;
}
