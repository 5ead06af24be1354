package io.rolewright.testing;

import io.vertx.sqlclient.Row;
import java.util.List;
import java.util.function.Consumer;

/** The store of the service under test, and the identity to call it with. */
public final class TestStore {

    public static final String CLIENT_ID = "5f0f3f0e-6f39-4a35-9d5b-6a3ad3b3a001";
    public static final String CLIENT_SECRET = "bootstrap secret of the tests, 32 characters or more";

    private static final String DATABASE = "io.rolewright.testing.store-database";

    private TestStore() {}

    static void remember(String database) {
        System.setProperty(DATABASE, database);
    }

    /** The database of the service that runs now. */
    public static String database() {
        return System.getProperty(DATABASE);
    }

    /** Runs statements in the store as the superuser. @return the rows of the first */
    public static List<Row> sql(String statements) {
        return TestPostgres.shared(TestPostgres.NEWEST).sqlIn(database(), statements);
    }

    /** @param work is given what runs statements in the store as the superuser, all in one transaction */
    public static void inTransaction(Consumer<TestPostgres.Sql> work) {
        TestPostgres.shared(TestPostgres.NEWEST).inTransaction(database(), work);
    }
}
