package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.hamcrest.Matchers.hasSize;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.vertx.VertxContextSupport;
import io.restassured.http.ContentType;
import io.restassured.path.json.JsonPath;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.Sealer;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.TestStore;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.inject.Inject;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@QuarkusTest
class SigningKeysTest {

    @Inject
    TokenLedger ledger;

    @Inject
    Pool pool;

    @Inject
    RowSeals seals;

    @Inject
    Sealer sealer;

    @Inject
    Clock clock;

    @Inject
    AccessConfig access;

    private Identities.Somebody admin;
    private Identities.Somebody reader;
    private TokenLedger otherReplica;

    @BeforeEach
    void somebodyAndAnotherReplica() {
        oneKeyAndANewTokenForTheOtherTests();
        admin = Identities.with("admin");
        reader = Identities.with("reader");
        otherReplica = new TokenLedger(pool, sealer, new Organisation(), new Standings(pool, seals), clock, access);
        await(otherReplica::read);
    }

    @AfterEach
    void oneKeyAndANewTokenForTheOtherTests() {
        TestStore.sql(
                "delete from signing_key where id not in (select id from signing_key order by signs_from desc limit 1);"
                        + " update signing_key set verifies_until = null, longest_ttl = 3600, signs_from = now() - interval '1 second'");
        await(ledger::read);
        Api.forget();
    }

    @Test
    void anOverlapLetsNobodyNotice() {
        var before = current(rotate("{}"));
        var keys = admin.as().get("/api/v1/auth/signing-keys").jsonPath();

        assertThat(keys.getList("signingKeys")).hasSize(2);
        var next = keys.getList("signingKeys", java.util.Map.class).get(1);
        assertThat(next.get("signs")).isEqualTo(false);
        assertThat(Instant.parse((String) next.get("signsFrom")))
                .as("when every replica has read it")
                .isAfter(Instant.now().plus(access.revocationDelay().multipliedBy(2)));
        assertThat(Instant.parse(keys.getString("signingKeys[0].verifiesUntil")))
                .as("when the last token it signed has expired")
                .isAfter(Instant.parse((String) next.get("signsFrom")).plus(access.tokenTtl()));
        var old = Identities.again(reader);
        assertThat(keyOf(old)).isEqualTo(before);

        // Later: the new key signs, and the old one still verifies.
        TestStore.sql("update signing_key set signs_from = now() - interval '1 second' where verifies_until is null");
        await(ledger::read);
        await(otherReplica::read);
        var fresh = Identities.again(reader);

        assertThat(keyOf(fresh)).isEqualTo(next.get("id"));
        assertThat(call(old)).isEqualTo(200);
        assertThat(call(fresh)).isEqualTo(200);
        assertThat(otherReplica.judge(old)).isNotNull();
        assertThat(otherReplica.judge(fresh)).isNotNull();

        // Later still: it has no tokens left.
        TestStore.sql(
                "update signing_key set verifies_until = now() - interval '1 second' where verifies_until is not null");
        await(ledger::read);
        assertThat(call(old)).isEqualTo(403);
        assertThat(call(fresh)).isEqualTo(200);
    }

    @Test
    void afterALeakAllTokensEndAndNewOnesAreGood() {
        var token = Identities.again(reader);
        assertThat(otherReplica.judge(token)).isNotNull();

        rotate("{\"endTokens\":true}");

        assertThat(call(token)).isEqualTo(403);
        assertThat(call(admin.token())).isEqualTo(403);
        var fresh = Identities.again(reader);
        assertThat(call(fresh)).isEqualTo(200);

        otherReplica.age(access.revocationDelay());
        assertThat(otherReplica.isFresh()).as("too old to judge by").isFalse();
        await(otherReplica::freshen);
        assertThatThrownBy(() -> otherReplica.judge(token)).isInstanceOf(TokenRefused.class);
        assertThat(otherReplica.judge(fresh)).isNotNull();
    }

    /** As before a restart with a shorter setting: tokens of the longer one are out. */
    @Test
    void aKeyIsNeededAsLongAsTheLongestTokenThatItMayHaveSigned() {
        TestStore.sql("update signing_key set longest_ttl = 86400");

        var keys = rotate("{}");

        assertThat(Instant.parse(keys.getString("signingKeys[0].verifiesUntil")))
                .isAfter(Instant.now().plus(Duration.ofDays(1)));
    }

    /** As when a replica with a longer setting starts after a rotation, while the old key still signs. */
    @Test
    void aReplicaSaysForHowLongItSignsBeforeItDoes() {
        TestStore.sql("update signing_key set longest_ttl = 600");
        rotate("{}");
        TestStore.sql("update signing_key set longest_ttl = 600, verifies_until = now() + interval '11 minutes'"
                + " where verifies_until is not null");

        await(() ->
                new TokenLedger(pool, sealer, new Organisation(), new Standings(pool, seals), clock, access).read());

        assertThat(TestStore.sql("select from signing_key where longest_ttl = 3600"))
                .hasSize(2);
        assertThat(TestStore.sql("select from signing_key where verifies_until > now() + interval '60 minutes'"))
                .hasSize(1);
    }

    @Test
    void keysWhoseTimeIsOverGo() {
        rotate("{}");
        TestStore.sql(
                "update signing_key set verifies_until = now() - interval '1 second' where verifies_until is not null;"
                        + " update signing_key set signs_from = now() - interval '1 second'");
        await(ledger::read);
        Api.forget();
        admin = Identities.with("admin");

        rotate("{}");

        assertThat(TestStore.sql("select from signing_key")).hasSize(2);
    }

    @Test
    void twoRotationsAtOnceLeaveOneKeyWithoutASuccessor() {
        var both = List.of(1, 2).stream()
                .map(i -> java.util.concurrent.CompletableFuture.runAsync(() -> rotate("{}")))
                .toList();
        both.forEach(java.util.concurrent.CompletableFuture::join);

        assertThat(TestStore.sql("select from signing_key where verifies_until is null"))
                .hasSize(1);
        assertThat(call(Identities.again(reader))).isEqualTo(200);
    }

    @Test
    void noKeyIsShown() {
        admin.as().get("/api/v1/auth/signing-keys").then().statusCode(200).body("signingKeys", hasSize(1));

        var sealed = TestStore.sql("select encode(sealed, 'base64') from signing_key")
                .get(0)
                .getString(0);
        assertThat(admin.as().get("/api/v1/auth/signing-keys").asString()).doesNotContain(sealed.substring(0, 20));
    }

    private JsonPath rotate(String body) {
        return admin.as()
                .body(body)
                .post("/api/v1/auth/signing-keys/rotate")
                .then()
                .statusCode(200)
                .extract()
                .jsonPath();
    }

    private static String current(JsonPath keys) {
        return keys.getString("signingKeys.find { it.signs }.id");
    }

    private static String keyOf(String token) {
        return new io.vertx.core.json.JsonObject(
                        new String(java.util.Base64.getUrlDecoder().decode(token.split("\\.")[0])))
                .getString("kid");
    }

    private static int call(String token) {
        return given().header("Authorization", "Bearer " + token)
                .contentType(ContentType.JSON)
                .get("/api/v1/projects")
                .statusCode();
    }

    private static <T> T await(Supplier<Uni<T>> act) {
        try {
            return VertxContextSupport.subscribeAndAwait(act);
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
