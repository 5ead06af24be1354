package io.rolewright.request;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestStore;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A caller finds his request again by the ids that he has sent: in the answer, in the audit and in the log. */
@QuarkusTest
class TraceContextTest {

    private static final String OURS = "req-[0-9a-f]{20}";

    private final String trace = UUID.randomUUID().toString().replace("-", "");
    private final String parent = "00-" + trace + "-00f067aa0ba902b7-01";

    private static Response asked(String name, String value) {
        return given().header(name, value).get("/api/v1/projects");
    }

    @Test
    void theCallersIdIsKeptInAnswerErrorAuditAndLog() {
        String id = "deploy-" + UUID.randomUUID();
        given().header("X-Request-Id", id)
                .get("/api/v1/projects")
                .then()
                .statusCode(401)
                .header("X-Request-Id", equalTo(id))
                .body("reqId", equalTo(id));

        List<ExtLogRecord> lines = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord line) {
                lines.add(ExtLogRecord.wrap(line));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger.getLogger("rolewright.audit").addHandler(handler);
        try {
            Api.as()
                    .header("X-Request-Id", id)
                    .header("traceparent", parent)
                    .get("/api/v1/audit-events")
                    .then()
                    .statusCode(200)
                    .header("X-Request-Id", equalTo(id))
                    .header("traceresponse", matchesPattern("00-" + trace + "-[0-9a-f]{16}-00"));
        } finally {
            Logger.getLogger("rolewright.audit").removeHandler(handler);
        }

        assertThat(TestStore.sql("SELECT facts->>'traceId' FROM audit_event WHERE request_id = '" + id
                                + "' AND outcome = 'SUCCESS'")
                        .get(0)
                        .getString(0))
                .isEqualTo(trace);
        assertThat(lines)
                .filteredOn(line -> id.equals(line.getMdc("requestId")) && "SUCCESS".equals(line.getMdc("outcome")))
                .singleElement()
                .satisfies(line -> {
                    assertThat(line.getMdc("traceId")).isEqualTo(trace);
                    assertThat(line.getMdc("spanId")).matches("[0-9a-f]{16}");
                });
    }

    @Test
    void aTraceAloneIsTheBeginningOfTheId() {
        String id = Api.as()
                .header("traceparent", parent)
                .get("/api/v1/audit-events")
                .then()
                .statusCode(200)
                .extract()
                .header("X-Request-Id");

        assertThat(id).matches(trace + "-[0-9a-f]{16}");
        assertThat(TestStore.sql("SELECT FROM audit_event WHERE request_id = '" + id + "'"))
                .hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "a b",
                "<script>",
                "ä",
                "a%0d%0ab",
                "-a",
                "req-00000000000000000000",
                "due-1",
                "a\"b",
                "a,b",
                "../../etc"
            })
    void anIdThatIsNoneIsIgnoredAndNotSentBack(String id) {
        asked("X-Request-Id", id).then().statusCode(401).header("X-Request-Id", matchesPattern(OURS));
    }

    @Test
    void anIdThatIsTooLongOrSentTwiceIsIgnored() {
        assertThat(TraceContext.of(List.of("x".repeat(128)), List.of()).id()).hasSize(128);
        assertThat(TraceContext.of(List.of("x".repeat(129)), List.of()).id()).matches(OURS);
        assertThat(TraceContext.of(List.of("one", "two"), List.of()).id()).matches(OURS);
        assertThat(TraceContext.of(List.of(), List.of(parent, parent)).traceId())
                .isNull();
    }

    /** W3C Trace Context, level 1, §3.2.2. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
                "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
                "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
                "<script>"
            })
    void aTraceParentThatIsNoneIsIgnoredAndNotSentBack(String malformed) {
        asked("traceparent", malformed)
                .then()
                .statusCode(401)
                .header("X-Request-Id", matchesPattern(OURS))
                .header("traceresponse", nullValue());
    }

    @Test
    void aLaterVersionIsReadAsFarAsThisOneGoes() {
        for (String later : List.of("01-" + parent.substring(3), "cc-" + parent.substring(3) + "-what-comes-then")) {
            assertThat(TraceContext.of(List.of(), List.of(later)).traceId()).isEqualTo(trace);
        }
    }
}
