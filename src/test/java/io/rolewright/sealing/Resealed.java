package io.rolewright.sealing;

import io.quarkus.arc.Arc;
import io.rolewright.testing.TestStore;
import io.vertx.mutiny.sqlclient.Row;
import java.util.HexFormat;
import java.util.StringJoiner;

/** For tests that write into the running service's store what the service itself would have written: seals the rows as they are then. */
public final class Resealed {

    private Resealed() {}

    /** @param statements on the store, after which every row of {@link SealedRow} is sealed anew */
    public static void sql(String statements) {
        TestStore.sql(statements);
        rows();
    }

    /** @param table with one row, as one of the kind's table. @return the seal of that row, as SQL */
    public static String sealOf(SealedRow kind, String table) {
        var row = TestStore.sql("SELECT " + kind.field.place.record() + " AS record, " + RowSealing.columns(kind)
                        + " FROM " + table)
                .get(0);
        return sealOf(Arc.container().instance(RowSeals.class).get(), kind, row);
    }

    private static String sealOf(RowSeals seals, SealedRow kind, io.vertx.sqlclient.Row row) {
        byte[] seal = seals.seal(kind, row.getUUID("record"), RowSealing.values(kind, Row.newInstance(row)));
        return "'\\x" + HexFormat.of().formatHex(seal) + "'::bytea";
    }

    /** Seals every row that decides as it is now. */
    public static void rows() {
        var seals = Arc.container().instance(RowSeals.class).get();
        for (var kind : SealedRow.values()) {
            var id = kind.field.place.record();
            var anew = new StringJoiner(", ");
            TestStore.sql("SELECT " + id + " AS record, " + RowSealing.columns(kind) + " FROM " + kind.table())
                    .forEach(row ->
                            anew.add("('" + row.getUUID("record") + "'::uuid, " + sealOf(seals, kind, row) + ")"));
            if (anew.length() > 0) {
                TestStore.sql("UPDATE " + kind.table() + " AS t SET row_seal = a.seal FROM (VALUES " + anew
                        + ") AS a (id, seal) WHERE t." + id + " = a.id");
            }
        }
    }
}
