package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.blankOrNullString;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import io.rolewright.testing.TestStore;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
class AccessTest {

    private static final String SOME_SECRET = "a secret of somebody, 32 characters or more";

    @Inject
    TokenLedger ledger;

    @Inject
    Tokens tokens;

    @Nested
    class Login {

        @Test
        void givesAToken() {
            login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)
                    .statusCode(200)
                    .header("Cache-Control", "no-store")
                    .body("accessToken", matchesPattern("[\\w-]+\\.[\\w-]+\\.[\\w-]+"))
                    .body("expiresIn", equalTo(3600))
                    .body("accessTokenMaxTTL", equalTo(2592000))
                    .body("tokenType", equalTo("Bearer"));
        }

        @Test
        void takesWhatRealClientsSend() {
            var body = Map.of(
                    "clientId", " " + TestStore.CLIENT_ID + "\n",
                    "clientSecret", TestStore.CLIENT_SECRET + " ",
                    "organizationSlug", "acme");

            given().contentType(ContentType.JSON)
                    .accept(ContentType.JSON)
                    .header("User-Agent", "terraform")
                    .body(body)
                    .post("/api/v1/auth/universal-auth/login")
                    .then()
                    .statusCode(200);
        }

        @Test
        void anUnknownIdAndAWrongSecretAreOneAnswer() {
            var wrong = login(TestStore.CLIENT_ID, SOME_SECRET)
                    .statusCode(401)
                    .body("code", equalTo("invalid_credentials"))
                    .body("error", equalTo("UnauthorizedError"))
                    .extract()
                    .as(Map.class);
            var unknown = login(UUID.randomUUID().toString(), SOME_SECRET)
                    .statusCode(401)
                    .extract()
                    .as(Map.class);
            forgetFailures();

            wrong.remove("reqId");
            unknown.remove("reqId");
            assertThat(unknown).isEqualTo(wrong);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "{}",
                    "{\"clientId\":\"x\"}",
                    "{\"clientId\":\"a b\",\"clientSecret\":\"x\"}",
                    "{\"clientId\":\"a\\u0000b\",\"clientSecret\":\"x\"}",
                    "{\"clientId\":{},\"clientSecret\":\"x\"}",
                    "{\"clientId\":\"x\",\"clientSecret\":null}",
                    "null"
                })
        void aBodyWithoutBothIsInvalid(String body) {
            given().contentType(ContentType.JSON)
                    .body(body)
                    .post("/api/v1/auth/universal-auth/login")
                    .then()
                    .statusCode(422)
                    .body("error", equalTo("ValidationFailure"));
        }

        @Test
        void isRecorded() {
            var before = auditRows("login-identity-universal-auth", "SUCCESS");

            login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET).statusCode(200);

            assertThat(auditRows("login-identity-universal-auth", "SUCCESS")).isEqualTo(before + 1);
        }
    }

    @Nested
    class Lockout {

        @Test
        void comesAfterThreeFailuresAndHoldsForTheRightSecretToo() {
            failThrice(TestStore.CLIENT_ID, SOME_SECRET);

            login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)
                    .statusCode(401)
                    .header("Retry-After", matchesPattern("300|29\\d"))
                    .body("code", equalTo("login_locked"))
                    .body("details.retryAfterSeconds", greaterThan(290))
                    .body("accessToken", nullValue());
            forgetFailures();
        }

        /** Each is judged after the one before it was counted. */
        @Test
        void ofGuessesAtOnceNoMoreAreHeardThanOfOthers() {
            var guesses = IntStream.range(0, 30)
                    .mapToObj(n -> CompletableFuture.supplyAsync(
                            () -> login(TestStore.CLIENT_ID, SOME_SECRET)
                                    .statusCode(401)
                                    .extract()
                                    .<String>path("code"),
                            task -> new Thread(task).start()))
                    .toList();

            var answers = guesses.stream().map(CompletableFuture::join).toList();

            assertThat(answers.stream().filter("invalid_credentials"::equals)).hasSize(3);
            assertThat(answers.stream().filter("login_locked"::equals)).hasSize(27);
            forgetFailures();
        }

        @Test
        void aWrongSecretAmongManyRightOnesLocksNobodyOut() {
            var codes = new ArrayList<Integer>();
            for (int i = 0; i < 12; i++) {
                codes.add(login(TestStore.CLIENT_ID, i % 3 == 2 ? SOME_SECRET : TestStore.CLIENT_SECRET)
                        .extract()
                        .statusCode());
            }

            assertThat(codes).containsExactly(200, 200, 401, 200, 200, 401, 200, 200, 401, 200, 200, 401);
            forgetFailures();
        }

        @Test
        void doesNotTellUnknownIdsFromKnownOnes() {
            var id = UUID.randomUUID().toString();

            failThrice(id, SOME_SECRET);

            login(id, SOME_SECRET).statusCode(401).body("code", equalTo("login_locked"));
            forgetFailures();
        }

        @Test
        void leavesTheOwnerInFromAnotherAddress() {
            lockFromElsewhere(TestStore.CLIENT_ID, "203.0.113.66");

            login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET).statusCode(200);
            forgetFailures();
        }

        @Test
        void leavesOtherIdentitiesOfTheAddressIn() {
            failThrice(UUID.randomUUID().toString(), SOME_SECRET);

            login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET).statusCode(200);
            forgetFailures();
        }

        @Test
        void endsByItself() {
            failThrice(TestStore.CLIENT_ID, SOME_SECRET);
            TestStore.sql("update login_failure set locked_until = now() - interval '1 second',"
                    + " window_ends_at = now() - interval '1 second'");

            login(TestStore.CLIENT_ID, SOME_SECRET).statusCode(401).body("code", equalTo("invalid_credentials"));
            login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET).statusCode(200);
            assertThat(failures()).as("a success starts the count anew").isZero();
        }

        @Test
        void countsOnlyFailuresCloseToEachOther() {
            login(TestStore.CLIENT_ID, SOME_SECRET).statusCode(401);
            login(TestStore.CLIENT_ID, SOME_SECRET).statusCode(401);
            TestStore.sql("update login_failure set window_ends_at = now() - interval '1 second'");

            login(TestStore.CLIENT_ID, SOME_SECRET).statusCode(401);

            login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET).statusCode(200);
        }

        @Test
        void cannotFillTheStore() {
            TestStore.sql("insert into login_failure select 'guess ' || n, '192.0.2.1', 1, now() - interval '1 second'"
                    + " from generate_series(1, 15) n");

            login(UUID.randomUUID().toString(), SOME_SECRET).statusCode(401);
            login(UUID.randomUUID().toString(), SOME_SECRET).statusCode(401);

            assertThat(failures()).isEqualTo(2);
            forgetFailures();
        }

        @Test
        void isRecordedOnceAndNotPerAttempt() {
            var before = auditRows("login-identity-universal-auth", "REFUSED");

            failThrice(TestStore.CLIENT_ID, SOME_SECRET);
            login(TestStore.CLIENT_ID, SOME_SECRET).body("code", equalTo("login_locked"));
            login(TestStore.CLIENT_ID, SOME_SECRET).body("code", equalTo("login_locked"));

            assertThat(auditRows("login-identity-universal-auth", "REFUSED")).isEqualTo(before + 3);
            forgetFailures();
        }
    }

    @Nested
    class Guarded {

        @Test
        void theStatusIsPublic() {
            given().get("/api/status").then().statusCode(200).body("message", equalTo("Ok"));
        }

        @Test
        void aGoodTokenIsLetIn() {
            as(token()).get("/api/v1/projects").then().statusCode(200);
        }

        @Test
        void theSchemeIsNotCaseSensitive() {
            given().header("Authorization", "bearer  " + token())
                    .get("/api/v1/projects")
                    .then()
                    .statusCode(200);
        }

        @ParameterizedTest
        @ValueSource(strings = {"", "Bearer", "Bearer ", "Basic dXNlcjpwYXNzd29yZA==", "Token x"})
        void noTokenIs401(String header) {
            given().header("Authorization", header)
                    .get("/api/v1/projects")
                    .then()
                    .statusCode(401)
                    .header("WWW-Authenticate", "Bearer")
                    .body("code", equalTo("token_missing"))
                    .body("error", equalTo("UnauthorizedError"))
                    .body("reqId", not(blankOrNullString()));
        }

        @Test
        void twoTokensAreNone() {
            given().header("Authorization", "Bearer " + token(), "Bearer x")
                    .get("/api/v1/projects")
                    .then()
                    .statusCode(401);
        }

        @Test
        void aForgedTokenIs403() {
            as(token() + "x")
                    .get("/api/v1/projects")
                    .then()
                    .statusCode(403)
                    .header("WWW-Authenticate", containsString("invalid_token"))
                    .body("code", equalTo("token_invalid"))
                    .body("error", equalTo("TokenError"));
        }

        @Test
        void anExpiredTokenIs403() {
            var issued = Instant.now().minus(Duration.ofHours(2)).truncatedTo(ChronoUnit.SECONDS);
            var expired = new AccessToken(
                    UUID.randomUUID(),
                    UUID.randomUUID(),
                    "late",
                    UUID.randomUUID(),
                    issued,
                    issued,
                    issued.plusSeconds(3600),
                    issued.plusSeconds(86400));

            as(ledger.sign(expired))
                    .get("/api/v1/projects")
                    .then()
                    .statusCode(403)
                    .body("code", equalTo("token_expired"));
        }

        @Test
        void aBodyIsNotLookedAtWithoutAToken() {
            given().contentType(ContentType.JSON)
                    .body("{")
                    .post("/api/v1/projects")
                    .then()
                    .statusCode(401);
        }

        /** What a replica cannot ask, it must not assume: the token may have been revoked. */
        @Test
        void nobodyIsLetInByAnOldLedgerWhileTheStoreDoesNotAnswer() {
            var token = token();
            var locked = CompletableFuture.runAsync(() -> TestStore.sql(
                    "begin; lock table revoked_token in access exclusive mode; select pg_sleep(4); commit"));
            await().until(() -> TestStore.sql("select from pg_locks where mode = 'AccessExclusiveLock' and granted"
                                    + " and relation = 'revoked_token'::regclass")
                            .size()
                    == 1);

            ledger.age(Duration.ofMinutes(1));
            as(token).get("/api/v1/projects").then().statusCode(503).body("code", equalTo("store_unavailable"));

            locked.join();
            as(token).get("/api/v1/projects").then().statusCode(200);
        }

        /** As after a long idle time: the request itself brings the ledger up to date. */
        @Test
        void anOldLedgerIsRenewedByTheRequest() {
            ledger.age(Duration.ofMinutes(1));

            as(token()).get("/api/v1/projects").then().statusCode(200);

            assertThat(ledger.isFresh()).isTrue();
        }
    }

    @Nested
    class Renewal {

        @Test
        void givesAnotherTokenOfTheSameLogin() {
            var old = token();

            var renewed = given().contentType(ContentType.JSON)
                    .header("Authorization", "Bearer " + old)
                    .body(Map.of("accessToken", old))
                    .post("/api/v1/auth/token/renew")
                    .then()
                    .statusCode(200)
                    .header("Cache-Control", "no-store")
                    .body("expiresIn", equalTo(3600))
                    .body("accessTokenMaxTTL", equalTo(2592000))
                    .body("tokenType", equalTo("Bearer"))
                    .extract()
                    .<String>path("accessToken");

            assertThat(ledger.judge(renewed).token().tokenId())
                    .isEqualTo(ledger.judge(old).token().tokenId());
            as(renewed).get("/api/v1/projects").then().statusCode(200);
            as(old).get("/api/v1/projects").then().statusCode(200);
        }

        @Test
        void neverOutlivesTheLongestLife() {
            var issued = Instant.now().minusSeconds(30).truncatedTo(ChronoUnit.SECONDS);
            var mine = ledger.judge(token()).token();
            var old = ledger.sign(new AccessToken(
                    UUID.randomUUID(),
                    mine.identityId(),
                    "old",
                    mine.credentialId(),
                    issued,
                    issued,
                    issued.plusSeconds(60),
                    issued.plusSeconds(90)));

            renew(Map.of("accessToken", old)).statusCode(200).body("expiresIn", lessThanOrEqualTo(60));
        }

        @Test
        void takesTheBearerWhenTheBodyHasNoToken() {
            as(token())
                    .contentType(ContentType.JSON)
                    .body("{}")
                    .post("/api/v1/auth/token/renew")
                    .then()
                    .statusCode(200);
        }

        @Test
        void isRefusedWithoutAToken() {
            renew(Map.of()).statusCode(401).body("code", equalTo("token_missing"));
            given().contentType(ContentType.JSON)
                    .post("/api/v1/auth/token/renew")
                    .then()
                    .statusCode(401)
                    .body("code", equalTo("token_missing"));
        }

        /** A session of the console. */
        @Test
        void endsWhenTheClientSaidAtItsLogin() {
            var token = given().contentType(ContentType.JSON)
                    .body(Map.of(
                            "clientId", TestStore.CLIENT_ID,
                            "clientSecret", TestStore.CLIENT_SECRET,
                            "accessTokenMaxTTL", 43_200))
                    .post("/api/v1/auth/universal-auth/login")
                    .then()
                    .statusCode(200)
                    .body("expiresIn", equalTo(3600))
                    .body("accessTokenMaxTTL", equalTo(43_200))
                    .extract()
                    .<String>path("accessToken");

            renew(Map.of("accessToken", token)).statusCode(200).body("accessTokenMaxTTL", equalTo(43_200));
            var says = ledger.judge(token).token();
            assertThat(says.renewableUntil()).isEqualTo(says.loggedInAt().plusSeconds(43_200));
        }

        @Test
        void isNeverLongerThanTheServiceAllowsAndNotForNoTime() {
            sessionOf(31_536_000).statusCode(200).body("accessTokenMaxTTL", equalTo(2592000));
            sessionOf(30).statusCode(200).body("expiresIn", equalTo(30));
            sessionOf(29).statusCode(422);
            sessionOf(31_536_001).statusCode(422);
        }

        private ValidatableResponse sessionOf(long seconds) {
            return given().contentType(ContentType.JSON)
                    .body(Map.of(
                            "clientId", TestStore.CLIENT_ID,
                            "clientSecret", TestStore.CLIENT_SECRET,
                            "accessTokenMaxTTL", seconds))
                    .post("/api/v1/auth/universal-auth/login")
                    .then();
        }

        @Test
        void isRefusedForForgeries() {
            renew(Map.of("accessToken", token() + "x")).statusCode(403).body("code", equalTo("token_invalid"));
        }
    }

    @Nested
    class Revocation {

        @Test
        void takesEffectAtOnceAndForRenewalsToo() {
            var old = token();
            var renewed = renew(Map.of("accessToken", old)).extract().<String>path("accessToken");

            revoke(old).statusCode(200).body("message", notNullValue());

            as(old).get("/api/v1/projects").then().statusCode(403).body("code", equalTo("token_revoked"));
            as(renewed).get("/api/v1/projects").then().statusCode(403);
            renew(Map.of("accessToken", renewed)).statusCode(403);
        }

        @Test
        void mayBeSentTwice() {
            var token = token();

            revoke(token).statusCode(200);
            revoke(token).statusCode(200);
        }

        @Test
        void leavesOtherTokensAlone() {
            var mine = token();

            revoke(token()).statusCode(200);

            as(mine).get("/api/v1/projects").then().statusCode(200);
        }

        @Test
        void isRefusedWithoutAToken() {
            given().contentType(ContentType.JSON)
                    .body("{}")
                    .post("/api/v1/auth/token/revoke")
                    .then()
                    .statusCode(401)
                    .body("code", equalTo("token_missing"));
        }

        /** Another replica writes the row; this one must know five seconds later at most. */
        @Test
        void byAnotherReplicaIsKnownWhenTheLedgerIsReadAgain() {
            var token = token();
            var id = ledger.judge(token).token().tokenId();
            TestStore.sql(
                    "insert into revoked_token (token_id, expires_at) values ('" + id + "', now() + interval '1 day')");

            ledger.age(Duration.ofSeconds(5));

            as(token).get("/api/v1/projects").then().statusCode(403).body("code", equalTo("token_revoked"));
        }

        /** Even before that, it must not be possible to renew. */
        @Test
        void byAnotherReplicaStopsRenewalsAtOnce() {
            var token = token();
            TestStore.sql("insert into revoked_token (token_id, expires_at) values ('"
                    + ledger.judge(token).token().tokenId() + "', now() + interval '1 day')");

            renew(Map.of("accessToken", token)).statusCode(403).body("code", equalTo("token_revoked"));
        }

        /** What a replica has no room for stands in the store. */
        @Test
        void thatIsTooOldToBeRememberedIsLookedUp() {
            var mine = ledger.judge(token()).token();
            var issued = Instant.now().minus(Duration.ofDays(2)).truncatedTo(ChronoUnit.SECONDS);
            var text = ledger.sign(new AccessToken(
                    UUID.randomUUID(),
                    mine.identityId(),
                    "old",
                    mine.credentialId(),
                    issued,
                    issued,
                    Instant.now().plusSeconds(600),
                    Instant.now().plusSeconds(600)));
            assertThat(ledger.judge(text).isDecided()).isFalse();

            as(text).get("/api/v1/projects").then().statusCode(200);
            assertThat(ledger.judge(text).isDecided())
                    .as("for the revocation delay")
                    .isTrue();

            var other = ledger.sign(new AccessToken(
                    UUID.randomUUID(),
                    mine.identityId(),
                    "old",
                    mine.credentialId(),
                    issued,
                    issued,
                    Instant.now().plusSeconds(600),
                    Instant.now().plusSeconds(600)));
            TestStore.sql("insert into revoked_token (token_id, revoked_at, expires_at) values ('"
                    + ledger.judge(other).token().tokenId() + "', now() - interval '1 day', now() + interval '1 day')");
            ledger.age(Duration.ofSeconds(5));
            as(other).get("/api/v1/projects").then().statusCode(403).body("code", equalTo("token_revoked"));
        }

        @Test
        void forgetsWhatHasExpired() {
            TestStore.sql("insert into revoked_token (token_id, expires_at) values (gen_random_uuid(),"
                    + " now() - interval '1 second')");

            revoke(token()).statusCode(200);

            assertThat(TestStore.sql("select count(*) from revoked_token where expires_at < now()")
                            .get(0)
                            .getLong(0))
                    .isZero();
        }
    }

    @Nested
    class ProjectList {

        @Test
        void holdsTheDefaultProjectFromTheStart() {
            as(token())
                    .get("/api/v1/projects")
                    .then()
                    .statusCode(200)
                    .body("projects.slug", hasItem("default"))
                    .body("projects.find { it.slug == 'default' }.name", equalTo("default"))
                    .body("projects.find { it.slug == 'default' }.type", equalTo("secret-manager"))
                    .body("projects.find { it.slug == 'default' }.orgId", notNullValue())
                    .body("nextCursor", nullValue());
        }

        @Test
        void goesInPages() {
            create(Map.of("projectName", "Zebra")).statusCode(200);

            var all = as(token()).get("/api/v1/projects").then().extract().<List<String>>path("projects.id");
            var first = as(token()).get("/api/v1/projects?limit=1").then().statusCode(200);
            var rest = as(token())
                    .queryParam("limit", 1000)
                    .queryParam("cursor", first.extract().<String>path("nextCursor"))
                    .get("/api/v1/projects")
                    .then()
                    .statusCode(200)
                    .body("nextCursor", nullValue())
                    .extract()
                    .<List<String>>path("projects.id");

            assertThat(all).hasSizeGreaterThan(1);
            assertThat(first.extract().<List<String>>path("projects.id")).containsExactly(all.get(0));
            assertThat(rest).isEqualTo(all.subList(1, all.size()));
        }
    }

    @Nested
    class ProjectCreation {

        @Test
        void makesASlugFromTheName() {
            create(Map.of("projectName", " Böller & Co ", "type", "secret-manager"))
                    .statusCode(200)
                    .body("project.name", equalTo("Böller & Co"))
                    .body("project.slug", equalTo("boller-co"))
                    .body("project.createdAt", notNullValue());
            create(Map.of("projectName", "Boller Co"))
                    .statusCode(200)
                    .body("project.slug", matchesPattern("boller-co-[0-9a-f]{6}"));
        }

        @Test
        void refusesTakenNamesAndSlugs() {
            create(Map.of("projectName", "Taken", "slug", "taken-slug")).statusCode(200);

            create(Map.of("projectName", "Taken"))
                    .statusCode(400)
                    .body("code", equalTo("project_name_taken"))
                    .body("error", equalTo("BadRequest"));
            create(Map.of("projectName", "Other", "slug", "taken-slug"))
                    .statusCode(400)
                    .body("code", equalTo("project_slug_taken"));
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "{}",
                    "{\"projectName\":\" \"}",
                    "{\"projectName\":\"a\\u0000b\"}",
                    "{\"projectName\":\"x\",\"slug\":\"\"}",
                    "{\"projectName\":\"x\",\"slug\":\"A B\"}",
                    "{\"projectName\":\"x\",\"slug\":\"-a\"}",
                    "{\"projectName\":7}"
                })
        void refusesMalformedOnes(String body) {
            as(token())
                    .contentType(ContentType.JSON)
                    .body(body)
                    .post("/api/v1/projects")
                    .then()
                    .statusCode(422);
        }

        @Test
        void namesTooLongAreRefusedAndTheLongestAreNot() {
            create(Map.of("projectName", "n".repeat(65))).statusCode(422);
            create(Map.of("projectName", "n".repeat(64))).statusCode(200);
            create(Map.of("projectName", "s", "slug", "s".repeat(65))).statusCode(422);
            create(Map.of("projectName", "s", "slug", "s".repeat(64))).statusCode(200);
        }

        @Test
        void isDoneOncePerIdempotencyKey() {
            var key = UUID.randomUUID().toString();

            var first = createWithKey(key).statusCode(200).extract().<String>path("project.id");

            createWithKey(key).statusCode(200).body("project.id", equalTo(first));
        }

        private ValidatableResponse createWithKey(String key) {
            return as(token())
                    .header("Idempotency-Key", key)
                    .contentType(ContentType.JSON)
                    .body(Map.of("projectName", "Once"))
                    .post("/api/v1/projects")
                    .then();
        }
    }

    @Test
    void whatChangesAccessIsRecorded() {
        var token = token();
        var renewals = auditRows("renew-identity-access-token", "SUCCESS");
        var revocations = auditRows("revoke-identity-access-token", "SUCCESS");
        var projects = auditRows("create-project", "SUCCESS");
        var refusedProjects = auditRows("create-project", "FAILED");

        renew(Map.of("accessToken", token)).statusCode(200);
        revoke(token).statusCode(200);
        revoke(token).statusCode(200);
        create(Map.of("projectName", "Recorded")).statusCode(200);
        create(Map.of("projectName", "Recorded")).statusCode(400);

        assertThat(auditRows("renew-identity-access-token", "SUCCESS")).isEqualTo(renewals + 1);
        assertThat(auditRows("revoke-identity-access-token", "SUCCESS")).isEqualTo(revocations + 1);
        assertThat(auditRows("create-project", "SUCCESS")).isEqualTo(projects + 1);
        assertThat(auditRows("create-project", "FAILED")).isEqualTo(refusedProjects + 1);
    }

    @Test
    void theStoreHoldsNoSecret() {
        var rows = TestStore.sql("select encode(fingerprint, 'escape') from client_secret union all"
                + " select encode(sealed, 'escape') from signing_key");

        assertThat(rows)
                .hasSizeGreaterThanOrEqualTo(2)
                .allSatisfy(row -> assertThat(row.getString(0)).doesNotContain(TestStore.CLIENT_SECRET));
    }

    private static RequestSpecification as(String token) {
        return given().header("Authorization", "Bearer " + token);
    }

    private static String token() {
        return login(TestStore.CLIENT_ID, TestStore.CLIENT_SECRET)
                .statusCode(200)
                .extract()
                .path("accessToken");
    }

    private static ValidatableResponse login(String clientId, String clientSecret) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("clientId", clientId, "clientSecret", clientSecret))
                .post("/api/v1/auth/universal-auth/login")
                .then();
    }

    private static ValidatableResponse renew(Map<String, String> body) {
        return given().contentType(ContentType.JSON)
                .body(body)
                .post("/api/v1/auth/token/renew")
                .then();
    }

    private static ValidatableResponse revoke(String token) {
        return given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", token))
                .post("/api/v1/auth/token/revoke")
                .then();
    }

    private static ValidatableResponse create(Map<String, String> project) {
        return as(token())
                .contentType(ContentType.JSON)
                .body(project)
                .post("/api/v1/projects")
                .then();
    }

    private static void failThrice(String clientId, String secret) {
        for (int i = 0; i < 3; i++) {
            login(clientId, secret).statusCode(401).body("code", equalTo("invalid_credentials"));
        }
    }

    /** What three wrong guesses from there leave behind. */
    private static void lockFromElsewhere(String clientId, String address) {
        TestStore.sql("insert into login_failure values ('" + clientId + "', '" + address
                + "', 3, now() + interval '300 s', now() + interval '300 s')");
    }

    private static void forgetFailures() {
        TestStore.sql("delete from login_failure");
    }

    private static long failures() {
        return TestStore.sql("select count(*) from login_failure").get(0).getLong(0);
    }

    private static long auditRows(String type, String outcome) {
        return TestStore.sql("select count(*) from audit_event where type = '" + type + "' and lower(outcome) = lower('"
                        + outcome + "')")
                .get(0)
                .getLong(0);
    }
}
