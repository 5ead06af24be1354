package io.rolewright.proof;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;

/**
 * A store and a target, each behind a proxy, and replicas of the service between them. Leases are short, so that what a dead process
 * left behind is gone on with soon.
 */
final class Scene implements AutoCloseable {

    /** The jar has just been started whenever it works, and is slow then. */
    static final Duration LEASE = Duration.ofSeconds(ServiceProcess.isNative() ? 5 : 10);

    /** Within that time everything that a crash has left is settled: lease, poll, the run itself, and a slow machine. */
    static final Duration BOUND = Duration.ofSeconds(60);

    final TestPostgres store;
    final TestPostgres target;
    final TcpProxy toStore;
    final TcpProxy toTarget;
    final Installation installation;
    private final TestPostgres.Login manager;

    Scene() {
        store = TestPostgres.own(TestPostgres.NEWEST);
        target = TestPostgres.own(TestPostgres.NEWEST);
        toStore = TcpProxy.to(store);
        toTarget = TcpProxy.to(target);
        manager = target.role("LOGIN CREATEROLE");
        installation = Installation.on(store, toStore)
                .setting("ROLEWRIGHT_CREDENTIAL_LEASE", LEASE.toSeconds() + "s")
                .setting("ROLEWRIGHT_CREDENTIAL_LONGEST_RUN", LEASE.toSeconds() - 1 + "s")
                .setting("ROLEWRIGHT_CREDENTIAL_FIRST_RETRY", "500ms")
                .setting("ROLEWRIGHT_CREDENTIAL_LONGEST_RETRY", "2s")
                .setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")
                .setting("ROLEWRIGHT_ROTATION_MINIMUM_OVERLAP", "0s")
                .setting("ROLEWRIGHT_TARGET_SESSIONS_PER_TARGET", "16")
                .setting("ROLEWRIGHT_TARGET_SESSIONS", "64");
    }

    /** A connection through the proxy, by the role that may change all that {@link #role} makes. */
    String managingConnection(ServiceProcess service) {
        return connection(service, manager, false);
    }

    String connection(ServiceProcess service, TestPostgres.Login login, boolean managed) {
        return service.post(
                        "/api/v1/app-connections/postgres",
                        new JsonObject()
                                .put("name", login.role().replace('_', '-'))
                                .put("method", "username-and-password")
                                .put("isPlatformManagedCredentials", managed)
                                .put("credentials", credentials(login, "postgres")))
                .expect(200)
                .json()
                .getJsonObject("appConnection")
                .getString("id");
    }

    JsonObject credentials(TestPostgres.Login login, String database) {
        return new JsonObject()
                .put("host", "127.0.0.1")
                .put("port", toTarget.port())
                .put("database", database)
                .put("username", login.role())
                .put("password", login.password())
                .put("sslEnabled", false);
    }

    TestPostgres.Login manager() {
        return manager;
    }

    /** A role that the managing one may change. */
    TestPostgres.Login role() {
        return role(manager);
    }

    TestPostgres.Login role(TestPostgres.Login by) {
        TestPostgres.Login role = target.role("LOGIN");
        target.sql("GRANT " + role.role() + " TO " + by.role() + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
        return role;
    }

    /** What the store has of {@code what}, by {@code state}; for what the API does not show. */
    long count(String sql) {
        return installation.sql("SELECT count(*) " + sql).get(0).getLong(0);
    }

    /** Attempts by state and cause, and how many were gone on with by another claim. */
    String attempts() {
        return installation
                .sql(
                        "SELECT string_agg(line, ', ') FROM (SELECT lower(cause || ' ' || state) || ' ' || count(*) || ' ('"
                                + " || count(*) FILTER (WHERE tries > 1) || ' continued)' AS line"
                                + " FROM attempt GROUP BY cause, state ORDER BY 1) l")
                .get(0)
                .getString(0);
    }

    @Override
    public void close() {
        List.<AutoCloseable>of(installation, toTarget, toStore, target, store).forEach(each -> {
            try {
                each.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
    }
}
