package io.rolewright.console;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.config.DecoderConfig;
import io.restassured.response.Response;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
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
    private static final int MOST_BYTES_LATER = 20 * 1024;

    /** As the bundler writes it: {@code from"/…/x.js"}, {@code import"/…/x.js"}, {@code import("/…/x.js")}. */
    private static final Pattern IMPORTED =
            Pattern.compile("\\b(from|import|import\\()\"(/static/bundle/[\\w-]+\\.js)\"");

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
        Map<String, Integer> opening = new TreeMap<>();
        Map<String, Integer> later = new TreeMap<>();
        for (String file : files(given().get("/console/").asString())) {
            sizes(file, opening, later);
        }
        later.keySet().removeAll(opening.keySet());
        assertThat(opening.values().stream().mapToInt(each -> each).sum())
                .as("gzipped bytes to open the console: %s", opening)
                .isGreaterThan(10_000)
                .isLessThanOrEqualTo(MOST_BYTES_GZIPPED);
        assertThat(later).as("the pages that come when they are opened").hasSize(1);
        assertThat(later.values()).allMatch(size -> size <= MOST_BYTES_LATER, "at most " + MOST_BYTES_LATER);
    }

    /** Of a file, and of what it cannot begin without; what it asks for when it is needed is sorted out. */
    private static void sizes(String file, Map<String, Integer> needed, Map<String, Integer> later) throws IOException {
        if (needed.containsKey(file)) {
            return;
        }
        Response answer = given().get(file).then().statusCode(200).extract().response();
        assertThat(answer.header("Cache-Control")).as(file).contains("immutable");
        assertThat(answer.header("X-Content-Type-Options")).as(file).isEqualTo("nosniff");
        assertThat(answer.asString()).as(file).doesNotContain("sourceMappingURL");
        assertThat(given().config(RestAssured.config()
                                .decoderConfig(DecoderConfig.decoderConfig().noContentDecoders()))
                        .header("Accept-Encoding", "gzip")
                        .get(file)
                        .header("Content-Encoding"))
                .as(file)
                .isEqualTo("gzip");
        needed.put(file, gzipped(answer.asByteArray()));
        for (MatchResult each : IMPORTED.matcher(answer.asString()).results().toList()) {
            if (each.group(1).endsWith("(")) {
                sizes(each.group(2), later, later);
            } else {
                sizes(each.group(2), needed, later);
            }
        }
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
