package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.rolewright.testing.Api;
import io.rolewright.testing.Identities;
import io.rolewright.testing.Identities.Somebody;
import jakarta.inject.Inject;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a page of the console that is loaded anew goes on by, and all that it must not be good for. */
@QuarkusTest
class ConsoleSessionTest {

    private static final String KEEP = "/api/v1/auth/console-session";
    private static final String RESUME = KEEP + "/resume";
    private static final String NAME = "rolewright-console";

    @Inject
    TokenLedger ledger;

    private Somebody somebody;
    private String token;

    @BeforeEach
    void signedIn() {
        somebody = Identities.with("reader");
        token = Identities.again(somebody);
    }

    private static String here() {
        return "http://localhost:" + RestAssured.port;
    }

    /** The value of the cookie that it sets. */
    private static String kept(String token) {
        return given().header("Authorization", "Bearer " + token)
                .header("Origin", here())
                .post(KEEP)
                .then()
                .statusCode(200)
                .header("Cache-Control", "no-store")
                .extract()
                .cookie(NAME);
    }

    private static ValidatableResponse resumed(String session) {
        return resumed(NAME + "=" + session, here(), "same-origin");
    }

    private static ValidatableResponse resumed(
            @Nullable String cookies, @Nullable String origin, @Nullable String site) {
        var request = given();
        if (cookies != null) {
            request.header("Cookie", cookies);
        }
        if (origin != null) {
            request.header("Origin", origin);
        }
        if (site != null) {
            request.header("Sec-Fetch-Site", site);
        }
        return request.post(RESUME).then();
    }

    @Test
    void givesATokenOfTheSameLoginThatOutlivesItNever() {
        String session = kept(token);
        String resumed = resumed(session)
                .statusCode(200)
                .header("Cache-Control", "no-store")
                .body("tokenType", equalTo("Bearer"))
                .extract()
                .path("accessToken");
        AccessToken one = ledger.judge(token).token();
        AccessToken other = ledger.judge(resumed).token();
        assertThat(other.tokenId()).isEqualTo(one.tokenId());
        assertThat(other.renewableUntil()).isEqualTo(one.renewableUntil());
        given().header("Authorization", "Bearer " + resumed)
                .get("/api/v1/auth/caller")
                .then()
                .statusCode(200)
                .body("caller.identityId", equalTo(one.identityId().toString()));
    }

    @Test
    void theCookieIsReadByNoScriptAndSentToOnePath() {
        String plain = given().header("Authorization", "Bearer " + token)
                .header("Origin", here())
                .post(KEEP)
                .header("Set-Cookie");
        assertThat(plain.split("; ?"))
                .contains("Path=" + RESUME, "HTTPOnly", "SameSite=Strict")
                .noneMatch(each -> each.matches("(?i)(domain|max-age|expires)=.*|secure"));

        String secure = given().header("Authorization", "Bearer " + token)
                .header("Origin", here().replace("http:", "https:"))
                .post(KEEP)
                .header("Set-Cookie");
        assertThat(secure).startsWith("__Secure-" + NAME + "=");
        assertThat(secure.split("; ?")).contains("Path=" + RESUME, "HTTPOnly", "SameSite=Strict", "Secure");

        assertThat(resumed(kept(token)).extract().headers().hasHeaderWithName("Set-Cookie"))
                .as("going on changes nothing that a thief could keep")
                .isFalse();
    }

    /** Requests that another page makes the browser send, with the cookie or without. */
    @ParameterizedTest
    @CsvSource(
            nullValues = "none",
            value = {
                "none, none",
                "none, same-origin",
                "null, same-origin",
                "https://evil.example, cross-site",
                "https://evil.example, none",
                "http://localhost, same-site",
                "http://localhost.evil.example:PORT, cross-site",
                "http://localhost:PORT.evil.example, cross-site",
                "http://localhost:PORT@evil.example, cross-site",
                "http://evil@localhost:PORT, none",
                "http://localhost:PORT/, none",
                "ftp://localhost:PORT, none",
                "file://, none",
                "http://localhost:PORT, cross-site",
                "http://localhost:PORT, same-site",
                "http://localhost:PORT, none-such",
            })
    void onlyAPageOfThisOriginIsAnswered(@Nullable String origin, @Nullable String site) {
        String from = origin == null ? null : origin.replace("PORT", Integer.toString(RestAssured.port));
        resumed(NAME + "=" + kept(token), from, site)
                .statusCode(403)
                .body("code", equalTo("forbidden"))
                .header("Access-Control-Allow-Origin", (String) null);
        if (from != null) {
            var keep = given().header("Authorization", "Bearer " + token).header("Origin", from);
            if (site != null) {
                keep.header("Sec-Fetch-Site", site);
            }
            keep.post(KEEP).then().statusCode(403).header("Set-Cookie", (String) null);
        }
    }

    @Test
    void isNoAccessTokenAndAnAccessTokenIsNoSession() {
        String session = kept(token);
        // As a bearer, in the body, and as the cookie that a browser would send with any call.
        given().header("Authorization", "Bearer " + session)
                .get("/api/v1/auth/caller")
                .then()
                .statusCode(403)
                .body("code", equalTo("token_invalid"));
        given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", session))
                .post("/api/v1/auth/token/renew")
                .then()
                .statusCode(403)
                .body("code", equalTo("token_invalid"));
        for (String path : new String[] {"/api/v1/auth/caller", "/api/v1/projects", "/api/v1/audit-events"}) {
            given().header("Cookie", NAME + "=" + session)
                    .header("Origin", here())
                    .header("Sec-Fetch-Site", "same-origin")
                    .get(path)
                    .then()
                    .statusCode(401)
                    .body("code", equalTo("token_missing"));
        }
        given().header("Cookie", NAME + "=" + session)
                .header("Origin", here())
                .post(KEEP)
                .then()
                .statusCode(401);
        // And the other way round; a token is not taken from anywhere else either.
        resumed(token).statusCode(403).body("code", equalTo("token_invalid"));
        resumed(null, here(), "same-origin").statusCode(401).body("code", equalTo("token_missing"));
        given().header("Origin", here())
                .header("Authorization", "Bearer " + token)
                .queryParam(NAME, session)
                .post(RESUME)
                .then()
                .statusCode(401);
        given().header("Origin", here())
                .header("Cookie", NAME + "=" + session)
                .get(RESUME)
                .then()
                .statusCode(405);
    }

    /** Somebody else of the same domain may set a cookie of this name; he signs nobody in as himself, nor takes a session over. */
    @Test
    void ofTwoCookiesNoneIsTaken() {
        String mine = kept(token);
        String his = kept(Identities.again(Identities.with("reader")));
        for (String both : new String[] {
            NAME + "=" + mine + "; " + NAME + "=" + his, NAME + "=" + his + "; other=1; " + NAME + "=" + mine
        }) {
            resumed(both, here(), "same-origin").statusCode(403).body("code", equalTo("token_invalid"));
        }
        // One that was there before the sign-in does not become the one of who signs in.
        String after = given().header("Authorization", "Bearer " + token)
                .header("Origin", here())
                .header("Cookie", NAME + "=" + his)
                .post(KEEP)
                .then()
                .statusCode(200)
                .extract()
                .cookie(NAME);
        AccessToken login = ledger.judge(token).token();
        String resumed = resumed(after).statusCode(200).extract().path("accessToken");
        assertThat(ledger.judge(resumed).token().identityId()).isEqualTo(login.identityId());
        // Over TLS the name that needs no TLS is not looked at.
        resumed(NAME + "=" + his, here().replace("http:", "https:"), "same-origin")
                .statusCode(401);
    }

    @Test
    void endsWithTheLogin() {
        String session = kept(token);
        given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", token))
                .post("/api/v1/auth/token/revoke")
                .then()
                .statusCode(200);
        String taken = resumed(session)
                .statusCode(403)
                .body("code", equalTo("token_revoked"))
                .extract()
                .header("Set-Cookie");
        assertThat(taken).startsWith(NAME + "=;").contains("Max-Age=0", "Path=" + RESUME);
        String forged = session.substring(0, session.length() - 4) + "AAAA";
        resumed(forged).statusCode(403).body("code", equalTo("token_invalid"));
        resumed("x".repeat(3000)).statusCode(403).body("code", equalTo("token_invalid"));
    }

    @Test
    void aStaticTokenKeepsNoSession() {
        String held = Api.as()
                .body(Map.of("name", "held", "role", "reader"))
                .post("/api/v1/auth/token-auth/identities/" + somebody.id() + "/tokens")
                .then()
                .statusCode(200)
                .extract()
                .path("accessToken");
        given().header("Authorization", "Bearer " + held)
                .header("Origin", here())
                .post(KEEP)
                .then()
                .statusCode(400)
                .body("code", equalTo("token_not_renewable"))
                .header("Set-Cookie", (String) null);
    }
}
