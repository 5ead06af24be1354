package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TestPostgres;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.awaitility.Awaitility;

/**
 * A documented consumer of one credential, which keeps what it was given last and asks for what comes after it, whatever becomes of the
 * service: by ETag, or by the number of the version. To it, numbers only grow, and each stands for one password.
 */
final class Follower implements AutoCloseable {

    /** How a consumer asks for what is new. */
    enum Way {
        ETAGS,
        VERSIONS
    }

    private record Held(long version, String tag, String username, String password) {}

    private static final Duration APART = Duration.ofMillis(200);

    private final String path;
    private final Way way;
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private final Map<String, String> passwords = new ConcurrentHashMap<>();
    private final Thread thread;
    private volatile ServiceProcess service;
    private volatile Held held = new Held(0, "\"none\"", "", "");
    private volatile boolean closed;

    /** @param path of the credential's {@code active} */
    Follower(ServiceProcess service, String path, Way way) {
        this.service = service;
        this.path = path;
        this.way = way;
        this.thread = new Thread(this::follow, "follower of " + path);
        thread.setDaemon(true);
        thread.start();
    }

    private void follow() {
        while (!closed) {
            Answer answer = way == Way.ETAGS
                    ? service.ifNoneMatch(path, held.tag)
                    : service.get(path + "?timeout=2&waitForVersion=" + (held.version + 1));
            if (answer.status() == 200) {
                take(answer);
            }
            if (way == Way.ETAGS || answer.status() != 200) {
                pause();
            }
        }
    }

    private void take(Answer answer) {
        JsonObject served = answer.json();
        Held got = new Held(
                served.getLong("credentialVersion"),
                answer.headers().firstValue("ETag").orElse(""),
                served.getString("username"),
                served.getString("password"));
        if (got.version < held.version || way == Way.VERSIONS && got.version == held.version) {
            faults.add("version " + got.version + " after " + held.version);
        }
        for (String of : List.of("version " + got.version, "ETag " + got.tag)) {
            String before = passwords.putIfAbsent(of, got.password);
            if (before != null && !before.equals(got.password)) {
                faults.add(of + " stands for two passwords");
            }
        }
        held = got;
    }

    /** It asks another service from now on, with what it has. */
    void ask(ServiceProcess other) {
        service = other;
    }

    private static void pause() {
        try {
            Thread.sleep(APART.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits until it has what is served under this number, or a later one. */
    void awaitCaughtUp(long version) {
        Awaitility.await(this + " has version " + version)
                .atMost(Duration.ofSeconds(20))
                .until(() -> held.version >= version);
    }

    /** That what it has opens its role, and that nothing it was given on the way contradicts another. */
    void assertWell(TestPostgres target) {
        assertThat(faults).as(toString()).isEmpty();
        Held now = held;
        assertThat(target.login(now.username, now.password))
                .as("%s with version %d", this, now.version)
                .isEqualTo("ok");
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public String toString() {
        return "who follows " + way + " of " + path;
    }
}
