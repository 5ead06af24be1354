package io.rolewright.delivery;

import static io.restassured.RestAssured.given;
import static io.rolewright.rotation.Rotating.created;
import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.project;
import static io.rolewright.rotation.Rotating.rotateAtOnce;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.emptyOrNullString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.Method;
import io.restassured.response.Response;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rotations read as secrets, by the requests that Infisical's clients send. */
@QuarkusTest
class SecretsWireTest {

    private static final String RAW = "/api/v3/secrets/raw";
    private static final String V4 = "/api/v4/secrets";

    /** What says where: after it, secretPath and environment are the same for all. */
    private static Map<String, Object> at(String path) {
        Map<String, Object> query = new HashMap<>();
        query.put("projectId", project());
        query.put("environment", "production");
        query.put("secretPath", path);
        return query;
    }

    private static Response list(String path) {
        return Api.as().queryParams(at(path)).get(V4);
    }

    private static Response one(String path, String secret) {
        return Api.as().queryParams(at(path)).get(V4 + "/" + secret);
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aRotationsNamesAreSecretsThatLogIn(int major) {
        Rotating roles = Rotating.on(major);
        String name = name("secrets");
        String id = created(roles.body(name));

        Response first = list("/" + name);

        first.then()
                .statusCode(200)
                .header("Cache-Control", equalTo("no-store"))
                .body("secrets", hasSize(2))
                .body("secrets.secretKey", contains("DB_USER", "DB_PASSWORD"))
                .body("secrets.version", everyItem(equalTo(1)))
                .body("secrets.isRotatedSecret", everyItem(equalTo(true)))
                .body("secrets.rotationId", everyItem(equalTo(id)))
                .body("secrets.workspace", everyItem(equalTo(project())))
                .body("secrets.environment", everyItem(equalTo("production")))
                .body("secrets.secretPath", everyItem(equalTo("/" + name)))
                .body("secrets.type", everyItem(equalTo("shared")))
                .body("secrets.secretValueHidden", everyItem(equalTo(false)))
                .body("secrets[0].secretValue", equalTo(roles.first.role()))
                .body("imports", empty());
        assertThat(login(roles, first)).isEqualTo("ok");

        rotateAtOnce(id).then().statusCode(200);

        Response second = list("/" + name);
        second.then()
                .body("secrets.version", everyItem(equalTo(2)))
                .body("secrets[0].secretValue", equalTo(roles.second.role()))
                .body("secrets.id", equalTo(first.path("secrets.id")));
        assertThat(login(roles, second)).isEqualTo("ok");
        for (String path : List.of(V4, RAW)) {
            Api.as()
                    .queryParams(at("/" + name))
                    .get(path + "/DB_PASSWORD")
                    .then()
                    .statusCode(200)
                    .header("Cache-Control", equalTo("no-store"))
                    .body("secret", equalTo(second.path("secrets[1]")));
        }
    }

    private static String login(Rotating roles, Response list) {
        return roles.target.login(list.path("secrets[0].secretValue"), list.path("secrets[1].secretValue"));
    }

    @Test
    void aThirdNameGivesOneSecretWithAllThatALoginTakes() {
        Rotating roles = Rotating.on(14);
        String name = name("uri");
        Map<String, Object> body = roles.body(name);
        body.put("secretsMapping", mapping("DB_PASSWORD"));
        Rotating.post(body).then().statusCode(400).body("code", equalTo("secret_names_equal"));
        body.put("secretsMapping", mapping("DATABASE_URL"));
        String id = created(body);
        Api.as()
                .get(Rotating.BASE + "/" + id)
                .then()
                .body("secretRotation.secretsMapping", equalTo(mapping("DATABASE_URL")));
        Map<String, Object> another = Rotating.on(14).body(name("another"));
        another.put("secretPath", "/" + name);
        another.put("secretsMapping", Map.of("username", "ANOTHER_USER", "password", "DATABASE_URL"));
        Rotating.post(another).then().statusCode(400).body("code", equalTo("secret_name_taken"));

        Response first = list("/" + name);
        first.then().body("secrets.secretKey", contains("DB_USER", "DB_PASSWORD", "DATABASE_URL"));
        assertThat(first.<String>path("secrets[2].secretValue"))
                .isEqualTo(uri(id))
                .startsWith("postgresql://" + roles.first.role() + ":" + first.path("secrets[1].secretValue")
                        + "@127.0.0.1:")
                .contains("/postgres?sslmode=");
        assertThat(TestStore.sql(
                                "SELECT facts ->> 'secrets' FROM audit_event WHERE type = 'get-secrets' AND subject_id = '/"
                                        + name + "' ORDER BY id DESC LIMIT 1")
                        .get(0)
                        .getString(0))
                .isEqualTo("3");

        rotateAtOnce(id).then().statusCode(200);

        Response second = one(name, Map.of());
        second.then()
                .statusCode(200)
                .body("secret.version", equalTo(2))
                .body("secret.id", equalTo(first.path("secrets[2].id")));
        assertThat(second.<String>path("secret.secretValue"))
                .isEqualTo(uri(id))
                .startsWith("postgresql://" + roles.second.role() + ":");
        one(name, Map.of("version", 2)).then().statusCode(200);
        one(name, Map.of("version", 1)).then().statusCode(404).body("code", equalTo("secret_not_found"));

        // It says where to, and so it is another one when that changes, by the same password.
        String etag = second.header("ETag");
        Api.as()
                .queryParams(at("/" + name))
                .header("If-None-Match", etag)
                .get(V4 + "/DATABASE_URL")
                .then()
                .statusCode(304);
        Map<String, Object> credentials = new HashMap<>(
                Map.of("host", "127.0.0.1", "port", roles.target.port(), "database", "template1", "sslEnabled", false));
        credentials.put("username", roles.managing.role());
        credentials.put("password", roles.managing.password());
        Api.as()
                .body(Map.of("credentials", credentials))
                .patch("/api/v1/app-connections/postgres/" + roles.connection)
                .then()
                .statusCode(200);
        Response moved = Api.as()
                .queryParams(at("/" + name))
                .header("If-None-Match", etag)
                .get(V4 + "/DATABASE_URL");
        moved.then().statusCode(200).body("secret.version", equalTo(2));
        assertThat(moved.<String>path("secret.secretValue")).isEqualTo(uri(id)).contains("/template1?");
        assertThat(one(name, Map.of("viewSecretValue", false)).<String>path("secret.secretValue"))
                .isEqualTo("<hidden-by-infisical>");

        // Clients that know of two names leave the third as it is.
        change(id, Map.of("username", "DB_USER", "password", "DB_PASS"));
        list("/" + name).then().body("secrets.secretKey", contains("DB_USER", "DB_PASS", "DATABASE_URL"));
        change(id, Map.of("username", "DB_USER", "password", "DB_PASS", "uri", ""));
        list("/" + name).then().body("secrets.secretKey", contains("DB_USER", "DB_PASS"));
        one(name, Map.of()).then().statusCode(404).body("code", equalTo("secret_not_found"));
        assertThat(TestStore.sql("SELECT facts ->> 'formerSecrets' FROM outbox_fact WHERE subject_id = '" + id
                                + "' AND type = 'rotation.secrets-renamed' ORDER BY position DESC LIMIT 1")
                        .get(0)
                        .getString(0))
                .contains("DATABASE_URL");
    }

    private static Map<String, String> mapping(String uri) {
        return Map.of("username", "DB_USER", "password", "DB_PASSWORD", "uri", uri);
    }

    private static void change(String id, Map<String, String> mapping) {
        Api.as()
                .body(Map.of("secretsMapping", mapping))
                .patch(Rotating.BASE + "/" + id)
                .then()
                .statusCode(200);
    }

    private static String uri(String id) {
        return Api.as()
                .get(Rotating.BASE + "/" + id + "/active?format=uri")
                .asString()
                .strip();
    }

    private static Response one(String name, Map<String, Object> more) {
        return Api.as().queryParams(at("/" + name)).queryParams(more).get(V4 + "/DATABASE_URL");
    }

    /** As @infisical/sdk 5.0.2, the go-sdk 0.8.0 and the operators that use it send them. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "/api/v3/secrets/raw?workspaceId=ID&environment=production&expandSecretReferences=true"
                        + "&include_imports=false&recursive=false&secretPath=PATH&viewSecretValue=true",
                "/api/v3/secrets/raw/DB_PASSWORD?secretName=DB_PASSWORD&workspaceId=ID&environment=production"
                        + "&expandSecretReferences=true&includeImports=false&secretPath=PATH&viewSecretValue=true",
                "/api/v3/secrets/raw?environment=production&expandSecretReferences=true&include_imports=true"
                        + "&recursive=false&secretPath=PATH&workspaceId=&workspaceSlug=default",
                "/api/v3/secrets/raw/DB_PASSWORD?environment=production&expandSecretReferences=true"
                        + "&include_imports=true&secretPath=PATH&type=shared&workspaceSlug=default",
                "/api/v4/secrets?projectId=ID&environment=production&secretPath=PATH&recursive=false",
                "/api/v4/secrets/DB_PASSWORD?projectId=ID&environment=production&secretPath=PATH&type=&version=1",
                "/api/v4/secrets?projectSlug=default&environment=production&secretPath=PATH%2F&viewSecretValue=True",
            })
    void takesEverySpellingOfRealClients(String request) {
        Rotating roles = Rotating.on(14);
        String name = name("spelling");
        created(roles.body(name));

        Response answer = Api.as()
                .urlEncodingEnabled(false)
                .get(request.replace("=ID", "=" + project()).replace("=PATH", "=%2F" + name));

        answer.then().statusCode(200);
        List<Map<String, Object>> secrets = request.contains("/DB_PASSWORD?")
                ? List.of(answer.<Map<String, Object>>path("secret"))
                : answer.path("secrets");
        assertThat(secrets)
                .filteredOn("secretKey", "DB_PASSWORD")
                .singleElement()
                .satisfies(
                        secret -> assertThat(roles.target.login(roles.first.role(), (String) secret.get("secretValue")))
                                .isEqualTo("ok"));
    }

    @Test
    void answersNotModifiedWhileNothingHasChanged() {
        Rotating roles = Rotating.on(14);
        String name = name("etag");
        String id = created(roles.body(name));
        String list = list("/" + name).header("ETag");
        String single = one("/" + name, "DB_PASSWORD").header("ETag");
        assertThat(list).matches("\"[A-Za-z0-9_-]{43}\"").isNotEqualTo(single);
        long audited = reads();

        for (String known : List.of(list, "W/" + list, "\"other\", " + list)) {
            known("/" + name, known)
                    .then()
                    .statusCode(304)
                    .header("ETag", equalTo(list))
                    .body(emptyOrNullString());
        }
        assertThat(reads()).as("nothing is given out by a 304").isEqualTo(audited);
        known("/" + name, single).then().statusCode(200);
        // Another question, whose answer is another one, or might be.
        Api.as()
                .queryParams(at("/" + name))
                .queryParam("tagSlugs", "any")
                .header("If-None-Match", list)
                .get(V4)
                .then()
                .statusCode(200)
                .body("secrets", empty());
        Api.as()
                .queryParams(at("/" + name))
                .queryParam("recursive", true)
                .header("If-None-Match", list)
                .get(V4)
                .then()
                .statusCode(200);
        Api.as()
                .queryParams(at("/" + name))
                .queryParam("viewSecretValue", false)
                .header("If-None-Match", list)
                .get(V4)
                .then()
                .statusCode(200);

        rotateAtOnce(id).then().statusCode(200);
        known("/" + name, list).then().statusCode(200).header("ETag", not(equalTo(list)));
        String rotated = list("/" + name).header("ETag");
        Api.as()
                .body(Map.of("secretsMapping", Map.of("username", "DB_USER", "password", "RENAMED")))
                .patch(Rotating.BASE + "/" + id)
                .then()
                .statusCode(200);
        known("/" + name, rotated).then().statusCode(200).body("secrets[1].secretKey", equalTo("RENAMED"));
        one("/" + name, "DB_PASSWORD").then().statusCode(404).body("code", equalTo("secret_not_found"));
    }

    private static Response known(String path, String etag) {
        return Api.as().queryParams(at(path)).header("If-None-Match", etag).get(V4);
    }

    private static long reads() {
        return TestStore.sql("SELECT count(*) FROM audit_event WHERE type IN ('get-secret', 'get-secrets')")
                .get(0)
                .getLong(0);
    }

    @Test
    void everyValueThatIsGivenOutIsAudited() {
        Rotating roles = Rotating.on(14);
        String name = name("audited");
        created(roles.body(name));

        String password = one("/" + name, "DB_PASSWORD").path("secret.secretValue");
        one("/" + name, "ABSENT").then().statusCode(404);

        var rows = TestStore.sql(
                "SELECT outcome, subject_id, facts::text, reason FROM audit_event WHERE type = 'get-secret'"
                        + " AND facts::text LIKE '%" + name + "%' ORDER BY id");
        assertThat(rows).hasSize(2);
        assertThat(rows.get(0).getString(0)).isEqualToIgnoringCase("success");
        assertThat(rows.get(0).getString(1)).isEqualTo("DB_PASSWORD");
        assertThat(rows.get(0).getString(2)).doesNotContain(password);
        assertThat(rows.get(1).getString(3)).isEqualTo("secret_not_found");
    }

    @Test
    void readsBelowAPathOnlyWhenAsked() {
        Rotating one = Rotating.on(14);
        Rotating other = Rotating.on(14);
        Rotating beside = Rotating.on(14);
        String name = name("below");
        created(one.body(name));
        Map<String, Object> deeper = other.body(name("deeper"));
        deeper.put("secretPath", "/" + name + "/deeper");
        created(deeper);
        Map<String, Object> neighbour = beside.body(name("neighbour"));
        neighbour.put("secretPath", "/" + name + "-0");
        created(neighbour);

        list("/" + name).then().body("secrets", hasSize(2));
        Api.as()
                .queryParams(at("/" + name))
                .queryParam("recursive", true)
                .get(V4)
                .then()
                .body(
                        "secrets.secretPath",
                        contains("/" + name, "/" + name, "/" + name + "/deeper", "/" + name + "/deeper"));
        List<String> all = Api.as()
                .queryParams(at("/"))
                .queryParam("recursive", "1")
                .get(V4)
                .then()
                .statusCode(200)
                .extract()
                .path("secrets.secretPath");
        assertThat(all).contains("/" + name, "/" + name + "/deeper", "/" + name + "-0");
        Map<String, Object> elsewhere = at("/" + name);
        elsewhere.put("environment", "staging");
        Api.as().queryParams(elsewhere).get(RAW).then().statusCode(200).body("secrets", empty());
    }

    @Test
    void showsWhatThereIsWithoutValuesOnRequest() {
        Rotating roles = Rotating.on(14);
        String name = name("hidden");
        created(roles.body(name));
        long audited = reads();

        Api.as()
                .queryParams(at("/" + name))
                .queryParam("viewSecretValue", "false")
                .get(V4)
                .then()
                .statusCode(200)
                .body("secrets.secretKey", contains("DB_USER", "DB_PASSWORD"))
                .body("secrets.secretValueHidden", everyItem(equalTo(true)))
                .body("secrets.secretValue", everyItem(equalTo("<hidden-by-infisical>")));
        assertThat(reads()).isEqualTo(audited);
        Api.as()
                .queryParams(at("/" + name))
                .queryParam("tagSlugs", "mine")
                .get(RAW)
                .then()
                .statusCode(200)
                .body("secrets", empty());
    }

    @Test
    void saysWhatIsWrongWithARequest() {
        Api.as().get(V4).then().statusCode(422).body("message[0].path[0]", equalTo("projectId"));
        Api.as()
                .queryParam("projectId", project())
                .get(V4)
                .then()
                .statusCode(422)
                .body("message[0].path[0]", equalTo("environment"));
        for (String path : List.of("/a/../b", "/a//b", "/a b", "/" + "a".repeat(1001), "/\0")) {
            list(path).then().statusCode(422).body("message[0].path[0]", equalTo("secretPath"));
        }
        for (Map.Entry<String, String> wrong : Map.of(
                        "environment", "a\0b", "viewSecretValue", "perhaps", "recursive", "2")
                .entrySet()) {
            Map<String, Object> query = at("/");
            query.put(wrong.getKey(), wrong.getValue());
            Api.as()
                    .queryParams(query)
                    .get(RAW)
                    .then()
                    .statusCode(422)
                    .body("message[0].path[0]", equalTo(wrong.getKey()));
        }
        Map<String, Object> nowhere = at("/");
        nowhere.put("projectId", UUID.randomUUID().toString());
        Api.as().queryParams(nowhere).get(V4).then().statusCode(404).body("code", equalTo("project_not_found"));
        for (String slug : List.of("no-such-project", "\0")) {
            Api.as()
                    .queryParams("workspaceSlug", slug, "environment", "production")
                    .get(RAW)
                    .then()
                    .statusCode(404)
                    .body("code", equalTo("project_not_found"));
        }
        for (String secret : List.of("ABSENT", "%00", "a%2Fb", "x".repeat(300))) {
            Api.as()
                    .urlEncodingEnabled(false)
                    .queryParams("projectId", project(), "environment", "production")
                    .get(V4 + "/" + secret)
                    .then()
                    .statusCode(404);
        }
        given().queryParams(at("/")).get(V4).then().statusCode(401);
        given().header("Authorization", "Bearer no-such-token")
                .queryParams(at("/"))
                .get(RAW)
                .then()
                .statusCode(403)
                .body("error", equalTo("TokenError"));
    }

    private static Response version(String path, String secret, Object number) {
        return Api.as().queryParams(at(path)).queryParam("version", number).get(RAW + "/" + secret);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void servesEarlierVersionsThatWereServedUnderTheName(boolean dual) {
        Rotating roles = Rotating.on(14);
        String name = name("version");
        Map<String, Object> body = roles.body(name);
        if (!dual) {
            body.put("strategy", "single");
            body.put("parameters", Map.of("username1", roles.first.role()));
        }
        String id = created(body);
        List<Object> passwords = new ArrayList<>();
        List<Object> names = new ArrayList<>();
        for (int version = 1; version <= 3; version++) {
            if (version > 1) {
                rotateAtOnce(id).then().statusCode(200);
            }
            passwords.add(one("/" + name, "DB_PASSWORD").path("secret.secretValue"));
            names.add(one("/" + name, "DB_USER").path("secret.secretValue"));
        }
        List<String> etags = new ArrayList<>();
        for (int version = 1; version <= 3; version++) {
            Response password = version("/" + name, "DB_PASSWORD", version);
            password.then()
                    .statusCode(200)
                    .header("Cache-Control", equalTo("no-store"))
                    .body("secret.version", equalTo(version))
                    .body("secret.rotationId", equalTo(id))
                    .body("secret.secretValue", equalTo(passwords.get(version - 1)));
            version("/" + name, "DB_USER", version).then().body("secret.secretValue", equalTo(names.get(version - 1)));
            etags.add(password.header("ETag"));
        }
        assertThat(etags).doesNotHaveDuplicates();
        assertThat(TestStore.sql("SELECT facts ->> 'version' AS version FROM audit_event WHERE type = 'get-secret'"
                                + " AND subject_id = 'DB_PASSWORD' AND facts ->> 'secretPath' = '/" + name
                                + "' AND facts ? 'version' ORDER BY at")
                        .stream()
                        .map(row -> row.getString("version")))
                .containsExactly("1", "2", "3");

        // Another name: versions that were served under it only, from the one that is served now on.
        Api.as()
                .body(Map.of("secretsMapping", Map.of("username", "DB_USER", "password", "NEW_PASSWORD")))
                .patch(Rotating.BASE + "/" + id)
                .then()
                .statusCode(200);
        rotateAtOnce(id).then().statusCode(200);
        version("/" + name, "NEW_PASSWORD", 3)
                .then()
                .statusCode(200)
                .body("secret.secretValue", equalTo(passwords.get(2)));
        version("/" + name, "NEW_PASSWORD", 2)
                .then()
                .statusCode(404)
                .body("message", containsString("served under this name"));
        version("/" + name, "DB_PASSWORD", 2).then().statusCode(404);
        version("/" + name, "DB_USER", 2).then().statusCode(200).body("secret.secretValue", equalTo(names.get(1)));

        // What is no proven password of the rotation's roles is nothing, whatever the store says.
        TestStore.sql("UPDATE served_version SET version_id = (SELECT id FROM password_version WHERE role_id NOT IN"
                + " (SELECT role_id FROM served_version WHERE rotation_id = '" + id
                + "') LIMIT 1) WHERE rotation_id = '" + id
                + "' AND version = 1");
        version("/" + name, "DB_USER", 1).then().statusCode(404);
    }

    @Test
    void servesNoVersionThatThereIsNot() {
        Rotating roles = Rotating.on(14);
        String name = name("version");
        String id = created(roles.body(name));
        rotateAtOnce(id).then().statusCode(200);

        for (Map.Entry<String, Integer> version : Map.of("2", 200, "1", 200, "3", 404, "", 200, "0", 404, "two", 422)
                .entrySet()) {
            version("/" + name, "DB_PASSWORD", version.getKey()).then().statusCode(version.getValue());
        }
        Api.as()
                .queryParams(at("/" + name))
                .queryParam("type", "personal")
                .get(RAW + "/DB_PASSWORD")
                .then()
                .statusCode(404);
    }

    @Test
    void refusesToBeWritten() {
        for (String path : List.of(RAW, RAW + "/A", V4, V4 + "/A", "/api/v3/secrets/batch/raw", V4 + "/batch")) {
            for (Method method : List.of(Method.POST, Method.PATCH, Method.DELETE)) {
                Api.as()
                        .body(Map.of("workspaceId", project(), "environment", "production", "secretValue", "x"))
                        .request(method, path)
                        .then()
                        .statusCode(405)
                        .header("Allow", startsWith("GET"))
                        .body("code", equalTo("secrets_read_only"))
                        .body("message", containsString("secretsMapping"));
                given().body("{}").request(method, path).then().statusCode(401);
            }
        }
    }

    /** A version number, once anybody has seen it, is the least that anybody sees; and each has one password. */
    @Test
    void nobodySeesAnOlderVersionThanWasServed() {
        Rotating roles = Rotating.on(18);
        String name = name("monotone");
        Map<String, Object> body = roles.body(name);
        body.put("strategy", "single");
        body.put("parameters", Map.of("username1", roles.first.role()));
        String id = created(body);
        AtomicBoolean over = new AtomicBoolean();
        AtomicLong served = new AtomicLong();
        Map<Integer, String> passwords = new ConcurrentHashMap<>();

        List<CompletableFuture<Integer>> readers = List.of(V4, RAW, V4, RAW).stream()
                .map(path -> CompletableFuture.supplyAsync(() -> {
                    int reads = 0;
                    while (!over.get()) {
                        long least = served.get();
                        Response read = Api.as().queryParams(at("/" + name)).get(path);
                        int version = read.path("secrets[1].version");
                        assertThat((long) version).isGreaterThanOrEqualTo(least);
                        assertThat((Integer) read.path("secrets[0].version")).isEqualTo(version);
                        String password = read.path("secrets[1].secretValue");
                        assertThat(passwords.putIfAbsent(version, password)).isIn(null, password);
                        served.accumulateAndGet(version, Math::max);
                        reads++;
                    }
                    return reads;
                }))
                .toList();
        try {
            for (int rotated = 2; rotated <= 6; rotated++) {
                rotateAtOnce(id).then().statusCode(200);
                list("/" + name).then().body("secrets[1].version", equalTo(rotated));
            }
        } finally {
            over.set(true);
        }

        assertThat(readers).allSatisfy(reader -> assertThat(reader.join()).isPositive());
        assertThat(passwords.values()).doesNotHaveDuplicates();
    }
}
