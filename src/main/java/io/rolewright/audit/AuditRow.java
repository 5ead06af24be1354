package io.rolewright.audit;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import jakarta.persistence.Transient;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.hibernate.annotations.Immutable;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;
import org.jspecify.annotations.Nullable;

/** One row of {@code audit_event}: written once, never changed. */
@Entity
@Immutable
@Table(name = "audit_event")
class AuditRow {

    @Id
    @GeneratedValue(strategy = GenerationType.IDENTITY)
    Long id;

    /** By the store's clock. */
    @Column(insertable = false, updatable = false)
    Instant at;

    String type;

    @Enumerated(EnumType.STRING)
    Outcome outcome;

    @Nullable
    UUID actorId;

    @Nullable
    String actorName;

    @Nullable
    String address;

    @Nullable
    String requestId;

    @Nullable
    UUID projectId;

    @Nullable
    String subjectKind;

    @Nullable
    String subjectId;

    @Nullable
    String reason;

    /** What {@link #facts} is made of, for the log's line of it. */
    @Transient
    Map<String, @Nullable Object> said = Map.of();

    /** A JSON object. */
    @JdbcTypeCode(SqlTypes.JSON)
    String facts;
}
