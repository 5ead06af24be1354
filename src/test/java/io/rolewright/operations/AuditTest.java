package io.rolewright.operations;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.hasSize;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
class AuditTest {

    /** The tests share a table that only grows, so each has its own subject. */
    private String subject;

    private final UUID actor = UUID.randomUUID();
    private String project;

    @BeforeEach
    void fiveEvents() {
        subject = UUID.randomUUID().toString();
        project = Identities.project();
        for (int i = 1; i <= 5; i++) {
            TestStore.sql(
                    "insert into audit_event (at, type, outcome, actor_id, actor_name, address, request_id, project_id,"
                            + " subject_kind, subject_id, reason, facts) values ('2026-10-2" + i + "T00:00:00.00000" + i
                            + "Z', 'test-" + (i % 2 == 0 ? "even" : "odd") + "', '" + (i == 5 ? "REFUSED" : "SUCCESS")
                            + "', '"
                            + actor + "', '=1+1', '192.0.2." + i + "', 'req-" + subject + i + "', "
                            + (i < 3 ? "'" + project + "'" : "null") + ", 'thing', '" + subject
                            + "', null, '{\"n\": " + i + ", \"note\": \"a \\\"quoted\\\", word\"}')");
        }
    }

    /** Also of what decides who gets in from where. */
    @Test
    void anUpdateSaysWhatChanged() {
        var somebody = Identities.with("consumer");
        Api.as()
                .body(Map.of(
                        "accessTokenTTL", 600, "clientSecretTrustedIps", List.of(Map.of("ipAddress", "192.0.2.0/24"))))
                .patch("/api/v1/auth/universal-auth/identities/" + somebody.id())
                .then()
                .statusCode(200);
        Api.as()
                .body(Map.of("description", "another", "hasDeleteProtection", true))
                .patch("/api/v1/projects/" + project)
                .then()
                .statusCode(200);

        assertThat(facts("set-identity-auth-method", somebody.id()))
                .containsEntry("accessTokenTTL", 600)
                .containsEntry("clientSecretTrustedIps", List.of("192.0.2.0/24"));
        assertThat(facts("update-project", project))
                .containsEntry("descriptionUpdated", true)
                .containsEntry("hasDeleteProtection", true);
    }

    private static Map<String, Object> facts(String type, String subject) {
        return TestStore.sql("select facts from audit_event where type = '" + type + "' and subject_id = '" + subject
                        + "' order by id desc limit 1")
                .get(0)
                .getJsonObject("facts")
                .getMap();
    }

    /** Of what is refused, whether the endpoint thinks of a row or not. */
    @Nested
    class Refused {

        @ParameterizedTest
        @CsvSource({
            "GET, /api/v1/identities",
            "GET, /api/v1/keys",
            "GET, /api/v1/audit-events",
            "GET, /api/v1/audit-events/export.csv",
            "GET, /api/v1/auth/signing-keys",
            "GET, /api/v1/webhooks",
            "GET, /api/v1/store",
            "POST, /api/v1/store/adopt",
            "POST, /api/v1/rotations/run-due"
        })
        void isRecordedOnce(String method, String path) {
            var somebody = Identities.with("consumer");

            somebody.as().request(method, path).then().statusCode(403);

            await().untilAsserted(() -> assertThat(refusals(somebody.id())).hasSize(1));
            assertThat(refusals(somebody.id()).get(0).getString("reason")).isEqualTo("permission_denied");
        }

        /** The answer is that there is no such thing; the team whose thing it is sees who asked. */
        @Test
        void aTryFromAnotherProjectIsSeenByTheOneThatWasProbed() {
            var somebody = Identities.in(Identities.project(), "operator");
            String webhook = Api.as()
                    .body(Map.of(
                            "projectId",
                            project,
                            "name",
                            "probed",
                            "url",
                            "https://127.0.0.1:1/hook",
                            "events",
                            List.of("rotation.failed")))
                    .post("/api/v1/webhooks")
                    .path("webhook.id");

            somebody.as().get("/api/v1/webhooks/" + webhook).then().statusCode(404);
            somebody.as().get("/api/v1/webhooks/" + UUID.randomUUID()).then().statusCode(404);

            await().untilAsserted(() -> assertThat(refusals(somebody.id())).hasSize(1));
            var row = refusals(somebody.id()).get(0);
            assertThat(row.getUUID("project_id").toString()).isEqualTo(project);
            assertThat(row.getString("type")).isEqualTo("access-refused");
            assertThat(row.getJsonObject("facts").getString("path")).endsWith(webhook);
        }

        /** Who has no token, or one that does not count: what he has made up is not kept. */
        @ParameterizedTest
        @CsvSource({"token_missing,", "token_invalid, Bearer s3cr3t"})
        void ofAStrangerIsRecordedOnce(String reason, String authorization) {
            var request = given();
            if (authorization != null) {
                request.header("Authorization", authorization);
            }

            var answer = request.get("/api/v1/webhooks/" + UUID.randomUUID());

            answer.then().body("code", equalTo(reason));
            await().untilAsserted(() ->
                    assertThat(rowsOf(answer.header("X-Request-Id"))).hasSize(1));
            var row = rowsOf(answer.header("X-Request-Id")).get(0);
            assertThat(row.getString("reason")).isEqualTo(reason);
            assertThat(row.getString("type")).isEqualTo("access-refused");
            assertThat(row.getUUID("actor_id")).isNull();
            assertThat(row.getJsonObject("facts").getMap())
                    .containsEntry("method", "GET")
                    .containsEntry("path", "/api/v1/webhooks/{webhookId}");
        }

        private List<Row> rowsOf(String request) {
            return TestStore.sql("select type, reason, actor_id, facts from audit_event where request_id = '" + request
                    + "' order by id");
        }

        private List<Row> refusals(String id) {
            return TestStore.sql("select type, reason, project_id, facts from audit_event where actor_id = '" + id
                    + "' and outcome = 'REFUSED' order by id");
        }
    }

    @Nested
    class Searched {

        @Test
        void showsTheNewestFirst() {
            search("subjectId=" + subject)
                    .body("auditEvents.facts.n", equalTo(List.of(5, 4, 3, 2, 1)))
                    .body("auditEvents[0].at", equalTo("2026-10-25T00:00:00.000Z"))
                    .body("auditEvents[0].outcome", equalTo("refused"))
                    .body("auditEvents[0].actorId", equalTo(actor.toString()))
                    .body("auditEvents[4].projectId", equalTo(project))
                    .body("nextCursor", equalTo(null));
        }

        @ParameterizedTest
        @CsvSource({
            "type=test-even, 2",
            "outcome=refused, 1",
            "address=192.0.2.3, 1",
            "subjectKind=thing, 5",
            "subjectKind=other, 0",
            "from=2026-10-23T00:00:00Z, 3",
            "to=2026-10-23T00:00:00Z, 2",
            "from=2026-10-22T00:00:00Z&to=2026-10-24T00:00:00Z&type=test-odd, 1"
        })
        void isNarrowedByFilters(String filter, int rows) {
            search("subjectId=" + subject + "&" + filter).body("auditEvents", hasSize(rows));
        }

        @Test
        void isNarrowedByIds() {
            search("actorId=" + actor).body("auditEvents", hasSize(5));
            search("requestId=req-" + subject + "2").body("auditEvents", hasSize(1));
            search("subjectId=" + subject + "&projectId=" + project).body("auditEvents", hasSize(2));
        }

        @Test
        void takesNoFilterForSql() {
            search("subjectId=" + subject + "'%20or%20'1'%3D'1").body("auditEvents", empty());
        }

        @Test
        void goesInPagesThatNeitherRepeatNorLose() {
            List<Integer> seen = new ArrayList<>();
            String cursor = null;
            do {
                var page = search("subjectId=" + subject + "&limit=2" + (cursor == null ? "" : "&cursor=" + cursor))
                        .extract();
                seen.addAll(page.<List<Integer>>path("auditEvents.facts.n"));
                cursor = page.path("nextCursor");
                // A row of the same moment as one that was shown.
                TestStore.sql("insert into audit_event (type, outcome, subject_id, facts) values ('later', 'SUCCESS', '"
                        + subject + "', '{\"n\": 99}')");
            } while (cursor != null);

            assertThat(seen).containsExactly(5, 4, 3, 2, 1);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "limit=0",
                    "limit=1001",
                    "limit=x",
                    "cursor=x",
                    "cursor=MjAyNg",
                    "outcome=perhaps",
                    "actorId=me",
                    "type=a%00b",
                    "address=%00",
                    "requestId=%E2%80%AE",
                    "subjectKind=%00",
                    "subjectId=%0A",
                    "from=yesterday"
                })
        void isRefusedWhenMalformed(String query) {
            for (String path : List.of("", "/export.csv", "/export.jsonl")) {
                boolean ofPages = query.startsWith("limit") || query.startsWith("cursor");
                if (path.isEmpty() || !ofPages) {
                    Api.as()
                            .urlEncodingEnabled(false)
                            .get("/api/v1/audit-events" + path + "?" + query)
                            .then()
                            .statusCode(422);
                }
            }
        }

        @Test
        void isItselfRecorded() {
            var somebody = Identities.with("admin");

            somebody.as().get("/api/v1/audit-events?limit=1").then().statusCode(200);

            search("actorId=" + somebody.id() + "&type=get-audit-logs").body("auditEvents", hasSize(1));
        }

        private ValidatableResponse search(String query) {
            return given().urlEncodingEnabled(false)
                    .header("Authorization", "Bearer " + Api.token())
                    .get("/api/v1/audit-events?" + query)
                    .then()
                    .statusCode(200);
        }
    }

    @Nested
    class OfAProject {

        @Test
        void isShownToItsAdministratorAndNothingElse() {
            var admin = Identities.in(project, "admin");

            admin.as()
                    .get("/api/v1/audit-events?subjectId=" + subject)
                    .then()
                    .statusCode(200)
                    .body("auditEvents", hasSize(2))
                    .body("auditEvents.projectId", everyItem(equalTo(project)));
            admin.as()
                    .get("/api/v1/audit-events?projectId=" + Identities.project())
                    .then()
                    .statusCode(200)
                    .body("auditEvents", empty());
        }
    }

    @Nested
    class Exported {

        @Test
        void asCsvThatNoSpreadsheetRuns() {
            var csv = Api.as()
                    .get("/api/v1/audit-events/export.csv?subjectId=" + subject)
                    .then()
                    .statusCode(200)
                    .contentType(containsString("text/csv"))
                    .header("Content-Disposition", containsString("audit.csv"))
                    .header("Cache-Control", "no-store")
                    .extract()
                    .asString()
                    .split("\r\n");

            assertThat(csv).hasSize(6);
            assertThat(csv[0]).startsWith("id,at,type,outcome,actorId,");
            assertThat(csv[1])
                    .contains(",2026-10-25T00:00:00.000Z,test-odd,refused,")
                    .contains(",'=1+1,")
                    .endsWith("\"{\"\"n\"\": 5, \"\"note\"\": \"\"a \\\"\"quoted\\\"\", word\"\"}\"");
        }

        @Test
        void asJsonLines() {
            var lines = Api.as()
                    .get("/api/v1/audit-events/export.jsonl?subjectId=" + subject)
                    .then()
                    .statusCode(200)
                    .contentType(containsString("application/x-ndjson"))
                    .extract()
                    .asString()
                    .split("\n");

            assertThat(lines).hasSize(5);
            assertThat(new JsonObject(lines[0]).getJsonObject("facts").getInteger("n"))
                    .isEqualTo(5);
            assertThat(new JsonObject(lines[4]).getString("projectId")).isEqualTo(project);
        }

        @Test
        void inManyPagesWithoutLossOrRepetition() {
            TestStore.sql("insert into audit_event (at, type, outcome, subject_id, facts) select"
                    + " '2026-11-01T00:00:00Z'::timestamptz + (n / 7) * interval '1 ms', 'bulk', 'SUCCESS', '" + subject
                    + "', jsonb_build_object('n', n) from generate_series(1, 2345) n");

            var lines = Api.as()
                    .get("/api/v1/audit-events/export.jsonl?type=bulk&subjectId=" + subject)
                    .asString()
                    .split("\n");

            assertThat(List.of(lines).stream()
                            .map(line ->
                                    new JsonObject(line).getJsonObject("facts").getInteger("n")))
                    .hasSize(2345)
                    .doesNotHaveDuplicates();
        }

        @Test
        void notToWhomItIsNotFor() {
            Identities.with("operator")
                    .as()
                    .get("/api/v1/audit-events/export.csv")
                    .then()
                    .statusCode(403)
                    .body("code", equalTo("permission_denied"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    plain        | plain
                    a,b          | "a,b"
                    a"b          | "a""b"
                    =1+1         | '=1+1
                    +49          | '+49
                    -1           | '-1
                    @sum         | '@sum
                    """)
    void aCellIsQuotedAndHarmless(String text, String cell) {
        assertThat(AuditResource.cell(text)).isEqualTo(cell);
    }

    /** Some spreadsheets look behind them. */
    @Test
    void aCellThatBeginsWithATabOrReturnIsHarmless() {
        assertThat(AuditResource.cell("\t=1+1")).isEqualTo("'\t=1+1");
        assertThat(AuditResource.cell("\r=1+1")).isEqualTo("\"'\r=1+1\"");
    }

    @Test
    void readsOfConnectionsAreRecordedUnderTheReferencesNames() {
        var reader = Identities.with("reader");

        reader.as().get("/api/v1/app-connections/postgres").then().statusCode(200);
        reader.as().get("/api/v1/app-connections/postgres/available").then().statusCode(403);
        Identities.with("operator")
                .as()
                .get("/api/v1/app-connections/postgres/available")
                .then()
                .statusCode(200);

        assertThat(TestStore.sql(
                        "select facts ->> 'app' from audit_event where type = 'get-app-connections' and actor_id = '"
                                + reader.id() + "'"))
                .hasSize(1)
                .allSatisfy(row -> assertThat(row.getString(0)).isEqualTo("postgres"));
        assertThat(TestStore.sql("select from audit_event where type = 'get-available-app-connections-details'"))
                .isNotEmpty();
    }
}
