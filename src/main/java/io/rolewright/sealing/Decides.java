package io.rolewright.sealing;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** An entity whose row decides. {@link EntitySeals} seals it when it is written, and lets none be read that is not believed. */
public interface Decides {

    SealedRow sealedRow();

    /** False for a row that cannot do anything, whatever stands in it. */
    default boolean decides() {
        return true;
    }

    /** The id that the seal is bound to, unique in the table. */
    UUID sealedId();

    /** What decides, in the order of {@link SealedRow}. */
    @Nullable
    Object[] deciding();

    /** The column {@code row_seal}; null for a row of a build that made none. */
    byte @Nullable [] rowSeal();

    void rowSeal(byte[] seal);
}
