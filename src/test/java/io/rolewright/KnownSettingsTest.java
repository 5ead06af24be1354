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
        Set<String> lists = new TreeSet<>();
        for (JavaClass type : new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("io.rolewright")) {
            if (type.isAnnotatedWith(ConfigMapping.class)) {
                ConfigMappings.getProperties(ConfigClass.configClass(type.reflect()))
                        .keySet()
                        .forEach(name -> {
                            mapped.add(name.replace("[*]", ""));
                            if (name.endsWith("[*]")) {
                                lists.add(name.replace("[*]", ""));
                            }
                        });
            }
        }
        assertThat(KnownSettings.PROPERTIES).containsExactlyInAnyOrderElementsOf(mapped);
        assertThat(KnownSettings.LISTS).containsExactlyInAnyOrderElementsOf(lists);
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
                "ROLEWRIGHT_VAULT_KV_PLACES_0",
                "ROLEWRIGHT_ACCESS_TRUSTED_PROXIES_0_",
                "rolewright_store_sslmode",
                "_PROD_ROLEWRIGHT_STORE_SSLMODE",
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
        "ROLEWRIGHT_STORE_SSLMODE_1, ROLEWRIGHT_STORE_SSLMODE",
        "rolewright.store.ssl-mode, rolewright.store.sslmode"
    })
    void isUnknownAndThis(String variable, String meant) {
        assertThat(inTheEnvironment(variable))
                .contains("There is no setting " + variable + "; did you mean " + meant + "?");
    }

    /** They count in lower case and for a profile, so they are looked at there too. */
    @ParameterizedTest
    @ValueSource(strings = {"rolewright_store_sslmod", "Rolewright_Store_Sslmod", "_PROD_ROLEWRIGHT_STORE_SSLMOD"})
    void isUnknownHoweverItIsWritten(String variable) {
        assertThat(inTheEnvironment(variable))
                .contains("There is no setting ROLEWRIGHT_STORE_SSLMOD; did you mean ROLEWRIGHT_STORE_SSLMODE?");
    }

    /** Of a service called rolewright, and of one called rolewright-webhook. */
    @ParameterizedTest
    @ValueSource(strings = {"ROLEWRIGHT", "ROLEWRIGHT_WEBHOOK", "ROLEWRIGHT_SERVICE"})
    void whatKubernetesSaysOfAServiceIsNoSetting(String service) {
        Map<String, String> told = Map.of(
                service + "_SERVICE_HOST", "10.0.0.1",
                service + "_SERVICE_PORT", "8080",
                service + "_SERVICE_PORT_HTTP", "8080",
                service + "_PORT", "tcp://10.0.0.1:8080",
                service + "_PORT_8080_TCP", "tcp://10.0.0.1:8080",
                service + "_PORT_8080_TCP_PROTO", "tcp",
                service + "_PORT_8080_TCP_PORT", "8080",
                service + "_PORT_8080_TCP_ADDR", "10.0.0.1");

        assertThat(KnownSettings.complaint(told, Set.of())).isEmpty();
    }

    /** What somebody guesses who looks for a setting, and would be taken for a word of Kubernetes. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ROLEWRIGHT_PORT",
                "ROLEWRIGHT_STORE_PORT",
                "ROLEWRIGHT_LISTENER_PORT",
                "ROLEWRIGHT_STORE_SERVICE_HOST",
                "ROLEWRIGHT_SERVICE_PORT"
            })
    void withoutAServiceThoseWordsAreUnknownToo(String variable) {
        assertThat(inTheEnvironment(variable))
                .hasValueSatisfying(said -> assertThat(said).startsWith("There is no setting " + variable));
        assertThat(KnownSettings.complaint(
                        Map.of(
                                variable,
                                "5433",
                                "ROLEWRIGHT_API_SERVICE_HOST",
                                "10.0.0.1",
                                "ROLEWRIGHT_API_SERVICE_PORT",
                                "80"),
                        Set.of()))
                .isPresent();
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
                "rolewright.store.sslmode[0] false",
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
