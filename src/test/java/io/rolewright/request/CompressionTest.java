package io.rolewright.request;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is compressed and for whom; above all what is not. */
@QuarkusTest
class CompressionTest {

    private static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    /** Fields by which an answer gives out what somebody could log in or sign with. */
    private static final Pattern SECRET =
            Pattern.compile("(?i).*\\.(.*password|secret|secretValue|.*clientSecret|accessToken|token|.*privateKey)");

    /** The name under which the password is served. */
    private static final Set<String> NO_SECRETS = Set.of("SecretsMapping.password");

    @Test
    void aLongListIsCompressedForWhoAcceptsIt() throws Exception {
        Rotating roles = Rotating.on(14);
        roles.created();
        Rotating.connection(roles.target, roles.managing);
        HttpResponse<byte[]> plain = get(CONNECTIONS, null);
        assertThat(plain.headers().firstValue("Content-Encoding")).isEmpty();
        assertThat(plain.headers().allValues("Vary")).contains("Accept-Encoding");
        assertThat(plain.body()).hasSizeGreaterThan(Gzip.SMALLEST);

        HttpResponse<byte[]> packed = get(CONNECTIONS, "br, gzip;q=0.5");
        assertThat(packed.headers().firstValue("Content-Encoding")).hasValue("gzip");
        assertThat(packed.headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("application/json"));
        assertThat(packed.headers().allValues("Vary")).contains("Accept-Encoding");
        assertThat(packed.body()).hasSizeLessThan(plain.body().length / 2);
        assertThat(new JsonObject(unpacked(packed.body())))
                .isEqualTo(new JsonObject(new String(plain.body(), StandardCharsets.UTF_8)));
    }

    @Test
    void whatFitsAPacketIsNot() throws Exception {
        HttpResponse<byte[]> small = get(CONNECTIONS + "/available?limit=1", "gzip");
        assertThat(small.statusCode()).isEqualTo(200);
        assertThat(small.body()).hasSizeLessThan(Gzip.SMALLEST);
        assertThat(small.headers().firstValue("Content-Encoding")).isEmpty();
    }

    /** Compressed together, the length would tell how much of the one is in the other. */
    @Test
    void whatHoldsASecretIsNeverCompressed() throws Exception {
        String id = Rotating.on(14).created();
        for (String path : List.of(
                Rotating.BASE + "/" + id + "/active",
                Rotating.BASE + "/" + id + "/generated-credentials",
                "/api/v4/secrets?projectId=" + Rotating.project()
                        + "&environment=production&secretPath=%2F&recursive=true")) {
            HttpResponse<byte[]> answer = get(path, "gzip");
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("Content-Encoding")).as(path).isEmpty();
        }
        HttpResponse<byte[]> list = get(
                "/api/v4/secrets?projectId=" + Rotating.project()
                        + "&environment=production&secretPath=%2F&recursive=true",
                "gzip");
        assertThat(list.body()).as("long enough").hasSizeGreaterThan(Gzip.SMALLEST);
    }

    @Test
    void noCompressibleAnswerHasAFieldForASecret() {
        JavaClasses all = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("io.rolewright");
        List<JavaMethod> compressible = all.stream()
                .flatMap(each -> each.getMethods().stream())
                .filter(method -> method.isAnnotatedWith(Compressible.class))
                .toList();
        assertThat(compressible).hasSizeGreaterThan(15);
        for (JavaMethod method : compressible) {
            Set<String> fields = new TreeSet<>();
            fields(method.reflect().getGenericReturnType(), new HashSet<>(), fields);
            assertThat(fields).as(method.getFullName()).isNotEmpty();
            fields.removeAll(NO_SECRETS);
            assertThat(fields)
                    .as(method.getFullName())
                    .noneMatch(name -> SECRET.matcher(name).matches());
        }
    }

    private static void fields(Type type, Set<Type> seen, Set<String> into) {
        if (!seen.add(type)) {
            return;
        }
        if (type instanceof ParameterizedType generic) {
            fields(generic.getRawType(), seen, into);
            for (Type argument : generic.getActualTypeArguments()) {
                fields(argument, seen, into);
            }
        } else if (type instanceof Class<?> raw && raw.isRecord()) {
            for (RecordComponent each : raw.getRecordComponents()) {
                into.add(raw.getSimpleName() + "." + each.getName());
                fields(each.getGenericType(), seen, into);
            }
        }
    }

    @Test
    void theConsolesFilesAreCompressedOnceForAll() throws Exception {
        String page = new String(get("/console/", null).body(), StandardCharsets.UTF_8);
        Matcher script = Pattern.compile("/static/bundle/app-[A-Z0-9]+\\.js").matcher(page);
        assertThat(script.find()).isTrue();
        HttpResponse<byte[]> plain = get(script.group(), null);
        for (int i = 0; i < 2; i++) {
            HttpResponse<byte[]> packed = get(script.group(), "gzip, deflate, br");
            assertThat(packed.headers().firstValue("Content-Encoding")).hasValue("gzip");
            assertThat(packed.headers().firstValue("Cache-Control")).hasValue("public, max-age=31536000, immutable");
            assertThat(packed.headers().firstValue("Content-Type"))
                    .hasValueSatisfying(type -> assertThat(type).startsWith("text/javascript"));
            assertThat(packed.headers().firstValue("Content-Security-Policy")).isPresent();
            assertThat(packed.headers().allValues("Vary")).contains("Accept-Encoding");
            assertThat(packed.body()).hasSizeLessThan(plain.body().length / 2);
            assertThat(unpacked(packed.body())).isEqualTo(new String(plain.body(), StandardCharsets.UTF_8));
        }
        assertThat(get("/static/bundle/app-00000000.js", "gzip").statusCode()).isEqualTo(404);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "gzip | true",
                "GZIP | true",
                "deflate, gzip;q=1.0, *;q=0.5 | true",
                "* | true",
                "gzip;q=0 | false",
                "gzip; q=0.000, * | false",
                "*;q=0 | false",
                "identity | false",
                "br | false",
                "'' | false"
            })
    void readsWhatIsAccepted(String header, boolean accepted) {
        assertThat(Gzip.isAccepted(header)).isEqualTo(accepted);
    }

    private static HttpResponse<byte[]> get(String path, String accepts) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create(io.restassured.RestAssured.baseURI + ":" + io.restassured.RestAssured.port + path))
                .header("Authorization", "Bearer " + Api.token());
        if (accepts != null) {
            request.header("Accept-Encoding", accepts);
        }
        return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    private static String unpacked(byte[] packed) throws IOException {
        return new String(new GZIPInputStream(new ByteArrayInputStream(packed)).readAllBytes(), StandardCharsets.UTF_8);
    }
}
