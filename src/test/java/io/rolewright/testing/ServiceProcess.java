package io.rolewright.testing;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.File;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What is shipped, the jar or the executable, as a process of its own that can really be killed. Which of the two is what the build
 * made last ({@code target/quarkus-artifact.properties}). Made by an {@link Installation}.
 */
public final class ServiceProcess implements AutoCloseable {

    /** What the service said to a call. {@code json} is empty if that was no JSON object. */
    public record Answer(int status, String text, JsonObject json, java.net.http.HttpHeaders headers) {

        /** @throws AssertionError it is another status */
        public Answer expect(int wanted) {
            if (status != wanted) {
                throw new AssertionError("expected " + wanted + " but it is " + status + ": " + text);
            }
            return this;
        }
    }

    private static final Path TARGET = Path.of("target").toAbsolutePath();
    private static final Duration STARTS_WITHIN = Duration.ofSeconds(180);
    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(20);
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build();

    private final Installation installation;
    private final Map<String, String> settings;
    private final int port = Ports.free();
    private final int managementPort = Ports.free();
    private final Path log;
    private Process process;

    ServiceProcess(Installation installation, Map<String, String> settings) {
        this.installation = installation;
        this.settings = Map.copyOf(settings);
        try {
            log = Files.createTempFile(
                    Files.createDirectories(TARGET.resolve("processes")), installation.database() + "-", ".log");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Evidence.process(log);
        launch();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> process.destroyForcibly()));
    }

    /** Whether it is the executable, which starts forty times as fast. */
    public static boolean isNative() {
        return artifact().getProperty("type").startsWith("native");
    }

    /** The command that starts what is shipped. */
    public static List<String> command(String... options) {
        Properties artifact = artifact();
        Path path = TARGET.resolve(artifact.getProperty("path"));
        if (artifact.getProperty("type").startsWith("native")) {
            return List.of(path.toString());
        }
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + "/bin/java");
        command.addAll(List.of(options));
        command.addAll(List.of("-jar", path.toString()));
        return command;
    }

    /**
     * The same with the heap that is shipped, or with another one: of the executable that of kubernetes/base, of the jar that of
     * Containerfile.jvm.
     *
     * @param heap options that come last, and so win, such as {@code -Xmx8m}
     */
    public static List<String> shippedCommand(String... heap) {
        boolean isNative = isNative();
        String options = isNative
                ? shipped("kubernetes/base/deployment.yaml", "args: \\[(.*)]").replaceAll("[\",]", " ")
                : "-XX:+ExitOnOutOfMemoryError "
                        + shipped("src/main/docker/Containerfile.jvm", "JAVA_TOOL_OPTIONS=\"(.*)\"");
        List<String> all = new ArrayList<>(List.of(options.strip().split(" +")));
        all.addAll(List.of(heap));
        if (!isNative) {
            return command(all.toArray(String[]::new));
        }
        List<String> command = new ArrayList<>(command());
        command.addAll(all);
        return command;
    }

    private static String shipped(String file, String pattern) {
        try {
            Matcher found = Pattern.compile(pattern).matcher(Files.readString(Path.of(file)));
            if (!found.find()) {
                throw new IllegalStateException(file + " has no " + pattern);
            }
            return found.group(1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Properties artifact() {
        try {
            Properties artifact = new Properties();
            artifact.load(new StringReader(Files.readString(TARGET.resolve("quarkus-artifact.properties"))));
            return artifact;
        } catch (IOException e) {
            throw new UncheckedIOException("nothing is packaged yet: ./mvnw package", e);
        }
    }

    // ---- life and death

    private void launch() {
        // The client's compiler alone and the simplest collector: a process that lives for seconds is sooner ready so.
        ProcessBuilder builder = new ProcessBuilder(
                        installation.isAsShipped()
                                ? shippedCommand()
                                : command("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Xshare:auto"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        own(builder.environment(), settings);
        builder.environment().put("QUARKUS_HTTP_PORT", Integer.toString(port));
        builder.environment().put("QUARKUS_MANAGEMENT_PORT", Integer.toString(managementPort));
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Leaves no settings but these. */
    static void own(Map<String, String> environment, Map<String, String> settings) {
        environment
                .keySet()
                .removeIf(name ->
                        name.startsWith("QUARKUS") || name.startsWith("ROLEWRIGHT") || name.startsWith("ALLOW_"));
        environment.putAll(settings);
    }

    /** Starts it again after {@link #kill} or {@link #stop}, on the same ports. */
    public void restart() {
        launchAgain();
        awaitReady();
    }

    /** The same without waiting for it to be ready. */
    public void launchAgain() {
        if (process.isAlive()) {
            throw new IllegalStateException("it still runs");
        }
        launch();
    }

    /** @throws IllegalStateException it ended, or is not ready in time; says what it said last */
    public void awaitReady() {
        long end = System.nanoTime() + STARTS_WITHIN.toNanos();
        while (!ready()) {
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new IllegalStateException(
                        (process.isAlive() ? "not ready in time" : "ended with " + process.exitValue()) + ":\n"
                                + lastWords());
            }
            pause(Duration.ofMillis(isNative() ? 5 : 50));
        }
    }

    public boolean ready() {
        return readiness().status == 200;
    }

    /** What a probe of readiness is told. */
    public Answer readiness() {
        return get(managementPort, "/q/health/ready", Duration.ofSeconds(5));
    }

    /** What a probe of liveness is told. */
    public Answer live() {
        return get(managementPort, "/q/health/live", Duration.ofSeconds(5));
    }

    /** Where it serves the API. */
    public int port() {
        return port;
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Of a process that has ended. */
    public int exitValue() {
        return process.exitValue();
    }

    public long pid() {
        return process.pid();
    }

    /** {@code kill -9}; returns when it is gone. */
    public void kill() {
        process.destroyForcibly();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException("process " + process.pid() + " survives SIGKILL");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** {@code kill -9} from a thread that must not wait. */
    public void killAtOnce() {
        process.destroyForcibly();
    }

    /** SIGSTOP: it stands still between two instructions, sockets open. */
    public void freeze() {
        signal("STOP");
    }

    /** SIGCONT. */
    public void thaw() {
        signal("CONT");
    }

    /** SIGTERM; returns when it has ended, or fails after a minute. */
    public void stop() {
        process.destroy();
        try {
            if (!process.waitFor(1, TimeUnit.MINUTES)) {
                throw new IllegalStateException("it does not stop:\n" + lastWords());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** @param name the signal's, without SIG, as {@code kill} takes it: "USR1" */
    public void signal(String name) {
        try {
            int code = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                    .start()
                    .waitFor();
            if (code != 0) {
                throw new IllegalStateException("kill -" + name + " failed");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        kill();
    }

    // ---- what it holds

    /** All that it has said since it was first started. */
    public String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String lastWords() {
        String all = log();
        return all.substring(Math.max(0, all.length() - 4000));
    }

    /** Its sockets that are open now, as the kernel lists them. */
    public Sockets sockets() {
        return new Sockets(pid());
    }

    /** Its threads, as the kernel counts them. */
    public int threads() {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid() + "/task"))) {
            return (int) tasks.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What it gives to Prometheus. */
    public String metrics() {
        return get(managementPort, "/q/metrics", ANSWERS_WITHIN).text;
    }

    // ---- calls

    public Answer get(String path) {
        return call("GET", path, null);
    }

    public Answer post(String path, JsonObject body) {
        return call("POST", path, body);
    }

    public Answer patch(String path, JsonObject body) {
        return call("PATCH", path, body);
    }

    public Answer delete(String path) {
        return call("DELETE", path, null);
    }

    /** A call as the first identity. Status 0 and the reason if there is no answer, as when the service is killed meanwhile. */
    public Answer call(String method, String path, JsonObject body) {
        return callAsync(method, path, body).join();
    }

    /** The same, without waiting. Never fails. */
    public CompletableFuture<Answer> callAsync(String method, String path, JsonObject body) {
        return send(request(port, path, ANSWERS_WITHIN)
                .header("Authorization", "Bearer " + installation.token(this))
                .header("Content-Type", "application/json")
                .method(
                        method,
                        body == null
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofString(body.encode()))
                .build());
    }

    /** A GET by who says what he has. */
    public Answer ifNoneMatch(String path, String etag) {
        return send(request(port, path, ANSWERS_WITHIN)
                        .header("Authorization", "Bearer " + installation.token(this))
                        .header("If-None-Match", etag)
                        .build())
                .join();
    }

    /** A call with this access token. */
    public Answer callAs(String token, String method, String path) {
        return send(request(port, path, ANSWERS_WITHIN)
                        .header("Authorization", "Bearer " + token)
                        .method(method, HttpRequest.BodyPublishers.noBody())
                        .build())
                .join();
    }

    String login(String clientId, String clientSecret) {
        JsonObject body = new JsonObject().put("clientId", clientId).put("clientSecret", clientSecret);
        return send(request(port, "/api/v1/auth/universal-auth/login", ANSWERS_WITHIN)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body.encode()))
                        .build())
                .join()
                .expect(200)
                .json
                .getString("accessToken");
    }

    private static Answer get(int port, String path, Duration within) {
        return send(request(port, path, within).build()).join();
    }

    private static HttpRequest.Builder request(int port, String path, Duration within) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .timeout(within);
    }

    private static CompletableFuture<Answer> send(HttpRequest request) {
        return HTTP.sendAsync(request, HttpResponse.BodyHandlers.ofString())
                .handle((response, failure) -> failure != null
                        ? new Answer(
                                0,
                                failure.toString(),
                                new JsonObject(),
                                java.net.http.HttpHeaders.of(Map.of(), (a, b) -> true))
                        : new Answer(
                                response.statusCode(), response.body(), json(response.body()), response.headers()));
    }

    private static JsonObject json(String text) {
        try {
            return text.startsWith("{") ? new JsonObject(text) : new JsonObject();
        } catch (DecodeException none) {
            return new JsonObject();
        }
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
