package io.rolewright.outbox;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;

/** One row of {@code outbox_fact}. */
@Entity
@Table(name = "outbox_fact")
class OutboxRow {

    @Id
    @GeneratedValue(strategy = GenerationType.IDENTITY)
    Long position;

    UUID id;
    String type;
    UUID projectId;
    String subjectKind;
    UUID subjectId;
    Long credentialVersion;

    /** A JSON object. */
    @JdbcTypeCode(SqlTypes.JSON)
    String facts;

    String orderingKey;

    /** By the store's clock. */
    @Column(insertable = false, updatable = false)
    Instant at;

    protected OutboxRow() {}
}
