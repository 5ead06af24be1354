package io.rolewright.idempotency;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.util.UUID;

/**
 * A run of a request with a key, as far as Hibernate has to know it: to put the reply into the transaction of the effect.
 * Claims go by plain SQL, since they need {@code on conflict}.
 */
@Entity
@Table(name = "idempotent_request")
class IdempotentRequest {

    @Id
    UUID runId;

    byte[] reply;
}
