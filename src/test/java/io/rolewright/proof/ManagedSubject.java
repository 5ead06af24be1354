package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/** A connection whose role changes its own password. */
final class ManagedSubject implements Subject {

    static final String CONNECTIONS = "/api/v1/app-connections/postgres";

    private final Scene scene;
    final String id;
    final TestPostgres.Login initial;

    private ManagedSubject(Scene scene, String id, TestPostgres.Login initial) {
        this.scene = scene;
        this.id = id;
        this.initial = initial;
    }

    static ManagedSubject create(Scene scene, ServiceProcess service) {
        TestPostgres.Login role = scene.target.role("LOGIN");
        return new ManagedSubject(scene, scene.connection(service, role, true), role);
    }

    /** As many as {@link Crashes} changes in turn. */
    static List<Subject> several(Scene scene, ServiceProcess service) {
        return Stream.<Subject>generate(() -> create(scene, service))
                .limit(Crashes.SUBJECTS)
                .toList();
    }

    /** Without a scene. @return its id */
    static String create(ServiceProcess service, JsonObject credentials) {
        return service.post(
                        CONNECTIONS,
                        new JsonObject()
                                .put("name", TestPostgres.uniqueName("self").replace('_', '-'))
                                .put("method", "username-and-password")
                                .put("isPlatformManagedCredentials", true)
                                .put("credentials", credentials))
                .expect(200)
                .json()
                .getJsonObject("appConnection")
                .getString("id");
    }

    static JsonObject credentials(TestPostgres target, TestPostgres.Login role) {
        return new JsonObject()
                .put("host", "127.0.0.1")
                .put("port", target.port())
                .put("database", "postgres")
                .put("username", role.role())
                .put("password", role.password())
                .put("sslEnabled", false);
    }

    JsonObject seen(ServiceProcess service) {
        return service.get(CONNECTIONS + "/" + id).expect(200).json().getJsonObject("appConnection");
    }

    @Override
    public CompletableFuture<ServiceProcess.Answer> change(ServiceProcess service) {
        return service.callAsync("POST", CONNECTIONS + "/" + id + "/rotate", new JsonObject());
    }

    @Override
    public long version(ServiceProcess service) {
        return scene.installation
                .sql("SELECT max(v.number) FROM password_version v JOIN managed_role r ON r.id = v.role_id"
                        + " WHERE v.state = 'CURRENT' AND r.owner_id = '" + id + "'")
                .get(0)
                .getLong(0);
    }

    @Override
    public void assertUsable(ServiceProcess service) {
        // There is one role: between its change and the proof of it the store is a moment behind.
    }

    @Override
    public void assertSettled(ServiceProcess service) {
        assertThat(scene.count("FROM attempt a JOIN managed_role r ON r.id = a.role_id WHERE a.finished_at IS NULL"
                        + " AND r.owner_id = '" + id + "'"))
                .as("attempts of %s under way", id)
                .isZero();
        assertThat(scene.count("FROM password_version v JOIN managed_role r ON r.id = v.role_id WHERE owner_id = '" + id
                        + "' AND v.state IN ('PENDING', 'IN_DOUBT', 'APPLIED')"))
                .as("unfinished versions of %s", id)
                .isZero();
        assertWorks(service);
    }

    /** The service logs in with what it has. */
    void assertWorks(ServiceProcess service) {
        assertThat(service.post(CONNECTIONS + "/" + id + "/test", new JsonObject())
                        .expect(200)
                        .text())
                .as("test of %s", id)
                .contains("\"ok\":true");
    }

    @Override
    public String toString() {
        return "managed connection " + id;
    }
}
