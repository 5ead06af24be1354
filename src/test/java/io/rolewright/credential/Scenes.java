package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.vertx.VertxContextSupport;
import io.restassured.response.Response;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.target.Deadline;
import io.rolewright.target.Errand;
import io.rolewright.target.Login;
import io.rolewright.target.Targets;
import io.rolewright.target.TlsSettings;
import io.rolewright.testing.Api;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestStore;
import io.smallrye.mutiny.Uni;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.awaitility.Awaitility;

/** Builds roles under management on real servers, and does to them what the service does. */
@Singleton
class Scenes {

    static final Duration LONG = Duration.ofSeconds(15);

    private final ManagedRoles roles;
    private final PasswordChanges changes;
    private final DueRoles due;
    private final Passwords passwords;
    private final RoleChecks checks;
    private final Claims claims;
    private final Targets targets;
    private final RowSeals seals;

    Scenes(
            ManagedRoles roles,
            PasswordChanges changes,
            DueRoles due,
            Passwords passwords,
            RoleChecks checks,
            Claims claims,
            Targets targets,
            RowSeals seals) {
        this.roles = roles;
        this.changes = changes;
        this.due = due;
        this.passwords = passwords;
        this.checks = checks;
        this.claims = claims;
        this.targets = targets;
        this.seals = seals;
    }

    static <T> T await(Supplier<Uni<T>> work) {
        try {
            return VertxContextSupport.subscribeAndAwait(work);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** A connection to {@code server} by {@code port}, which may be a proxy's, as {@code login}. */
    static UUID connection(TestPostgres server, int port, TestPostgres.Login login) {
        Response created = Api.as()
                .body(Map.of(
                        "name",
                        TestPostgres.uniqueName("managing").replace('_', '-'),
                        "method",
                        "username-and-password",
                        "credentials",
                        credentials(server, port, login)))
                .post("/api/v1/app-connections/postgres");
        return UUID.fromString(created.then().statusCode(200).extract().path("appConnection.id"));
    }

    static Map<String, Object> credentials(TestPostgres server, int port, TestPostgres.Login login) {
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("host", server.host());
        credentials.put("port", port);
        credentials.put("database", "postgres");
        credentials.put("username", login.role());
        credentials.put("password", login.password());
        credentials.put("sslEnabled", false);
        return credentials;
    }

    Scene on(TestPostgres server) {
        return on(server, server.port());
    }

    Scene on(TestPostgres server, int port) {
        return on(server, port, server.role("LOGIN CREATEROLE"), server.role("LOGIN"));
    }

    Scene on(TestPostgres server, int port, TestPostgres.Login manager, TestPostgres.Login managed) {
        if (server.sql("SELECT current_setting('server_version_num')::int >= 160000")
                .get(0)
                .getBoolean(0)) {
            server.sql(
                    "GRANT " + managed.role() + " TO " + manager.role() + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
        }
        UUID connection = connection(server, port, manager);
        RoleChecks.Check check = await(() -> checks.check(
                new RoleChecks.Question(connection, managed.role(), null, true, false, (kind, project) -> true),
                Deadline.in(LONG)));
        UUID owner = UUID.randomUUID();
        UUID role = UUID.randomUUID(); // what it says of its roles is of no matter here
        String seal = HexFormat.of().formatHex(seals.seal(SealedRow.MANAGED_CONNECTION, owner, role));
        TestStore.sql("INSERT INTO credential (id, strategy, connection_id, role1_id, active_index, auto_rotation,"
                + " last_rotation_manual, failures, roles_to_revoke, drift_policy, takeover, allow_privileged, name,"
                + " created_at, updated_at, row_seal) VALUES ('" + owner + "', 'SELF', '" + connection
                + "', '" + role + "', 0, false, true, 0, 0, 'REPORT', false, false, 'scene', now(), now(), '\\x" + seal
                + "')");
        Scene scene = new Scene(
                server,
                manager,
                managed,
                connection,
                owner,
                await(() -> roles.register(new ManagedRoles.NewRole(
                        ManagedRoles.CONNECTION,
                        owner,
                        connection,
                        false,
                        managed.role(),
                        check.server(),
                        (kind, project) -> true))));
        await(() -> changes.mark(scene.role, Deadline.in(LONG)));
        return scene;
    }

    List<Claim> claimDue(Set<UUID> leaveOut) {
        return await(() -> due.claim(1000, leaveOut));
    }

    void purge() {
        await(roles::purge);
    }

    /** The turn of requests on a server, kept. */
    static final class Turn implements AutoCloseable {
        private final CompletableFuture<Void> over = new CompletableFuture<>();
        private final CompletableFuture<Void> done;

        Turn(Targets targets, TestPostgres server, int port) {
            CompletableFuture<Void> begun = new CompletableFuture<>();
            Login there = new Login(server.host(), port, "postgres", "nobody", TlsSettings.DISABLED, "x");
            done = targets.admitted(there, Errand.CHANGE, Deadline.in(LONG), own -> {
                        begun.complete(null);
                        return Uni.createFrom().completionStage(over);
                    })
                    .subscribeAsCompletionStage();
            begun.join();
        }

        @Override
        public void close() {
            over.complete(null);
            done.join();
        }
    }

    /** A server, a role on it that is under management, and the connection that changes it. */
    final class Scene {
        final TestPostgres server;
        final TestPostgres.Login manager;
        final TestPostgres.Login managed;
        final UUID connection;
        final UUID owner;
        final UUID role;

        Scene(
                TestPostgres server,
                TestPostgres.Login manager,
                TestPostgres.Login managed,
                UUID connection,
                UUID owner,
                UUID role) {
            this.server = server;
            this.manager = manager;
            this.managed = managed;
            this.connection = connection;
            this.owner = owner;
            this.role = role;
        }

        ChangeOutcome change(Cause cause) {
            return change(cause, LONG);
        }

        ChangeOutcome change(Cause cause, Duration within) {
            return await(() -> changes.change(role, cause, Actor.SERVICE, false, Deadline.in(within)));
        }

        /**
         * As a request that has its turn at another address of the server, where nobody answers.
         *
         * @param elsewhere whose port nobody listens at
         */
        ChangeOutcome changeFromAnAddressThatDoesNotAnswer(Cause cause, Login elsewhere, Duration within) {
            return await(() -> targets.admitted(
                    elsewhere,
                    Errand.CHANGE,
                    Deadline.in(within),
                    own -> changes.change(
                            role, cause, new Actor(UUID.randomUUID(), "tester", null, "req-1"), false, own)));
        }

        /** Keeps the turn of requests on the server until it is closed. */
        Turn holdTheTurn(int port) {
            return new Turn(targets, server, port);
        }

        /** @param column of the credential */
        void terms(String column, String value) {
            TestStore.sql("UPDATE credential SET " + column + " = '" + value + "' WHERE id = '" + owner + "'");
        }

        /** What became known of the credential, as "type what" in the order in which it happened. */
        List<String> facts() {
            return TestStore.sql("SELECT concat_ws(' ', type, coalesce(facts->>'reason', credential_version::text))"
                            + " FROM outbox_fact WHERE subject_id = '" + owner + "' ORDER BY position")
                    .stream()
                    .map(row -> row.getString(0))
                    .toList();
        }

        ChangeOutcome force() {
            return await(() -> changes.change(role, Cause.MANUAL, Actor.SERVICE, true, Deadline.in(LONG)));
        }

        /** Waits are not waited for: what is parked, leased or to be probed is due at once. */
        void makeDue() {
            TestStore.sql(
                    "UPDATE managed_role SET due_at = now() - interval '1 second', lease_until = NULL WHERE id = '"
                            + role + "'");
        }

        /** What the ticker does, for this role alone. */
        void carryOn() {
            makeDue();
            for (Claim claim : claimDue(Set.of())) {
                if (claim.roleId().equals(role)) {
                    carryOn(claim);
                }
            }
            // The clock of the service may have been quicker, and be at it still.
            Awaitility.await()
                    .untilAsserted(() -> assertThat(TestStore.sql(
                                    "SELECT 1 FROM managed_role WHERE id = '" + role + "' AND lease_until IS NULL"))
                            .hasSize(1));
        }

        void carryOn(Claim claim) {
            await(() -> due.carryOn(claim, Deadline.in(LONG)));
        }

        Claim claim(Cause cause) {
            return await(() -> claims.claim(role, cause, Actor.SERVICE, false));
        }

        String current() {
            return await(() -> passwords.current(role, (name, password, number) -> password));
        }

        RoleStatus status() {
            return await(() -> roles.status(role));
        }

        String opens(String password) {
            return server.login(managed.role(), password);
        }

        String comment() {
            return server.sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '"
                            + managed.role() + "'")
                    .get(0)
                    .getString(0);
        }

        List<String> versions() {
            return TestStore.sql("SELECT number || ' ' || state FROM password_version WHERE role_id = '" + role
                            + "' ORDER BY number")
                    .stream()
                    .map(row -> row.getString(0))
                    .toList();
        }

        List<String> attempts() {
            return TestStore.sql(
                            "SELECT cause || ' ' || state || coalesce(' ' || reason, '') FROM attempt WHERE role_id"
                                    + " = '" + role + "' ORDER BY started_at")
                    .stream()
                    .map(row -> row.getString(0))
                    .toList();
        }

        void forget() {
            await(() -> roles.forget(role));
        }

        /** After {@link #forget}. */
        void endMarker() {
            await(() -> changes.endMarker(role, Deadline.in(LONG)));
        }
    }
}
