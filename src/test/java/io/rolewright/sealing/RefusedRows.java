package io.rolewright.sealing;

import io.quarkus.arc.Arc;

/** What the process under test has met of rows that it does not believe: tests that alter rows share it with those that list what is wrong. */
public final class RefusedRows {

    private RefusedRows() {}

    public static void forget() {
        Arc.container().instance(RowSeals.class).get().forgetRefused();
    }
}
