package io.rolewright;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.rolewright.password.PasswordPolicy;
import io.rolewright.target.Fence;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Proxy;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Java prints every component of a record, so one that carries a password writes it to whatever log it is handed to, unless it says
 * otherwise. Each record of the service is made here, with a mark in what is called a secret, and printed.
 */
class SecretsCannotBePrintedTest {

    private static final String MARK = "hunter2hunter2hunter2hunter2";

    /** By the last word of the name, in the plural too. */
    private static final Pattern SECRET = Pattern.compile(
            "(.*[a-z0-9])?(password|passphrase|secret|secretValue|token|key|jwt|pem)s?", Pattern.CASE_INSENSITIVE);

    /** Called so, and none. */
    private static final Set<String> HARMLESS = Set.of(
            "SecretsMapping.password", // the name under which it is served
            "Claim.key", // what a caller puts into Idempotency-Key
            "IdentityMetadata.key", // what a note is called
            "Reserved.key"); // who is counted

    private static final Map<Class<?>, Object> EXAMPLES = Map.ofEntries(
            Map.entry(Fence.class, new Fence("store/rotation", 3, 0)),
            Map.entry(PasswordPolicy.class, PasswordPolicy.ROLES),
            Map.entry(boolean.class, true),
            Map.entry(int.class, 1),
            Map.entry(long.class, 1L),
            Map.entry(double.class, 1.0),
            Map.entry(Boolean.class, true),
            Map.entry(Integer.class, 1),
            Map.entry(Long.class, 1L),
            Map.entry(UUID.class, new UUID(1, 2)),
            Map.entry(Instant.class, Instant.EPOCH),
            Map.entry(Duration.class, Duration.ofSeconds(1)),
            Map.entry(LocalTime.class, LocalTime.NOON),
            Map.entry(Path.class, Path.of("file")),
            Map.entry(URI.class, URI.create("https://example.com/")));

    @Test
    void noRecordPrintsWhatIsCalledASecret() {
        List<Class<?>> records = records();

        assertThat(records).hasSizeGreaterThan(100);
        assertThat(records.stream().flatMap(SecretsCannotBePrintedTest::faults)).isEmpty();
    }

    private static List<Class<?>> records() {
        List<Class<?>> records = new ArrayList<>();
        for (JavaClass type : new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("io.rolewright")) {
            if (type.isRecord()) {
                records.add(type.reflect());
            }
        }
        return records;
    }

    /** @return what is wrong with the record; empty if nothing */
    private static Stream<String> faults(Class<?> type) {
        try {
            String printed = String.valueOf(EXAMPLES.containsKey(type) ? EXAMPLES.get(type) : made(type, 0));
            return shows(printed)
                    ? Stream.of(type.getName() + " prints a secret: give it a toString without. " + printed)
                    : Stream.empty();
        } catch (RuntimeException e) {
            return Stream.of(type.getName() + " cannot be made here, so nobody knows: " + e);
        }
    }

    private static boolean shows(String printed) {
        byte[] bytes = MARK.getBytes(StandardCharsets.UTF_8);
        return Stream.of(
                        MARK,
                        Arrays.toString(bytes),
                        Arrays.toString(MARK.toCharArray()),
                        HexFormat.of().formatHex(bytes),
                        Base64.getEncoder().withoutPadding().encodeToString(bytes))
                .anyMatch(form -> printed.toLowerCase(Locale.ROOT).contains(form.toLowerCase(Locale.ROOT)));
    }

    // ---- Making one -----------------------------------------------------------------------------------------------

    private static Object made(Class<?> type, int depth) {
        RecordComponent[] components = type.getRecordComponents();
        try {
            Constructor<?> constructor = type.getDeclaredConstructor(
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
            constructor.setAccessible(true);
            return constructor.newInstance(Arrays.stream(components)
                    .map(each -> example(each.getGenericType(), isSecret(each), depth + 1))
                    .toArray());
        } catch (InvocationTargetException refused) {
            throw new IllegalArgumentException(refused.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean isSecret(RecordComponent component) {
        String name = component.getName();
        return SECRET.matcher(name).matches()
                && !HARMLESS.contains(component.getDeclaringRecord().getSimpleName() + "." + name);
    }

    private static Object example(Type generic, boolean secret, int depth) {
        Class<?> type = raw(generic);
        if (type == String.class || type == CharSequence.class || type == Object.class) {
            return secret ? MARK : "text";
        }
        if (type == byte[].class) {
            return (secret ? MARK : "bytes").getBytes(StandardCharsets.UTF_8);
        }
        if (type == char[].class) {
            return (secret ? MARK : "chars").toCharArray();
        }
        if (EXAMPLES.containsKey(type)) {
            return EXAMPLES.get(type);
        }
        if (type == Optional.class) {
            return Optional.ofNullable(example(argument(generic, 0), secret, depth));
        }
        if (type == Map.class) {
            Object key = example(argument(generic, 0), false, depth);
            Object value = example(argument(generic, 1), secret, depth);
            return key == null || value == null ? Map.of() : Map.of(key, value);
        }
        if (Collection.class.isAssignableFrom(type) && type.isInterface()) {
            Object element = example(argument(generic, 0), secret, depth);
            List<Object> one = element == null ? List.of() : List.of(element);
            return type.isAssignableFrom(List.class) ? one : Set.copyOf(one);
        }
        if (type.isEnum()) {
            return type.getEnumConstants()[0];
        }
        if (type.isSealed()) {
            return example(type.getPermittedSubclasses()[0], secret, depth);
        }
        if (type.isRecord()) {
            return depth > 5 ? null : made(type, depth);
        }
        if (type.isInterface()) {
            return Proxy.newProxyInstance(
                    type.getClassLoader(),
                    new Class<?>[] {type},
                    (proxy, method, arguments) -> method.getName().equals("toString") ? "a " + type.getName() : null);
        }
        return withoutArguments(type);
    }

    /** An entity, say; null for a class that cannot be made so. */
    private static Object withoutArguments(Class<?> type) {
        try {
            Constructor<?> constructor = type.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (ReflectiveOperationException | RuntimeException none) {
            return null;
        }
    }

    private static Class<?> raw(Type type) {
        if (type instanceof Class<?> plain) {
            return plain;
        }
        if (type instanceof ParameterizedType parameterized) {
            return (Class<?>) parameterized.getRawType();
        }
        return type instanceof WildcardType wildcard ? raw(wildcard.getUpperBounds()[0]) : Object.class;
    }

    private static Type argument(Type type, int index) {
        return type instanceof ParameterizedType parameterized
                ? parameterized.getActualTypeArguments()[index]
                : Object.class;
    }

    // ---- The rule itself ------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            classes = {
                Plain.class,
                InTheName.class,
                Several.class,
                Perhaps.class,
                ByName.class,
                Nested.class,
                Bytes.class,
                Unmakeable.class
            })
    void aRecordThatPrintsOneIsFound(Class<?> planted) {
        assertThat(faults(planted)).singleElement().asString().contains(planted.getSimpleName());
    }

    @ParameterizedTest
    @ValueSource(classes = {Hidden.class, NoSecret.class, AroundHidden.class})
    void aRecordThatDoesNotIsNotFound(Class<?> harmless) {
        assertThat(faults(harmless)).isEmpty();
    }

    record Plain(String username, String password) {}

    record InTheName(UUID id, String releasedPassword) {}

    record Several(List<String> tokens) {}

    record Perhaps(Optional<String> clientSecret) {}

    record ByName(Map<String, String> secrets) {}

    record Nested(List<Plain> credentials) {}

    record Bytes(byte[] apiKey) {
        @Override
        public String toString() {
            return "Bytes[" + HexFormat.of().formatHex(apiKey) + "]";
        }
    }

    record Unmakeable(int secretsLeft) {
        Unmakeable {
            throw new IllegalArgumentException("never");
        }
    }

    record Hidden(String username, String password) {
        @Override
        public String toString() {
            return "Hidden[" + username + "]";
        }
    }

    record NoSecret(String keyId, UUID tokenId, String passwordRequirements) {}

    record AroundHidden(List<Hidden> credentials, Optional<Hidden> other) {}
}
