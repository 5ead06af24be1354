package io.rolewright.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MigrationTest {

    private static final Path FOLDER = Path.of("src/main/resources/db");

    @Test
    void indexNamesEveryFileOfTheFolder() throws IOException {
        try (var files = Files.list(FOLDER)) {
            assertThat(Files.readAllLines(FOLDER.resolve("migrations.txt")))
                    .filteredOn(line -> !line.startsWith("#"))
                    .describedAs("db/migrations.txt needs one line for each db/V*.sql")
                    .containsExactlyInAnyOrderElementsOf(
                            files.map(file -> file.getFileName().toString())
                                    .filter(name -> name.endsWith(".sql") && name.startsWith("V"))
                                    .toList());
        }
    }

    @Test
    void everyMigrationStartsBySayingWhy() {
        assertThat(Migration.all())
                .isNotEmpty()
                .allSatisfy(migration -> assertThat(migration.sql()).startsWith("--"));
    }

    @Test
    void versionsGrowFromOne() {
        assertThat(Migration.all()).extracting(Migration::version).isSorted().doesNotHaveDuplicates();
        assertThat(Migration.all().get(0).version()).isEqualTo(1);
    }

    @Test
    void checksumDoesNotDependOnLineEnds() {
        assertThat(Migration.of("V1__a.sql", "SELECT 1;\r\nSELECT 2;\r\n"))
                .isEqualTo(Migration.of("V1__a.sql", "SELECT 1;\nSELECT 2;\n"));
    }

    @Test
    void checksumChangesWithTheText() {
        assertThat(Migration.of("V1__a.sql", "SELECT 1").checksum())
                .isNotEqualTo(Migration.of("V1__a.sql", "SELECT 2").checksum());
    }

    @Test
    void refusesNamesThatAreNotAMigrations() {
        assertThatThrownBy(() -> Migration.of("V01__a.sql", "")).hasMessage("not a migration's name: V01__a.sql");
        assertThatThrownBy(() -> Migration.of("V1_a.sql", "")).hasMessage("not a migration's name: V1_a.sql");
    }
}
