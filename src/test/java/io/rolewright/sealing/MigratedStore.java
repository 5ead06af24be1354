package io.rolewright.sealing;

import io.rolewright.testing.TestPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;

/** Gives a database of a test the schema that the service would give it. */
final class MigratedStore {

    private static final Path FOLDER = Path.of("src/main/resources/db");

    private MigratedStore() {}

    static void migrate(TestPostgres postgres, String database) throws IOException {
        var files = Files.readAllLines(FOLDER.resolve("migrations.txt")).stream()
                .filter(line -> line.startsWith("V"))
                .sorted(Comparator.comparingInt(file -> Integer.parseInt(file.substring(1, file.indexOf('_')))))
                .toList();
        for (String file : files) {
            postgres.sqlIn(database, Files.readString(FOLDER.resolve(file)));
        }
    }
}
