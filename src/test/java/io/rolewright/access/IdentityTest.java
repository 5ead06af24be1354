package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.in;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.rolewright.sealing.Resealed;
import io.rolewright.sealing.Sealer;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
class IdentityTest {

    @Inject
    Sealer sealer;

    @Nested
    class Created {

        @Test
        void hasWhatItWasGivenAndNothingElse() {
            var id = Api.as()
                    .body(Map.of("name", " terraform ", "roles", List.of("reader", "scheduler"), "organizationId", "x"))
                    .post("/api/v1/identities")
                    .then()
                    .statusCode(200)
                    .body("identity.name", equalTo("terraform"))
                    .body("identity.roles", contains("reader", "scheduler"))
                    .body("identity.projects", empty())
                    .body("identity.authMethods", empty())
                    .body("identity.clientId", notNullValue())
                    .extract()
                    .<String>path("identity.id");

            Api.as()
                    .get("/api/v1/identities/" + id)
                    .then()
                    .statusCode(200)
                    .body("identity.roles", containsInAnyOrder("reader", "scheduler"))
                    .body("identity.orgId", notNullValue());
            assertThat(audited("create-identity", id)).isOne();
        }

        @Test
        void isMadeOncePerIdempotencyKey() {
            var key = UUID.randomUUID().toString();

            assertThat(create(key)).isEqualTo(create(key));
        }

        private String create(String key) {
            return Api.as()
                    .header("Idempotency-Key", key)
                    .body(Map.of("name", "once"))
                    .post("/api/v1/identities")
                    .then()
                    .statusCode(200)
                    .extract()
                    .path("identity.id");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "{}",
                    "{\"name\":\" \"}",
                    "{\"name\":\"x\",\"roles\":[\"emperor\"]}",
                    "{\"name\":\"x\",\"roles\":[\"ADMIN\"]}",
                    "{\"name\":\"x\",\"roles\":[null]}",
                    "{\"name\":\"x\",\"roles\":\"admin\"}"
                })
        void isRefusedWhenMalformed(String body) {
            Api.as().body(body).post("/api/v1/identities").then().statusCode(422);
        }
    }

    @Test
    void theListGoesInPagesByName() {
        Identities.with();
        Identities.with();

        var all = Api.as().get("/api/v1/identities").then().statusCode(200).extract();
        var first = Api.as()
                .get("/api/v1/identities?limit=1")
                .then()
                .statusCode(200)
                .extract();
        var rest = Api.as()
                .queryParam("limit", 1000)
                .queryParam("cursor", first.<String>path("nextCursor"))
                .get("/api/v1/identities")
                .then()
                .statusCode(200)
                .extract()
                .<List<String>>path("identities.id");

        var ids = all.<List<String>>path("identities.id");
        assertThat(ids).hasSizeGreaterThan(2);
        assertThat(first.<List<String>>path("identities.id")).containsExactly(ids.get(0));
        assertThat(rest).isEqualTo(ids.subList(1, ids.size()));
    }

    @Test
    void allListsOfAnIdentityAndAProjectGoInPages() {
        var project = Identities.project();
        var somebody = Identities.in(project, "reader");
        Identities.in(project, "operator");
        Identities.in(project, "consumer");
        var tokens = "/api/v1/auth/token-auth/identities/" + somebody.id() + "/tokens";
        var secrets = "/api/v1/auth/universal-auth/identities/" + somebody.id() + "/client-secrets";
        for (var name : List.of("one", "two", "three")) {
            Api.as().body(Map.of("name", name)).post(tokens).then().statusCode(200);
            Api.as().body(Map.of("description", name)).post(secrets).then().statusCode(200);
        }

        var members = "/api/v1/projects/" + project + "/identity-memberships";
        assertPages(tokens, "tokens.id", 3);
        assertPages(secrets, "clientSecretData.id", 4);
        assertPages(members, "identityMemberships.identityId", 3);
        for (var list : List.of(tokens, secrets, members)) {
            Api.as().get(list + "?limit=0").then().statusCode(422).body("message[0].path", equalTo(List.of("limit")));
            Api.as()
                    .get(list + "?limit=1&cursor=elsewhere")
                    .then()
                    .statusCode(422)
                    .body("message[0].path", equalTo(List.of("cursor")));
        }
    }

    private static void assertPages(String list, String field, int rows) {
        List<String> all = new ArrayList<>();
        String cursor = null;
        do {
            var page = Api.as().queryParam("limit", 1);
            var answer = (cursor == null ? page : page.queryParam("cursor", cursor)).get(list);
            answer.then().statusCode(200).body(field, hasSize(1));
            all.addAll(answer.<List<String>>path(field));
            cursor = answer.path("nextCursor");
        } while (cursor != null);
        assertThat(all).hasSize(rows).isEqualTo(Api.as().get(list).<List<String>>path(field));
    }

    @Nested
    class Changed {

        @Test
        void itsTokensHaveTheNewRolesAtOnce() {
            var somebody = Identities.with("reader");
            somebody.as().get("/api/v1/app-connections").then().statusCode(200);
            somebody.as().get("/api/v1/identities").then().statusCode(403);

            patch(somebody, Map.of("roles", List.of("admin")))
                    .statusCode(200)
                    .body("identity.roles", contains("admin"));
            somebody.as().get("/api/v1/identities").then().statusCode(200);

            patch(somebody, Map.of("roles", List.of())).statusCode(200).body("identity.roles", empty());
            somebody.as().get("/api/v1/app-connections").then().statusCode(403);
        }

        @Test
        void aNewNameLeavesTheRoles() {
            var somebody = Identities.with("reader");

            patch(somebody, Map.of("name", "renamed"))
                    .statusCode(200)
                    .body("identity.name", equalTo("renamed"))
                    .body("identity.roles", contains("reader"));
        }

        @Test
        void somebodyUnknownIsNotThere() {
            Api.as()
                    .body(Map.of("name", "x"))
                    .patch("/api/v1/identities/" + UUID.randomUUID())
                    .then()
                    .statusCode(404)
                    .body("code", equalTo("identity_not_found"));
        }

        private ValidatableResponse patch(Somebody somebody, Map<String, Object> change) {
            return Api.as()
                    .body(change)
                    .patch("/api/v1/identities/" + somebody.id())
                    .then();
        }
    }

    @Nested
    class Deleted {

        @Test
        void isNobodyAtOnce() {
            var somebody = Identities.with("admin");
            somebody.as().get("/api/v1/identities").then().statusCode(200);

            Api.as()
                    .delete("/api/v1/identities/" + somebody.id())
                    .then()
                    .statusCode(200)
                    .body("identity.id", equalTo(somebody.id()));

            somebody.as().get("/api/v1/identities").then().statusCode(403).body("code", equalTo("token_revoked"));
            login(somebody).statusCode(401).body("code", equalTo("invalid_credentials"));
            Api.as().get("/api/v1/identities/" + somebody.id()).then().statusCode(404);
            forgetFailures();
        }

        /** The bootstrap identity is the only administrator that has something to log in with. */
        @Test
        void notIfNobodyCouldAdministerAnyMore() {
            var bootstrap = TestStore.sql("select id from identity where client_id = '" + TestStore.CLIENT_ID + "'")
                    .get(0)
                    .getUUID(0);
            TestStore.sql("delete from role_binding where project_id is null and role = 'admin' and identity_id <> '"
                    + bootstrap + "'");

            Api.as()
                    .delete("/api/v1/identities/" + bootstrap)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("last_administrator"));
            Api.as()
                    .body(Map.of("roles", List.of("reader")))
                    .patch("/api/v1/identities/" + bootstrap)
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("last_administrator"));
            var secret = Api.as()
                    .get("/api/v1/auth/universal-auth/identities/" + bootstrap + "/client-secrets")
                    .<String>path("clientSecretData[0].id");
            Api.as()
                    .post("/api/v1/auth/universal-auth/identities/" + bootstrap + "/client-secrets/" + secret
                            + "/revoke")
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("last_administrator"));

            Api.as().get("/api/v1/identities").then().statusCode(200);
        }
    }

    @Nested
    class ItsClientSecrets {

        private Somebody somebody;

        @BeforeEach
        void somebody() {
            somebody = Identities.with("reader");
        }

        @Test
        void areShownOnceAndLogInBesideEachOther() {
            var made = make(Map.of("description", "second", "ttl", 3600))
                    .statusCode(200)
                    .header("Cache-Control", "no-store")
                    .body("clientSecret", matchesPattern("[\\w-]{43}"))
                    .body("clientSecretData.description", equalTo("second"))
                    .body("clientSecretData.clientSecretTTL", equalTo(3600))
                    .body("clientSecretData.expiresAt", notNullValue())
                    .body("clientSecretData.lastUsedAt", nullValue())
                    .extract();
            String secret = made.path("clientSecret");

            login(secret).statusCode(200);
            login(somebody).statusCode(200);

            secrets()
                    .body("clientSecretData", hasSize(2))
                    .body("clientSecretData[1].clientSecretPrefix", equalTo(secret.substring(0, 4)))
                    .body("clientSecretData[1].clientSecretNumUses", equalTo(1))
                    .body("clientSecretData[1].lastUsedAt", notNullValue())
                    .body("clientSecretData.clientSecret", not(hasItem(notNullValue())));
        }

        @Test
        void areOnlyKeyedHashesInTheStore() {
            String secret = make(Map.of()).extract().path("clientSecret");

            var rows = TestStore.sql("select s::text from client_secret s where identity_id = '" + somebody.id() + "'");

            assertThat(rows)
                    .hasSize(2)
                    .allSatisfy(row -> assertThat(row.getString(0)).doesNotContain(secret));
        }

        @Test
        void endByTime() {
            String secret = make(Map.of("ttl", 3600)).extract().path("clientSecret");
            Resealed.sql(
                    "update client_secret set expires_at = now() - interval '1 second' where expires_at is not null"
                            + " and identity_id = '" + somebody.id() + "'");

            login(secret).statusCode(401).body("code", equalTo("client_secret_expired"));
            login(somebody).statusCode(200);
        }

        @Test
        void endByUse() {
            String secret = make(Map.of("numUsesLimit", 2)).extract().path("clientSecret");

            login(secret).statusCode(200);
            login(secret).statusCode(200);
            login(secret).statusCode(401).body("code", equalTo("client_secret_used_up"));
            forgetFailures();
        }

        /** A token is renewed while what it was obtained with still counts. */
        @Test
        void thatHaveEndedRenewNoToken() {
            String secret = make(Map.of("ttl", 3600)).extract().path("clientSecret");
            String token = login(secret).extract().path("accessToken");
            renew(token).statusCode(200);
            Resealed.sql(
                    "update client_secret set expires_at = now() - interval '1 second' where expires_at is not null"
                            + " and identity_id = '" + somebody.id() + "'");

            // The token has ended with its secret, if this replica has heard of that end already.
            renew(token).statusCode(403).body("code", in(List.of("token_renewal_refused", "token_expired")));
        }

        /** At the moment of their end, not when the token would be renewed. */
        @Test
        void thatHaveEndedEndTheirTokens() {
            String secret = make(Map.of("ttl", 3600)).extract().path("clientSecret");
            String token = login(secret).extract().path("accessToken");
            given().header("Authorization", "Bearer " + token)
                    .get("/api/v1/auth/caller")
                    .then()
                    .statusCode(200);
            Resealed.sql("update client_secret set expires_at = now() where expires_at is not null and identity_id = '"
                    + somebody.id() + "'");
            Api.as().body(Map.of("name", "heard of")).patch("/api/v1/identities/" + somebody.id());

            given().header("Authorization", "Bearer " + token)
                    .get("/api/v1/auth/caller")
                    .then()
                    .statusCode(403)
                    .body("code", equalTo("token_expired"));
            renew(token).statusCode(403);
        }

        @Test
        void thatAreUsedUpStillRenewWhatTheyGave() { // their limit is one of logins
            String secret = make(Map.of("numUsesLimit", 2)).extract().path("clientSecret");
            String token = login(secret).extract().path("accessToken");
            renew(token).statusCode(200);
            login(secret).statusCode(200);
            login(secret).statusCode(401).body("code", equalTo("client_secret_used_up"));
            forgetFailures();

            renew(token).statusCode(200);
        }

        @Test
        void renewTheirTokensOnlyFromWhereTheyMayBeUsed() {
            String secret =
                    make(Map.of("trustedIps", List.of("127.0.0.0/8"))).extract().path("clientSecret");
            String token = login(secret).extract().path("accessToken");
            renew(token).statusCode(200);
            Resealed.sql("update client_secret set trusted_ips = '192.0.2.0/24' where trusted_ips <> ''"
                    + " and identity_id = '" + somebody.id() + "'");

            renew(token).statusCode(403).body("code", equalTo("token_renewal_refused"));
        }

        /** By another replica, of which this one has not heard. */
        @Test
        void thatAreGoneRenewNoTokenAtOnce() {
            String secret = make(Map.of()).extract().path("clientSecret");
            String token = login(secret).extract().path("accessToken");
            TestStore.sql("delete from client_secret where prefix = '" + secret.substring(0, 4)
                    + "' and identity_id = '" + somebody.id() + "'");

            renew(token).statusCode(403).body("code", equalTo("token_revoked"));
        }

        private ValidatableResponse renew(String token) {
            return given().contentType(ContentType.JSON)
                    .body(Map.of("accessToken", token))
                    .post("/api/v1/auth/token/renew")
                    .then();
        }

        @Test
        void areUsedOnlyAsOftenAsTheyMayBeAtTheSameMomentToo() {
            String secret = make(Map.of("numUsesLimit", 3)).extract().path("clientSecret");

            var logins = IntStream.range(0, 8)
                    .mapToObj(i -> CompletableFuture.supplyAsync(
                            () -> login(secret).extract().statusCode()))
                    .toList();

            assertThat(logins.stream().map(CompletableFuture::join).filter(status -> status == 200))
                    .hasSize(3);
            forgetFailures();
        }

        @Test
        void fromAForeignNetworkAreAnsweredAsWrongOnes() {
            String elsewhere = make(Map.of("trustedIps", List.of("192.0.2.0/24", "2001:db8::/32")))
                    .extract()
                    .path("clientSecret");
            String here =
                    make(Map.of("trustedIps", List.of("127.0.0.0/8"))).extract().path("clientSecret");

            login(elsewhere).statusCode(401).body("code", equalTo("invalid_credentials"));
            login(here).statusCode(200);
            assertThat(TestStore.sql(
                            "select from audit_event where reason = 'address_not_trusted' and facts ->> 'clientId' = '"
                                    + somebody.clientId() + "'"))
                    .hasSize(1);
        }

        @Test
        void thatAreRevokedEndTheirTokens() {
            somebody.as().get("/api/v1/app-connections").then().statusCode(200);
            var id = secrets().extract().<String>path("clientSecretData[0].id");

            Api.as()
                    .post(path() + "/" + id + "/revoke")
                    .then()
                    .statusCode(200)
                    .body("clientSecretData.id", equalTo(id));

            somebody.as().get("/api/v1/app-connections").then().statusCode(403).body("code", equalTo("token_revoked"));
            login(somebody).statusCode(401);
            Api.as().get(path() + "/" + id).then().statusCode(404).body("code", equalTo("client_secret_not_found"));
            assertThat(audited("revoke-identity-universal-auth-client-secret", somebody.id()))
                    .isOne();
            forgetFailures();
        }

        @Test
        void ofOneIdentityAreNotReachedThroughAnother() {
            var id = secrets().extract().<String>path("clientSecretData[0].id");
            var other = Identities.with("reader");

            Api.as()
                    .get("/api/v1/auth/universal-auth/identities/" + other.id() + "/client-secrets/" + id)
                    .then()
                    .statusCode(404);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "{\"ttl\":-1}",
                    "{\"numUsesLimit\":-1}",
                    "{\"trustedIps\":[\"everywhere\"]}",
                    "{\"trustedIps\":[\"10.0.0.0/33\"]}",
                    "{\"trustedIps\":[null]}",
                    "{\"description\":\"a\\u0000b\"}"
                })
        void areRefusedWhenMalformed(String body) {
            Api.as().body(body).post(path()).then().statusCode(422);
        }

        private ValidatableResponse make(Map<String, Object> wanted) {
            return Api.as().body(wanted).post(path()).then().statusCode(200);
        }

        private ValidatableResponse secrets() {
            return Api.as().get(path()).then().statusCode(200);
        }

        private String path() {
            return "/api/v1/auth/universal-auth/identities/" + somebody.id() + "/client-secrets";
        }

        private ValidatableResponse login(String secret) {
            return IdentityTest.login(somebody.clientId(), secret);
        }

        private ValidatableResponse login(Somebody who) {
            return IdentityTest.login(who);
        }
    }

    @Nested
    class ItsStaticTokens {

        private Somebody somebody;

        @BeforeEach
        void somebody() {
            somebody = Identities.with("operator", "consumer");
        }

        @Test
        void callWithOneRole() {
            String token = make("reader").getString("accessToken");

            assertThat(token).startsWith("rwt_");
            call(token).statusCode(200);
            given().header("Authorization", "Bearer " + token)
                    .contentType(ContentType.JSON)
                    .body("{\"credentials\":{}}")
                    .delete("/api/v1/app-connections/postgres/" + UUID.randomUUID())
                    .then()
                    .statusCode(403)
                    .body("code", equalTo("permission_denied"));
        }

        @Test
        void neverDoMoreThanTheirIdentity() {
            String token = make("admin").getString("accessToken");

            call(token).statusCode(403).body("code", equalTo("permission_denied"));
        }

        @Test
        void endAtOnceWhenRevoked() {
            var made = make("reader");
            String token = made.getString("accessToken");
            call(token).statusCode(200);

            Api.as()
                    .post(path() + "/" + made.getString("tokenData.id") + "/revoke")
                    .then()
                    .statusCode(200);

            call(token).statusCode(403).body("code", equalTo("token_revoked"));
            Api.as().get(path()).then().body("tokens", empty());
        }

        @Test
        void mayBeRevokedByTheirHolder() {
            String token = make("reader").getString("accessToken");

            for (int i = 0; i < 2; i++) {
                given().contentType(ContentType.JSON)
                        .body(Map.of("accessToken", token))
                        .post("/api/v1/auth/token/revoke")
                        .then()
                        .statusCode(200);
            }

            call(token).statusCode(403);
        }

        @Test
        void endByTimeAndAreNotRenewed() {
            String token = make("reader").getString("accessToken");
            given().contentType(ContentType.JSON)
                    .body(Map.of("accessToken", token))
                    .post("/api/v1/auth/token/renew")
                    .then()
                    .statusCode(400)
                    .body("code", equalTo("token_not_renewable"));

            Resealed.sql("update static_token set expires_at = now() where identity_id = '" + somebody.id() + "'");
            Api.as().body(Map.of("name", "x")).patch("/api/v1/identities/" + somebody.id());

            call(token).statusCode(403).body("code", equalTo("token_expired"));
        }

        @Test
        void endWithTheirIdentity() {
            String token = make("reader").getString("accessToken");
            call(token).statusCode(200);

            Api.as().delete("/api/v1/identities/" + somebody.id()).then().statusCode(200);

            call(token).statusCode(403).body("code", equalTo("token_revoked"));
        }

        @ParameterizedTest
        @ValueSource(strings = {"rwt_", "rwt_x", "rwt_!!!!", "rwt_AAAA"})
        void thatAreMalformedAreRefused(String token) {
            call(token).statusCode(403).body("code", equalTo("token_invalid"));
        }

        @Test
        void thatWereMadeUpAreRefusedWithoutAQuestionToTheStore() {
            String token = make("reader").getString("accessToken");
            for (int i = 4; i < token.length() - 1; i++) {
                var changed = token.charAt(i) == 'A' ? 'B' : 'A';
                var forged = token.substring(0, i) + changed + token.substring(i + 1);
                if (i % 9 == 0) {
                    call(forged).statusCode(403).body("code", equalTo("token_invalid"));
                }
            }
        }

        /** What a thief of the store has is the hash; what he could make with the check's key is nothing without it. */
        @Test
        void areOnlyKeyedHashesInTheStore() {
            var made = make("reader");
            String token = made.getString("accessToken");
            var another = StaticToken.Text.make(
                            UUID.fromString(somebody.id()), UUID.fromString(made.getString("tokenData.id")), sealer)
                    .text(sealer);

            assertThat(TestStore.sql("select t::text from static_token t where identity_id = '" + somebody.id() + "'"))
                    .allSatisfy(row -> assertThat(row.getString(0)).doesNotContain(token.substring(60)));
            call(another).statusCode(403).body("code", equalTo("token_revoked"));
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "{}",
                    "{\"name\":\" \"}",
                    "{\"name\":\"x\",\"role\":\"king\"}",
                    "{\"name\":\"x\",\"role\":\"reader\",\"ttl\":59}",
                    "{\"name\":\"x\",\"role\":\"reader\",\"ttl\":31536001}"
                })
        void areRefusedWhenMalformed(String body) {
            Api.as().body(body).post(path()).then().statusCode(422);
        }

        private io.restassured.path.json.JsonPath make(String role) {
            return Api.as()
                    .body(Map.of("name", "external-secrets", "role", role))
                    .post(path())
                    .then()
                    .statusCode(200)
                    .header("Cache-Control", "no-store")
                    .body("expiresIn", equalTo(30 * 24 * 3600))
                    .body("tokenData.role", equalTo(role))
                    .extract()
                    .jsonPath();
        }

        private String path() {
            return "/api/v1/auth/token-auth/identities/" + somebody.id() + "/tokens";
        }

        private static ValidatableResponse call(String token) {
            return given().header("Authorization", "Bearer " + token)
                    .get("/api/v1/app-connections")
                    .then();
        }
    }

    private static ValidatableResponse login(Somebody who) {
        return login(who.clientId(), who.clientSecret());
    }

    private static ValidatableResponse login(String clientId, String secret) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("clientId", clientId, "clientSecret", secret))
                .post("/api/v1/auth/universal-auth/login")
                .then();
    }

    private static void forgetFailures() {
        TestStore.sql("delete from login_failure");
    }

    private static long audited(String type, String subject) {
        return TestStore.sql("select count(*) from audit_event where type = '" + type + "' and subject_id = '" + subject
                        + "' and outcome = 'SUCCESS'")
                .get(0)
                .getLong(0);
    }
}
