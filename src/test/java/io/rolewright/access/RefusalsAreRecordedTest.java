package io.rolewright.access;

import static io.rolewright.access.AccessTableTest.call;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import io.rolewright.access.AccessTableTest.Operation;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Every operation of the OpenAPI document, tried by strangers, by a member of another project and by who is known and lacks the right: each
 * refusal is one row, of the project whose thing it was.
 */
@QuarkusTest
class RefusalsAreRecordedTest {

    /** Parameters of a path that name a thing of a project. */
    private static final Set<String> OF_A_PROJECT =
            Set.of("projectId", "connectionId", "rotationId", "webhookId", "environmentId", "folderId", "slug");

    /** A project only narrows what they find: of another's they find nothing, as of one that is not there. */
    private static final Set<String> SEARCHES =
            Set.of("searchAuditEvents", "exportAuditEventsAsCsv", "exportAuditEventsAsJsonLines", "listTroubles");

    private static final List<String> EVERY_ROLE = List.of("admin", "operator", "reader", "consumer");

    /** @param project of which the row is to be; null for none */
    private record Refused(String what, Response answer, String project) {
        String requestId() {
            return answer.header("X-Request-Id");
        }
    }

    @Test
    void ofStrangers() {
        List<Refused> refused = new ArrayList<>();
        guarded().forEach(operation -> {
            refused.add(new Refused(
                    operation.id() + " without a token", call(operation, null, anything(), Map.of()), null));
            refused.add(new Refused(
                    operation.id() + " with a made-up token", call(operation, "s3cr3t", anything(), Map.of()), null));
        });

        assertThat(refused)
                .allSatisfy(each -> assertThat(each.answer.<String>path("code"))
                        .as(each.what)
                        .isIn("token_missing", "token_invalid"));
        recorded(refused);
    }

    @Test
    void ofWhoIsKnownAndLacksTheRight() {
        String project = Identities.project();
        Map<String, Somebody> members =
                EVERY_ROLE.stream().collect(Collectors.toMap(role -> role, role -> Identities.in(project, role)));
        Map<String, Map<String, String>> table = AccessTableTest.table();
        Map<String, String> ids = thingsOf(project);
        List<Refused> refused = new ArrayList<>();
        guarded().forEach(operation -> {
            Map<String, String> row = table.get(operation.id());
            EVERY_ROLE.stream()
                    .filter(role -> "no".equals(row.get(role)) || "org".equals(row.get(role)))
                    .forEach(role -> refused.add(new Refused(
                            operation.id() + " by " + role,
                            call(operation, members.get(role).token(), project, ids),
                            null)));
        });

        assertThat(refused)
                .hasSizeGreaterThan(100)
                .allSatisfy(each ->
                        assertThat(each.answer.statusCode()).as(each.what).isEqualTo(403));
        recorded(refused);
    }

    /** Who may do everything in a project of his, and tries it with the things of another. */
    @Test
    void ofAMemberOfAnotherProject() {
        String probed = Identities.project();
        Somebody foreigner = Identities.in(Identities.project(), EVERY_ROLE.toArray(String[]::new));
        Map<String, String> ids = thingsOf(probed);
        Map<String, Map<String, String>> table = AccessTableTest.table();
        List<Refused> refused = new ArrayList<>();
        guarded().stream()
                .filter(operation -> table.get(operation.id()).containsValue("yes"))
                .filter(RefusalsAreRecordedTest::namesAThing)
                .filter(operation -> !SEARCHES.contains(operation.id()))
                .forEach(operation -> refused.add(
                        new Refused(operation.id(), call(operation, foreigner.token(), probed, ids), probed)));

        assertThat(refused)
                .hasSizeGreaterThan(50)
                .allSatisfy(each -> assertThat(each.answer.statusCode())
                        .as("%s: %s", each.what, each.answer.asString())
                        .isIn(400, 403, 404));
        recorded(refused);
    }

    private static boolean namesAThing(Operation operation) {
        return operation.takesProject()
                || OF_A_PROJECT.stream().anyMatch(name -> operation.path().contains("{" + name + "}"));
    }

    private static List<Operation> guarded() {
        Map<String, Map<String, String>> table = AccessTableTest.table();
        return AccessTableTest.operations().values().stream()
                .filter(operation -> !Set.of("public", "token")
                        .contains(table.get(operation.id()).get("admin")))
                .toList();
    }

    private static String anything() {
        return UUID.randomUUID().toString();
    }

    private static Map<String, String> thingsOf(String project) {
        Map<String, String> ids = new HashMap<>();
        ids.put("connectionId", AccessTableTest.aConnectionIn(project));
        ids.put("rotationId", AccessTableTest.aRotationIn(project));
        ids.put("slug", Api.as().get("/api/v1/projects/" + project).path("project.slug"));
        ids.put(
                "environmentId",
                Api.as()
                        .body(Map.of("name", "Probed", "slug", "probed"))
                        .post("/api/v1/workspace/" + project + "/environments")
                        .then()
                        .statusCode(200)
                        .extract()
                        .path("environment.id"));
        ids.put(
                "folderId",
                Api.as()
                        .body(Map.of("workspaceId", project, "environment", "probed", "name", "probed", "path", "/"))
                        .post("/api/v1/folders")
                        .then()
                        .statusCode(200)
                        .extract()
                        .path("folder.id"));
        ids.put(
                "webhookId",
                Api.as()
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
                        .then()
                        .statusCode(200)
                        .extract()
                        .path("webhook.id"));
        return ids;
    }

    /** The row comes a moment after the answer. */
    private static void recorded(List<Refused> refused) {
        String ids = refused.stream().map(Refused::requestId).collect(Collectors.joining("','", "'", "'"));
        Map<String, List<String>> wanted = new TreeMap<>();
        refused.forEach(each -> wanted.put(each.what, List.of("REFUSED " + each.project)));
        await().untilAsserted(() -> {
            Map<String, List<String>> rows = new HashMap<>();
            TestStore.sql("select request_id, outcome || ' ' || coalesce(project_id::text, 'null') from audit_event"
                            + " where outcome <> 'SUCCESS' and request_id in (" + ids + ")")
                    .forEach(row -> rows.computeIfAbsent(row.getString(0), first -> new ArrayList<>())
                            .add(row.getString(1)));
            Map<String, List<String>> found = new TreeMap<>();
            refused.forEach(each -> found.put(
                    each.what,
                    rows.getOrDefault(each.requestId(), List.of()).stream()
                            .map(row -> each.project == null ? row.replaceAll(" .*", " null") : row)
                            .toList()));
            assertThat(found).containsExactlyEntriesOf(wanted);
        });
    }
}
