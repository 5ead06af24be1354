package io.rolewright.connection;

import io.rolewright.credential.Plan;
import jakarta.persistence.Embedded;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.DynamicUpdate;
import org.jspecify.annotations.Nullable;

/** What is to be known of a connection whose password is ours. The columns are explained in the migration. */
@Entity
@DynamicUpdate
@Table(name = "managed_connection")
class ManagedConnection {

    @Id
    UUID connectionId;

    UUID id;
    UUID roleId;

    @Embedded
    Plan plan = new Plan();

    @Nullable
    Long releasedVersion;

    Instant createdAt;
    Instant updatedAt;

    protected ManagedConnection() {}

    boolean released() {
        return releasedVersion != null;
    }
}
