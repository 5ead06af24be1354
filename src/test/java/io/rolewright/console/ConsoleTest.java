package io.rolewright.console;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the service serves for the console; what the pages do is for a browser ({@code suite-browser}) to show. */
@QuarkusTest
class ConsoleTest {

    private static final int MOST_BYTES_GZIPPED = 60 * 1024;
    private static final Pattern FILE = Pattern.compile("(?:src|href)=\"(/[^\"]+)\"");

    @AfterAll
    static void sayWhatWasNotRun() {
        System.out.println("[INFO] The console was not opened in a browser, and its browser tests were not run:"
                + " .ci/run browser installs Chromium and runs them.");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/console/", "/console/connections", "/console/rotations/3c90c3cc-0d44-4b50-8888-8dd25736052a"})
    void everyPathIsThePageAndLockedDown(String path) {
        Response page = given().get(path).then().statusCode(200).extract().response();
        assertThat(page.contentType()).startsWith("text/html");
        assertThat(page.header("Cache-Control")).isEqualTo("no-cache");
        assertThat(page.header("X-Content-Type-Options")).isEqualTo("nosniff");
        assertThat(page.header("Referrer-Policy")).isEqualTo("no-referrer");
        assertThat(page.header("X-Frame-Options")).isEqualTo("DENY");
        assertThat(page.header("Content-Security-Policy"))
                .contains("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'")
                .contains("require-trusted-types-for 'script'")
                .doesNotContain("unsafe");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "/console"})
    void theRootLeadsThere(String path) {
        given().redirects().follow(false).get(path).then().statusCode(302).header("Location", "/console/");
    }

    @Test
    void thePageHasNoScriptOrStyleOfItsOwn() {
        String page = given().get("/console/").asString();
        assertThat(page).doesNotContainPattern("<script(?![^>]* src=)").doesNotContain("<style", "style=", "onload=");
        assertThat(files(page)).allMatch(file -> file.startsWith("/static/bundle/app-"));
    }

    @Test
    void whatItLoadsIsSmallAndKept() throws IOException {
        int total = 0;
        for (String file : files(given().get("/console/").asString())) {
            Response answer = given().get(file).then().statusCode(200).extract().response();
            assertThat(answer.header("Cache-Control")).as(file).contains("immutable");
            assertThat(answer.header("X-Content-Type-Options")).as(file).isEqualTo("nosniff");
            assertThat(answer.asString()).as(file).doesNotContain("sourceMappingURL");
            total += gzipped(answer.asByteArray());
        }
        assertThat(total).isGreaterThan(10_000).isLessThanOrEqualTo(MOST_BYTES_GZIPPED);
    }

    @Test
    void nothingElseIsUnderItsRoof() {
        given().post("/console/").then().statusCode(404);
        given().get("/api/nothing").then().statusCode(404).header("Content-Security-Policy", (String) null);
    }

    /** What is typed stays text, and a token stays in memory: the ways around both are not used. */
    @Test
    void theSourcesHaveNoWayToMakeMarkupOfTextOrToStoreAToken() throws IOException {
        try (Stream<Path> sources = Files.list(Path.of("src/main/resources/web/app"))) {
            for (Path source :
                    sources.filter(path -> path.toString().endsWith(".js")).toList()) {
                String text = Files.readString(source);
                assertThat(text)
                        .as(source.toString())
                        .doesNotContain("unsafe", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(")
                        .doesNotContain("sessionStorage", "indexedDB", "document.cookie");
                assertThat(text.replaceAll("localStorage\\.[gs]etItem\\('theme'", ""))
                        .as("only the colours are kept: %s", source)
                        .doesNotContain("localStorage");
            }
        }
    }

    private static List<String> files(String page) {
        List<String> files =
                FILE.matcher(page).results().map(match -> match.group(1)).toList();
        assertThat(files).hasSize(2);
        return files;
    }

    private static int gzipped(byte[] bytes) throws IOException {
        var zipped = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(zipped)) {
            gzip.write(bytes);
        }
        return zipped.size();
    }
}
