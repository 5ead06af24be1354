package io.rolewright.sealing;

import io.quarkus.arc.Arc;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import io.vertx.mutiny.sqlclient.Row;
import java.util.HexFormat;
import java.util.StringJoiner;

/** For tests that write into the running service's store what the service itself would have written: seals the rows as they are then. */
public final class Resealed {

    private Resealed() {}

    /** @param statements on the store, with which every row of {@link SealedRow} is sealed anew: the service sees both or neither */
    public static void sql(String statements) {
        sql(statements, () -> {});
    }

    /** @param meanwhile done before they are committed, while others that want these rows wait */
    public static void sql(String statements, Runnable meanwhile) {
        TestStore.inTransaction(sql -> {
            sql.run(statements);
            rows(sql);
            meanwhile.run();
        });
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
        TestStore.inTransaction(Resealed::rows);
    }

    private static void rows(TestPostgres.Sql sql) {
        var seals = Arc.container().instance(RowSeals.class).get();
        for (var kind : SealedRow.values()) {
            var id = kind.field.place.record();
            var anew = new StringJoiner(", ");
            sql.run("SELECT " + id + " AS record, " + RowSealing.columns(kind) + " FROM " + kind.table())
                    .forEach(row ->
                            anew.add("('" + row.getUUID("record") + "'::uuid, " + sealOf(seals, kind, row) + ")"));
            if (anew.length() > 0) {
                // Those that are sealed as they are stay unlocked, for the service is at work.
                sql.run("UPDATE " + kind.table() + " AS t SET row_seal = a.seal FROM (VALUES " + anew
                        + ") AS a (id, seal) WHERE t." + id + " = a.id AND t.row_seal IS DISTINCT FROM a.seal");
            }
        }
    }
}
