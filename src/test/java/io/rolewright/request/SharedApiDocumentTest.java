package io.rolewright.request;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Anybody may ask for the OpenAPI document, which is large: 400 who did so at once filled the heap that is shipped. */
@QuarkusTest
class SharedApiDocumentTest {

    private static final int REQUESTS = 20;

    @ParameterizedTest
    @CsvSource({
        "'', */*, application/yaml",
        "/, */*, application/yaml",
        ".yaml, application/json, application/yaml",
        ".yml, application/json, application/yaml",
        ".json, */*, application/json",
        "'', application/json, application/json",
        "?format=json, */*, application/json"
    })
    void isWhatWasAskedForEachTime(String path, String accept, String type) {
        String first = document(path, accept).asString();
        Response again = document(path, accept);

        assertThat(again.contentType()).isEqualTo(type + ";charset=UTF-8");
        assertThat(again.asString())
                .isEqualTo(first)
                .startsWith(type.endsWith("json") ? "{" : "---")
                .contains("loginWithUniversalAuth");
    }

    @Test
    void isNotCopiedForEachWhoAsks() {
        int length = document(".json", "*/*").asByteArray().length;
        long before = allocatedByEventLoops();

        for (int i = 0; i < REQUESTS; i++) {
            document(".json", "*/*");
        }

        assertThat(allocatedByEventLoops() - before).isLessThan((long) REQUESTS * length / 2);
    }

    private static Response document(String path, String accept) {
        Response answer = given().accept(accept).get("/api/openapi" + path);
        assertThat(answer.statusCode()).isEqualTo(200);
        return answer;
    }

    private static long allocatedByEventLoops() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] loops = Arrays.stream(threads.getThreadInfo(threads.getAllThreadIds()))
                .filter(thread -> thread != null && thread.getThreadName().startsWith("vert.x-eventloop-thread-"))
                .mapToLong(ThreadInfo::getThreadId)
                .toArray();
        assertThat(loops).isNotEmpty();
        return Arrays.stream(threads.getThreadAllocatedBytes(loops)).sum();
    }
}
