package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProjectsTest {

    @ParameterizedTest
    @CsvSource({
        "Payments,          payments",
        "'  Two  Words! ',  two-words",
        "Größe & Übermut,   gro-e-ubermut",
        "--x--,             x",
        "日本,               project",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bb, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    })
    void makesASlugOfAName(String name, String slug) {
        assertThat(Projects.slugOf(name)).isEqualTo(slug);
    }
}
