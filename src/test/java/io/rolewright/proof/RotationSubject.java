package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;

/** A rotation of one role or of two. */
final class RotationSubject implements Subject {

    static final String ROTATIONS = "/api/v2/secret-rotations/postgres-credentials";

    private final Scene scene;
    private final boolean dual;
    final String id;
    final TestPostgres.Login first;
    final TestPostgres.Login second;
    private final Map<String, String> lastServed = new HashMap<>();

    private RotationSubject(Scene scene, boolean dual, String id, TestPostgres.Login first, TestPostgres.Login second) {
        this.scene = scene;
        this.dual = dual;
        this.id = id;
        this.first = first;
        this.second = second;
    }

    /** As many as {@link Crashes} changes in turn: two thirds of two roles, one third of one. */
    static List<Subject> several(Scene scene, ServiceProcess service, String connection) {
        return IntStream.range(0, Crashes.SUBJECTS)
                .<Subject>mapToObj(i -> create(scene, service, connection, i % 3 != 2))
                .toList();
    }

    static RotationSubject create(Scene scene, ServiceProcess service, String connection, boolean dual) {
        return create(scene, service, connection, dual, new JsonObject());
    }

    /** @param more fields of the body */
    static RotationSubject create(
            Scene scene, ServiceProcess service, String connection, boolean dual, JsonObject more) {
        return create(scene, service, connection, dual, more, scene.manager());
    }

    /** @param manager as which the connection logs in */
    static RotationSubject create(
            Scene scene,
            ServiceProcess service,
            String connection,
            boolean dual,
            JsonObject more,
            TestPostgres.Login manager) {
        TestPostgres.Login first = scene.role(manager);
        TestPostgres.Login second = scene.role(manager);
        JsonObject parameters = new JsonObject().put("username1", first.role());
        if (dual) {
            parameters.put("username2", second.role());
        }
        String id = service.post(
                        ROTATIONS,
                        body(scene, service, connection, dual, first, parameters)
                                .mergeIn(more))
                .expect(200)
                .json()
                .getJsonObject("secretRotation")
                .getString("id");
        return new RotationSubject(scene, dual, id, first, second);
    }

    static JsonObject body(
            Scene scene,
            ServiceProcess service,
            String connection,
            boolean dual,
            TestPostgres.Login first,
            JsonObject parameters) {
        String project = service.get("/api/v1/projects").expect(200).json().getJsonArray("projects").stream()
                .map(JsonObject.class::cast)
                .filter(each -> each.getString("slug").equals("default"))
                .findFirst()
                .orElseThrow()
                .getString("id");
        return new JsonObject()
                .put("name", first.role().replace('_', '-'))
                .put("projectId", project)
                .put("connectionId", connection)
                .put("environment", "prod")
                .put("secretPath", "/")
                .put("isAutoRotationEnabled", false)
                .put("rotationInterval", 30)
                .put("strategy", dual ? "dual" : "single")
                .put("parameters", parameters)
                .put(
                        "secretsMapping",
                        new JsonObject()
                                .put("username", first.role().toUpperCase(Locale.ROOT) + "_USER")
                                .put("password", first.role().toUpperCase(Locale.ROOT) + "_PASSWORD"));
    }

    /** The credential that consumers are given. */
    TestPostgres.Login served(ServiceProcess service) {
        // A process that has just been started on a busy machine may say that its store is slow; then it says nothing
        // wrong.
        JsonObject answer = Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .until(
                        () -> service.get(ROTATIONS + "/" + id + "/generated-credentials"),
                        reply -> reply.status() != 503)
                .expect(200)
                .json();
        JsonArray credentials = answer.getJsonArray("generatedCredentials");
        JsonObject active = credentials.getJsonObject(credentials.size() == 1 ? 0 : answer.getInteger("activeIndex"));
        return new TestPostgres.Login(active.getString("username"), active.getString("password"));
    }

    JsonObject seen(ServiceProcess service) {
        return service.get(ROTATIONS + "/" + id).expect(200).json().getJsonObject("secretRotation");
    }

    @Override
    public CompletableFuture<ServiceProcess.Answer> change(ServiceProcess service) {
        return service.callAsync("POST", ROTATIONS + "/" + id + "/rotate-secrets", null);
    }

    @Override
    public long version(ServiceProcess service) {
        return seen(service).getLong("credentialVersion");
    }

    @Override
    public void assertUsable(ServiceProcess service) {
        // A single role has a moment in which the target is ahead of what is served; two never have.
        if (dual) {
            assertServedLogsIn(service);
        }
    }

    TestPostgres.Login assertServedLogsIn(ServiceProcess service) {
        TestPostgres.Login served = served(service);
        assertThat(scene.target.login(served.role(), served.password()))
                .as("login of %s with what is served for %s", served.role(), id)
                .isEqualTo("ok");
        return served;
    }

    @Override
    public void assertSettled(ServiceProcess service) {
        assertThat(seen(service).getString("state")).as("state of %s", id).isEqualTo("ok");
        assertNothingIsOpen();
        TestPostgres.Login served = assertServedLogsIn(service);
        String before = lastServed.put(served.role(), served.password());
        if (before != null && !before.equals(served.password())) {
            assertThat(scene.target.login(served.role(), before))
                    .as("the password of %s before this one", served.role())
                    .isEqualTo("28P01");
        }
    }

    void assertNothingIsOpen() {
        assertThat(scene.count("FROM attempt WHERE finished_at IS NULL AND owner_id = '" + id + "'"))
                .as("attempts of %s under way", id)
                .isZero();
        assertThat(scene.count("FROM password_version v JOIN managed_role r ON r.id = v.role_id WHERE owner_id = '" + id
                        + "' AND v.state IN ('PENDING', 'IN_DOUBT', 'APPLIED')"))
                .as("unfinished versions of %s", id)
                .isZero();
    }

    @Override
    public String toString() {
        return (dual ? "dual " : "single ") + id;
    }
}
