package io.rolewright;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.ConfigMappings;
import io.smallrye.config.ConfigMappings.ConfigClass;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KnownSettingsTest {

    /** Whoever adds a setting adds it to the list too, or the service refuses it. */
    @Test
    void theListHasEverySettingAndNoOther() {
        Set<String> mapped = new TreeSet<>();
        for (JavaClass type : new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("io.rolewright")) {
            if (type.isAnnotatedWith(ConfigMapping.class)) {
                ConfigMappings.getProperties(ConfigClass.configClass(type.reflect()))
                        .keySet()
                        .forEach(name -> mapped.add(name.replace("[*]", "")));
            }
        }
        assertThat(KnownSettings.PROPERTIES).containsExactlyInAnyOrderElementsOf(mapped);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ROLEWRIGHT_STORE_SSLMODE",
                "ROLEWRIGHT_ROOT_KEY_FILE",
                "ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE",
                "ROLEWRIGHT_ACCESS_ISSUERS_CLUSTER_URL",
                "ROLEWRIGHT_ACCESS_ISSUERS_MY_OTHER_CLUSTER_TOKEN_FILE",
                "ROLEWRIGHT_TARGET_ALLOWED_NETWORKS_0_",
                "ROLEWRIGHT_TARGET_ALLOWED_NETWORKS_12",
                // What Kubernetes says of a service called rolewright, and of one called rolewright-webhook.
                "ROLEWRIGHT_SERVICE_HOST",
                "ROLEWRIGHT_SERVICE_PORT",
                "ROLEWRIGHT_SERVICE_PORT_HTTP",
                "ROLEWRIGHT_PORT",
                "ROLEWRIGHT_PORT_8080_TCP",
                "ROLEWRIGHT_PORT_8080_TCP_ADDR",
                "ROLEWRIGHT_WEBHOOK_PORT_443_TCP_PROTO",
                "PATH",
                "rolewright.store.sslmode"
            })
    void isKnown(String variable) {
        assertThat(inTheEnvironment(variable)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "ROLEWRIGHT_ROTATION_MINIMUM_OVERLAPP, ROLEWRIGHT_ROTATION_MINIMUM_OVERLAP",
        "ROLEWRIGHT_STORE_SSLMOD, ROLEWRIGHT_STORE_SSLMODE",
        "ROLEWRIGHT_WEBHOOKS_TIMEOUT, ROLEWRIGHT_WEBHOOK_TIMEOUT",
        "ROLEWRIGHT_ACCESS_ISSUERS_URL, ROLEWRIGHT_ACCESS_ISSUERS_<NAME>_URL",
        "rolewright.store.ssl-mode, rolewright.store.sslmode"
    })
    void isUnknownAndThis(String variable, String meant) {
        assertThat(inTheEnvironment(variable))
                .contains("There is no setting " + variable + "; did you mean " + meant + "?");
    }

    @Test
    void isUnknownAndLikeNone() {
        assertThat(inTheEnvironment("ROLEWRIGHT_COLOUR_OF_THE_CONSOLE_AT_NIGHT"))
                .contains("There is no setting ROLEWRIGHT_COLOUR_OF_THE_CONSOLE_AT_NIGHT; docs/settings.md lists all of"
                        + " them.");
    }

    @Test
    void systemPropertiesAreLookedAtToo() {
        assertThat(KnownSettings.complaint(Map.of(), Set.of("rolewright.store.sslmod", "user.home")))
                .map(UnknownInput::getMessage)
                .contains("There is no setting rolewright.store.sslmod; did you mean rolewright.store.sslmode?");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "rolewright.store.sslmode true",
                "%dev,test.rolewright.target.allowed-networks true",
                "rolewright.target.allowed-networks[0] true",
                "rolewright.access.issuers.cluster.ca-file true",
                "rolewright.access.issuers.\"a.b\".url true",
                "rolewright.access.issuers.cluster.ca-fil false",
                "%prod.rolewright.store.sslmod false",
                "rolewright.store.sslmode.x false",
                "quarkus.anything true"
            })
    void filesAreLookedAtToo(String property, boolean known) {
        var config = new SmallRyeConfigBuilder()
                .withSources(new PropertiesConfigSource(Map.of(property, "hunter2"), "a file", 250))
                .build();

        assertThat(KnownSettings.complaint(config).isEmpty()).isEqualTo(known);
    }

    /** What the manual and the manifests say must be taken. */
    @Test
    void whatTheManualSaysIsKnown() throws IOException {
        Pattern name = Pattern.compile("\\bROLEWRIGHT_[A-Z_]*[A-Z]\\b(?![<_])");
        try (Stream<Path> pages = Stream.of("README.md", "docs", "kubernetes", "bench", "src/main/docker")
                .flatMap(KnownSettingsTest::files)) {
            for (Path page : pages.toList()) {
                Matcher names = name.matcher(Files.readString(page, java.nio.charset.StandardCharsets.ISO_8859_1));
                while (names.find()) {
                    assertThat(inTheEnvironment(names.group()))
                            .as(page.toString())
                            .isEmpty();
                }
            }
        }
    }

    private static Stream<Path> files(String start) {
        try {
            return Files.walk(Path.of(start)).filter(Files::isRegularFile);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static Optional<String> inTheEnvironment(String variable) {
        return KnownSettings.complaint(Map.of(variable, "hunter2"), Set.of()).map(UnknownInput::getMessage);
    }
}
