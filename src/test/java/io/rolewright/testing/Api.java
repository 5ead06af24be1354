package io.rolewright.testing;

import static io.restassured.RestAssured.given;

import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Supplier;

/** Calls the service under test as the bootstrap identity. */
public final class Api {

    private static String token;
    private static String issuedTo;

    private Api() {}

    /** A request with a bearer token and a JSON body type. */
    public static RequestSpecification as() {
        return given().header("Authorization", "Bearer " + token()).contentType(ContentType.JSON);
    }

    /** An access token of the bootstrap identity; one per service under test. */
    public static synchronized String token() {
        String service = io.restassured.RestAssured.baseURI + io.restassured.RestAssured.port + TestStore.database();
        if (!service.equals(issuedTo)) {
            token = login();
            issuedTo = service;
        }
        return token;
    }

    /**
     * Sends a request again when its turn on a server did not come in time, as docs/errors.md asks clients to: nothing was begun then. On a machine
     * that does several things at once that happens to a caller who is alone, too.
     */
    public static Response inTurn(Supplier<Response> request) {
        return following(
                5,
                request,
                answer -> isBeforeItsTurn(answer)
                        ? OptionalLong.of(Long.parseLong(answer.header("Retry-After")))
                        : OptionalLong.empty());
    }

    /**
     * Sends a request again for as long as it is refused for a time that its answer names, and waits so long each time.
     *
     * @param most how often it is sent again
     * @param refusedFor the seconds that an answer asks to wait; empty for one that is kept
     * @return the last answer
     */
    public static <T> T following(int most, Supplier<T> request, Function<T, OptionalLong> refusedFor) {
        T answer = request.get();
        for (int again = 0; again < most; again++) {
            OptionalLong seconds = refusedFor.apply(answer);
            if (seconds.isEmpty()) {
                return answer;
            }
            try {
                TimeUnit.SECONDS.sleep(seconds.getAsLong());
            } catch (InterruptedException interrupted) {
                throw new AssertionError(interrupted);
            }
            answer = request.get();
        }
        return answer;
    }

    private static boolean isBeforeItsTurn(Response answer) {
        return answer.statusCode() == 429 && "target_busy".equals(answer.path("code"));
    }

    /** After what has ended all tokens. */
    public static synchronized void forget() {
        issuedTo = null;
    }

    /** Quarkus takes a process for started that does not say yet that it is ready. */
    private static String login() {
        long latest = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        Response answer = tryLogin();
        while ("not_ready".equals(codeOf(answer)) && System.nanoTime() < latest) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            answer = tryLogin();
        }
        return answer.then().statusCode(200).extract().path("accessToken");
    }

    private static Response tryLogin() {
        return given().contentType(ContentType.JSON)
                .body(Map.of("clientId", TestStore.CLIENT_ID, "clientSecret", TestStore.CLIENT_SECRET))
                .post("/api/v1/auth/universal-auth/login");
    }

    private static String codeOf(Response answer) {
        return answer.statusCode() < 400 ? "" : String.valueOf(answer.<Object>path("code"));
    }
}
