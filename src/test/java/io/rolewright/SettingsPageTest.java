package io.rolewright;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.rolewright.testing.MadePage;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.ConfigMappingInterface.Property;
import io.smallrye.config.ConfigMappings;
import io.smallrye.config.ConfigMappings.ConfigClass;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** {@code docs/settings.md} is made of the {@code @ConfigMapping}s and what their Javadoc says. */
class SettingsPageTest {

    private static final String HEAD = """
            # Settings

            Every setting of the service itself. Each can be an environment variable, as it is written here, a Java system property
            (`-Drolewright.store.sslmode=…`) or a line of `config/application.properties` beside the executable (`rolewright.store.sslmode=…`); the
            first of these that is set counts. A `ROLEWRIGHT_…` that does not exist, or a value that does not fit, ends the process with one
            sentence.

            Durations are written `500ms`, `30s`, `5m`, `6h`, `30d`; sizes `12M`; lists with commas. README has the settings that most operators
            need.

            Settings of what the service is built on that it needs, or that are useful with it:

            | setting | meaning |
            |---|---|
            | `QUARKUS_DATASOURCE_REACTIVE_URL` | the store, e.g. `postgresql://store.internal:5432/rolewright` |
            | `QUARKUS_DATASOURCE_USERNAME`, `QUARKUS_DATASOURCE_PASSWORD` | how to log in to it |
            | `QUARKUS_DATASOURCE_REACTIVE_MAX_SIZE` | sessions to the store in one replica (`20`) |
            | `ALLOW_INTERNAL_IP_CONNECTIONS` | the reference's name of `ROLEWRIGHT_TARGET_ALLOW_INTERNAL_IP_CONNECTIONS` |
            | `QUARKUS_HTTP_PORT`, `QUARKUS_MANAGEMENT_PORT` | the ports of API and console (`8080`) and of health and metrics (`9000`) |
            | `QUARKUS_VAULT_…` | where Vault is and how to log in to it; README has the names |
            | `QUARKUS_LOG_LEVEL`, `QUARKUS_LOG_CONSOLE_JSON_ENABLED` | how much is logged (`INFO`), and whether as JSON (`true`) |

            This page is made of the code and held against it by `SettingsPageTest`.
            """;

    @Test
    void thePageSaysWhatTheCodeDoes() {
        MadePage.assertIs(
                "settings.md",
                HEAD + mappings().stream().map(SettingsPageTest::section).collect(Collectors.joining()));
    }

    private static List<Class<?>> mappings() {
        return new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("io.rolewright").stream()
                        .filter(type -> type.isAnnotatedWith(ConfigMapping.class))
                        .<Class<?>>map(type -> type.reflect())
                        .sorted(Comparator.comparing(
                                type -> type.getAnnotation(ConfigMapping.class).prefix()))
                        .toList();
    }

    private static String section(Class<?> mapping) {
        StringBuilder section = new StringBuilder();
        section.append("\n## `")
                .append(mapping.getAnnotation(ConfigMapping.class).prefix())
                .append("`\n\n");
        String about = javadoc(source(mapping), "(?:public )?interface " + mapping.getSimpleName() + "\\b");
        if (!about.isEmpty()) {
            section.append(about).append("\n\n");
        }
        groups(mapping)
                .forEach((group, meaning) -> section.append("`")
                        .append(variable(group))
                        .append("_…`: ")
                        .append(meaning)
                        .append("\n\n"));
        section.append("| variable | default | kind | meaning |\n|---|---|---|---|\n");
        Map<String, Property> properties =
                new TreeMap<>(ConfigMappings.getProperties(ConfigClass.configClass(mapping)));
        properties.keySet().removeIf(name -> name.endsWith("[*]")); // the elements of a list
        properties.forEach((name, property) -> {
            Method method = property.getMethod();
            String meaning = others(
                    javadoc(block(source(mapping), method), "[A-Za-z<>., ]+ " + method.getName() + "\\(\\);"),
                    mapping,
                    properties);
            assertThat(meaning).as("Javadoc of %s", name).isNotEmpty();
            section.append("| `%s` | %s | %s | %s |\n"
                    .formatted(
                            variable(name),
                            property.hasDefaultValue() ? "`" + byDefault(property.getDefaultValue()) + "`" : "",
                            kind(method),
                            meaning.replace("|", "\\|")));
        });
        return section.toString();
    }

    /** Methods that a text refers to, by the names of their settings. */
    private static String others(String text, Class<?> mapping, Map<String, Property> properties) {
        String prefix = mapping.getAnnotation(ConfigMapping.class).prefix() + ".";
        String named = text;
        for (Map.Entry<String, Property> each : properties.entrySet()) {
            named = named.replace(
                    "`#" + each.getValue().getMethod().getName() + "`", "`" + variable(each.getKey()) + "`");
        }
        assertThat(named).as("of " + prefix).doesNotContain("`#");
        return named;
    }

    /** What the settings of a group have in common, by the beginning of their names. */
    private static Map<String, String> groups(Class<?> mapping) {
        Map<String, String> groups = new TreeMap<>();
        for (Class<?> group : mapping.getDeclaredClasses()) {
            String meaning =
                    group.isInterface() ? javadoc(source(mapping), "interface " + group.getSimpleName() + "\\b") : "";
            if (!meaning.isEmpty()) {
                Method accessor = Arrays.stream(mapping.getDeclaredMethods())
                        .filter(method ->
                                method.getGenericReturnType().getTypeName().contains(group.getName()))
                        .findFirst()
                        .orElseThrow();
                groups.put(
                        mapping.getAnnotation(ConfigMapping.class).prefix() + "." + kebab(accessor.getName())
                                + (accessor.getReturnType() == Map.class ? ".*" : ""),
                        meaning);
            }
        }
        return groups;
    }

    private static String kebab(String name) {
        return name.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
    }

    private static String byDefault(String value) {
        return value.replaceAll("\\$\\{[A-Z_]+:(.*)}", "$1");
    }

    private static String variable(String property) {
        return property.replaceAll("[^A-Za-z0-9*]", "_")
                .toUpperCase(Locale.ROOT)
                .replace("*", "<NAME>");
    }

    private static String kind(Method method) {
        Type type = method.getGenericReturnType();
        String kind = kind(type);
        Min least = method.getAnnotation(Min.class);
        Max most = method.getAnnotation(Max.class);
        return kind + (least == null || most == null ? "" : ", " + least.value() + " to " + most.value());
    }

    private static String kind(Type type) {
        if (type instanceof ParameterizedType generic) {
            Type argument = generic.getActualTypeArguments()[0];
            return generic.getRawType() == List.class ? "list" : kind(argument);
        }
        Class<?> plain = (Class<?>) type;
        if (plain.isEnum()) {
            return Arrays.stream(plain.getEnumConstants())
                    .map(each -> "`"
                            + ((Enum<?>) each).name().toLowerCase(Locale.ROOT).replace('_', '-') + "`")
                    .collect(Collectors.joining(" or "));
        }
        if (plain == Duration.class) {
            return "duration";
        }
        if (plain == Path.class) {
            return "file";
        }
        return switch (plain.getSimpleName()) {
            case "boolean" -> "`true` or `false`";
            case "int", "long" -> "number";
            case "MemorySize" -> "size";
            default -> "text";
        };
    }

    private static String source(Class<?> type) {
        Path file = Path.of("src/main/java", type.getName().replace('.', '/') + ".java");
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Two groups of one mapping may have methods of one name. */
    private static String block(String source, Method method) {
        Class<?> owner = method.getDeclaringClass();
        return owner.getEnclosingClass() == null
                ? source
                : source.substring(source.indexOf("interface " + owner.getSimpleName()));
    }

    /** @return as Markdown, on one line; empty if there is none */
    private static String javadoc(String source, String declaration) {
        Matcher found = Pattern.compile(
                        "/\\*\\*((?:(?!\\*/).)*)\\*/\\s*(?:@\\w+(?:\\([^)]*\\))?\\s*)*" + declaration, Pattern.DOTALL)
                .matcher(source);
        return Optional.of(found)
                .filter(Matcher::find)
                .map(match -> match.group(1))
                .orElse("")
                .replaceAll("\\n\\s*\\* ?", " ")
                .replaceAll("\\{@link #(\\w+)}", "`#$1`")
                .replaceAll("\\{@(?:code|link) ((?:[^{}]|\\{\\w+})*)}", "`$1`")
                .replaceAll("\\s+", " ")
                .strip();
    }
}
