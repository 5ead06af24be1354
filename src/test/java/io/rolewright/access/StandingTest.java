package io.rolewright.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.hamcrest.Matchers.equalTo;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.vertx.VertxContextSupport;
import io.restassured.http.ContentType;
import io.restassured.response.ValidatableResponse;
import io.rolewright.sealing.Resealed;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.Sealer;
import io.rolewright.testing.TestStore;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.inject.Inject;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Tokens stand for what their identity is now, in every replica within the bound. */
@QuarkusTest
class StandingTest {

    private static final String SECRET = "a secret of the tests, 32 characters or more";

    @Inject
    RowSeals seals;

    @Inject
    Sealer sealer;

    @Inject
    Pool pool;

    @Inject
    Clock clock;

    @Inject
    AccessConfig access;

    @Inject
    TokenLedger ledger;

    @Inject
    Standings standings;

    private final UUID identity = UUID.randomUUID();
    private final UUID secret = UUID.randomUUID();
    private String token;

    @BeforeEach
    void anIdentityThatIsAReader() {
        var fingerprint =
                java.util.HexFormat.of().formatHex(ClientSecret.fingerprint(sealer, identity.toString(), SECRET));
        Resealed.sql("insert into identity (id, name, client_id) values ('" + identity + "', 'standing', '" + identity
                + "'); insert into client_secret (id, identity_id, fingerprint) values ('" + secret + "', '" + identity
                + "', '\\x" + fingerprint + "')");
        bind(null, Role.READER);
        token = given().contentType(ContentType.JSON)
                .body(Map.of("clientId", identity.toString(), "clientSecret", SECRET))
                .post("/api/v1/auth/universal-auth/login")
                .then()
                .statusCode(200)
                .extract()
                .path("accessToken");
    }

    @Nested
    class ChangedByAnotherReplica {

        @BeforeEach
        void thisOneKnowsTheIdentity() {
            list().statusCode(200);
        }

        @Test
        void aRoleTakenAwayNoLongerCounts() {
            TestStore.sql("delete from role_binding where identity_id = '" + identity + "'");
            changed();

            list().statusCode(403).body("code", equalTo("permission_denied"));
        }

        @Test
        void aRoleGivenCounts() {
            create().statusCode(403);
            bind(null, Role.ADMIN);
            changed();

            create().statusCode(200);
        }

        @Test
        void aClientSecretThatIsGoneEndsItsTokens() {
            TestStore.sql("delete from client_secret where id = '" + secret + "'");
            changed();

            list().statusCode(403).body("code", equalTo("token_revoked"));
            renew().statusCode(403).body("code", equalTo("token_revoked"));
        }

        @Test
        void anIdentityThatIsGoneIsNobody() {
            TestStore.sql("delete from identity where id = '" + identity + "'");
            changed();

            list().statusCode(403).body("code", equalTo("token_revoked"));
        }

        @Test
        void aRoleOfANewerBuildIsNoRole() {
            Resealed.sql("update role_binding set role = 'emperor' where identity_id = '" + identity + "'");
            changed();

            list().statusCode(403).body("code", equalTo("permission_denied"));
        }

        /** What the transaction of the other replica writes, and what this one does within five seconds. */
        private void changed() {
            await(() -> Panache.withTransaction(
                    () -> Panache.getSession().chain(session -> Standings.changed(session, identity))));
            ledger.age(access.revocationDelay());
        }
    }

    /** Two replicas by hand, beside the running one, on the same store. */
    @Test
    void aReplicaTrustsNoCopyLongerThanTheBound() {
        var other = new Standings(pool, seals);
        var othersLedger = new TokenLedger(pool, sealer, new Organisation(), other, clock, access);
        var callers = new Callers(othersLedger, other, sealer, clock);
        assertThat(await(() -> callers.ask(token, "192.0.2.1")).grants().organisation())
                .containsExactly(Role.READER);
        assertThat(callers.known(token, "192.0.2.1"))
                .as("no query is needed now")
                .isNotNull();

        Resealed.sql("update role_binding set role = 'operator' where identity_id = '" + identity + "'");
        await(() -> Panache.withTransaction(
                () -> Panache.getSession().chain(session -> Standings.changed(session, identity))));
        assertThat(callers.known(token, "192.0.2.1").grants().organisation())
                .as("a copy, not older than the bound")
                .containsExactly(Role.READER);
        othersLedger.age(access.revocationDelay());

        assertThat(callers.known(token, "192.0.2.1")).as("too old to judge by").isNull();
        assertThat(await(() -> callers.ask(token, "192.0.2.1")).grants().organisation())
                .containsExactly(Role.OPERATOR);
    }

    @Test
    void manyRequestsAtOnceShareOneQuery() {
        standings.forget(List.of(identity));

        List<Standing> answers = await(() -> Uni.join()
                .all(standings.read(identity), standings.read(identity))
                .andFailFast());

        assertThat(answers.get(0)).isSameAs(answers.get(1));
    }

    /** The answer was on its way when the change came: it must not be kept. */
    @Test
    void anAnswerThatAChangeHasOvertakenIsNotKept() {
        var other = new Standings(pool, seals);

        await(() -> other.read(identity).invoke(() -> other.forget(Set.of(identity))));

        assertThat(other.known(identity)).isNull();
    }

    @Test
    void changesAreSweptWhenEveryCopyHasOutlivedThem() {
        TestStore.sql("insert into access_change values (gen_random_uuid(), now() - interval '25 hours')");

        await(() -> Panache.withTransaction(
                () -> Panache.getSession().chain(session -> Standings.changed(session, identity))));

        assertThat(TestStore.sql("select from access_change where at < now() - interval '1 day'"))
                .isEmpty();
    }

    @Test
    void aTokenOfNobodyIsRefused() {
        var stranger = UUID.randomUUID();
        var signed = ledger.sign(new AccessToken(
                UUID.randomUUID(),
                stranger,
                "stranger",
                secret,
                clock.instant(),
                clock.instant(),
                clock.instant().plus(Duration.ofHours(1)),
                clock.instant().plus(Duration.ofHours(1))));

        assertThatThrownBy(() -> await(() -> new Callers(ledger, standings, sealer, clock).ask(signed, "192.0.2.1")))
                .isInstanceOf(TokenRefused.class)
                .hasMessageContaining("revoked");
    }

    private void bind(UUID project, Role role) {
        Resealed.sql("insert into role_binding (identity_id, project_id, role) values ('" + identity + "', "
                + (project == null ? "null" : "'" + project + "'") + ", '" + role.storedName() + "')");
    }

    private ValidatableResponse list() {
        return given().header("Authorization", "Bearer " + token)
                .get("/api/v1/app-connections")
                .then();
    }

    private ValidatableResponse renew() {
        return given().contentType(ContentType.JSON)
                .body(Map.of("accessToken", token))
                .post("/api/v1/auth/token/renew")
                .then();
    }

    private ValidatableResponse create() {
        return given().header("Authorization", "Bearer " + token)
                .contentType(ContentType.JSON)
                .body(Map.of("projectName", "standing " + UUID.randomUUID()))
                .post("/api/v1/projects")
                .then();
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
