package io.rolewright.sealing;

import io.quarkus.runtime.annotations.RegisterForReflection;
import jakarta.enterprise.context.Dependent;
import jakarta.persistence.PostLoad;
import jakarta.persistence.PrePersist;
import jakarta.persistence.PreUpdate;

/**
 * The one writer of seals of entities: every entity that {@linkplain Decides decides} names it as its listener. What was read was believed,
 * so what is written is sealed. SQL beside the entities has to do both itself.
 */
@Dependent
@RegisterForReflection // its methods are called by Hibernate
public class EntitySeals {

    private final RowSeals seals;

    EntitySeals(RowSeals seals) {
        this.seals = seals;
    }

    @PrePersist
    @PreUpdate
    void seal(Decides row) {
        var kind = row.sealedRow();
        var values = row.deciding();
        if (!seals.holds(kind, row.sealedId(), row.rowSeal(), values)) {
            row.rowSeal(seals.seal(kind, row.sealedId(), values));
        }
    }

    /** @throws CannotOpen if somebody else has written the row */
    @PostLoad
    void require(Decides row) {
        if (row.decides()) {
            seals.require(row.sealedRow(), row.sealedId(), row.rowSeal(), row.deciding());
        }
    }
}
