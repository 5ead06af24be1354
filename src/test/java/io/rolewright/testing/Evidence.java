package io.rolewright.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quarkus.test.junit.callback.QuarkusTestBeforeEachCallback;
import io.quarkus.test.junit.callback.QuarkusTestMethodContext;
import io.restassured.RestAssured;
import io.restassured.filter.Filter;
import io.restassured.filter.FilterContext;
import io.restassured.response.Response;
import io.restassured.specification.FilterableRequestSpecification;
import io.restassured.specification.FilterableResponseSpecification;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jboss.logmanager.formatters.PatternFormatter;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/**
 * What a test that fails shows besides its own words: the last calls with their answers, and the last lines of the log of the service,
 * which is in this process or in others that the test started. It is on for all tests ({@code META-INF/services}), and comes as a
 * suppressed exception of the failure.
 *
 * <p>No secret is in it: of a body only the values of fields that are known to hold none are shown ({@link #SHOWN}), of a query only
 * its names, of headers none that a caller sends. {@code proof.SecretLeakTest} looks for its secrets here as well.
 */
public final class Evidence
        implements BeforeAllCallback,
                TestExecutionExceptionHandler,
                LifecycleMethodExecutionExceptionHandler,
                QuarkusTestBeforeEachCallback,
                Filter {

    private static final int CALLS = 8;
    private static final int LINES = 60;
    private static final int LONGEST_BODY = 2000;

    /** In milliseconds: the kernel takes the times of files from a clock that it moves now and then. */
    private static final long FILE_TIMES_LAG = 100;

    /** What is kept: the calls of a whole test, for the one that looks for secrets in them. */
    private static final int KEPT = 2000;

    /** Who waits for what must come fails late rather than by chance: machines that build are busy, and 10 s is the default. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final String CALL = "call";
    private static final String PROCESS = "process";
    private static final String BEGUN = "begun";

    /** Where what is shipped writes its log in a {@code @QuarkusIntegrationTest}. */
    private static final Path SHIPPED_LOG = Path.of(System.getProperty("quarkus.log.file.path", "target/quarkus.log"));

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Fields of bodies whose text is shown; with those that end with Id or At. Of the others, only that they are there. */
    private static final Set<String> SHOWN = Set.of(
            "id",
            "statusCode",
            "error",
            "code",
            "message",
            "path",
            "reason",
            "step",
            "sqlState",
            "state",
            "stateReason",
            "status",
            "outcome",
            "rotationStatus",
            "name",
            "slug",
            "role",
            "roles",
            "username",
            "type",
            "operation");

    /** In lines of the log, which hold no secret by contract: what would be one if the contract were broken. */
    private static final List<Pattern> MASKED = List.of(
            Pattern.compile("-----BEGIN [^-]*PRIVATE KEY-----.*?(?:-----END [^-]*-----|$)", Pattern.DOTALL),
            Pattern.compile("(?<=(?i:bearer|basic) )[^\\s\"',]+"),
            Pattern.compile("eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]*"),
            Pattern.compile("SCRAM-SHA-256\\$\\S+"),
            Pattern.compile("(?<=://)[^\\s/@:]+:[^\\s/@]+(?=@)"),
            Pattern.compile(
                    "(?<=(?i:password|passwd|secret|token|credential|authorization|key)\"? ?[:=] ?\"?)[^\\s\"',;}]+"),
            Pattern.compile("(?<=(?i:password) ')(?:[^']|'')*"));

    // ---- What is kept

    /**
     * One for the process, whichever class loader this class is loaded by: found by its name among the handlers of the root logger,
     * and spoken to as the {@link Handler} that all loaders know. Its {@link #toString} gives what is kept.
     */
    static final class Kept extends Handler {

        private final PatternFormatter format =
                new PatternFormatter("%d{HH:mm:ss,SSS} %-5p [%c{2.}] %X{requestId} %s%e");
        private final Deque<String> calls = new ArrayDeque<>();
        private final Deque<String> lines = new ArrayDeque<>();
        private final Set<String> processes = new LinkedHashSet<>();

        static Handler find() {
            synchronized (System.class) {
                Logger root = Logger.getLogger("");
                return Arrays.stream(root.getHandlers())
                        .filter(handler -> handler.getClass().getName().equals(Kept.class.getName()))
                        .findFirst()
                        .orElseGet(() -> {
                            Handler made = new Kept();
                            made.setLevel(Level.INFO);
                            root.addHandler(made);
                            return made;
                        });
            }
        }

        static void put(String kind, String text) {
            LogRecord record = new LogRecord(Level.INFO, text);
            record.setLoggerName(Evidence.class.getName() + "." + kind);
            find().publish(record);
        }

        @Override
        public synchronized void publish(LogRecord record) {
            if (record.getLevel().intValue() < Level.INFO.intValue()) {
                return;
            }
            String name = String.valueOf(record.getLoggerName());
            if (name.equals(Evidence.class.getName() + "." + PROCESS)) {
                processes.add(record.getMessage());
            } else if (name.equals(Evidence.class.getName() + "." + CALL)) {
                keep(calls, record.getMessage());
            } else {
                keep(lines, format.format(record).strip());
            }
        }

        private static void keep(Deque<String> kept, String text) {
            kept.addLast(text);
            if (kept.size() > KEPT) {
                kept.removeFirst();
            }
        }

        /** Each with its kind before it, and a character between them that is in none. */
        @Override
        public synchronized String toString() {
            return Stream.of(
                            calls.stream().map(text -> CALL + " " + text),
                            lines.stream().map(text -> "line " + text),
                            processes.stream().map(text -> PROCESS + " " + text))
                    .flatMap(texts -> texts)
                    .collect(Collectors.joining("\0"));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    private static List<String> kept(String kind) {
        return Arrays.stream(Kept.find().toString().split("\0"))
                .filter(text -> text.startsWith(kind + " "))
                .map(text -> text.substring(kind.length() + 1))
                .toList();
    }

    /** A process that a test has started: the last lines of its log are shown when the test fails. */
    static void process(Path log) {
        Kept.put(PROCESS, log.toAbsolutePath().toString());
    }

    /** Calls and answers as they would be shown, the oldest first; at most 2000. */
    public static List<String> calls() {
        return kept(CALL);
    }

    /** The others are another test's. */
    private static List<String> callsSince(long since) {
        return kept(CALL).stream()
                .filter(call ->
                        Instant.parse(call.substring(0, call.indexOf(' '))).toEpochMilli() >= since)
                .toList();
    }

    // ---- Calls

    @Override
    public void beforeEach(QuarkusTestMethodContext context) {
        Awaitility.setDefaultTimeout(PATIENCE); // another class loader's than that of beforeAll
        if (RestAssured.filters().stream().noneMatch(Evidence.class::isInstance)) {
            RestAssured.filters(this);
        }
    }

    @Override
    public Response filter(
            FilterableRequestSpecification request, FilterableResponseSpecification expected, FilterContext context) {
        Instant begun = Instant.now();
        String asked =
                begun + " " + request.getMethod() + " " + place(request.getURI()) + " " + body(request.getBody());
        try {
            Response response = context.next(request, expected);
            Kept.put(CALL, asked + "\n  " + answer(response, begun));
            return response;
        } catch (Throwable failed) {
            Kept.put(CALL, asked + "\n  no answer: " + failed.getClass().getName());
            throw failed;
        }
    }

    private static String answer(Response response, Instant begun) {
        String type = String.valueOf(response.contentType());
        return response.statusCode() + " after "
                + Duration.between(begun, Instant.now()).toMillis() + " ms"
                + header(response, "X-Request-Id") + header(response, "Retry-After") + " "
                + (type.contains("json") ? body(response.asString()) : type + ", not shown");
    }

    private static String header(Response response, String name) {
        return response.header(name) == null ? "" : ", " + name + " " + response.header(name);
    }

    /** Path, and the names in the query. */
    private static String place(String uri) {
        int query = uri.indexOf('?');
        return query < 0
                ? uri
                : uri.substring(0, query) + "?"
                        + Arrays.stream(uri.substring(query + 1).split("&"))
                                .map(pair -> pair.split("=")[0] + "=…")
                                .collect(Collectors.joining("&"));
    }

    private static String body(Object body) {
        if (body == null || body.toString().isEmpty()) {
            return "";
        }
        try {
            String shown = shown(null, JSON.readTree(body.toString())).toString();
            return shown.length() > LONGEST_BODY ? shown.substring(0, LONGEST_BODY) + "…" : shown;
        } catch (JsonProcessingException noJson) {
            return body.toString().length() + " characters that are not JSON";
        }
    }

    private static JsonNode shown(String field, JsonNode node) {
        if (node.isObject()) {
            ObjectNode copy = JsonNodeFactory.instance.objectNode();
            node.fields().forEachRemaining(entry -> copy.set(entry.getKey(), shown(entry.getKey(), entry.getValue())));
            return copy;
        }
        if (node.isArray()) {
            ArrayNode copy = JsonNodeFactory.instance.arrayNode();
            node.forEach(one -> copy.add(shown(field, one)));
            return copy;
        }
        boolean open = !node.isTextual()
                || field != null && (SHOWN.contains(field) || field.endsWith("Id") || field.endsWith("At"));
        return open ? node : JsonNodeFactory.instance.textNode("…");
    }

    // ---- Failures

    @Override
    public void beforeAll(ExtensionContext context) {
        Awaitility.setDefaultTimeout(PATIENCE);
        Kept.find();
        store(context).put(BEGUN, System.currentTimeMillis());
    }

    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        throw with(context, failure);
    }

    @Override
    public void handleBeforeAllMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        throw with(context, failure);
    }

    @Override
    public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        throw with(context, failure);
    }

    @Override
    public void handleAfterEachMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        throw with(context, failure);
    }

    private static Throwable with(ExtensionContext context, Throwable failure) {
        boolean has = Arrays.stream(failure.getSuppressed()).anyMatch(Shown.class::isInstance);
        if (!has && !(failure instanceof TestAbortedException)) {
            Long begun = store(context).get(BEGUN, Long.class);
            String text = text(begun == null ? 0 : begun);
            if (!text.isEmpty()) {
                failure.addSuppressed(new Shown(text));
            }
        }
        return failure;
    }

    private static ExtensionContext.Store store(ExtensionContext context) {
        return context.getStore(ExtensionContext.Namespace.create(Evidence.class));
    }

    /** @param since nothing that was not written to since then, in milliseconds since 1970 */
    static String text(long since) {
        StringBuilder text = new StringBuilder();
        add(text, "the last calls", last(callsSince(since), CALLS));
        add(text, "the last lines of the log of this process", last(kept("line"), LINES));
        List<String> logs = new ArrayList<>(kept(PROCESS));
        logs.add(SHIPPED_LOG.toString());
        for (String log : logs) {
            Path file = Path.of(log);
            try {
                if (Files.exists(file) && Files.getLastModifiedTime(file).toMillis() >= since - FILE_TIMES_LAG) {
                    add(text, "the last lines of " + file.getFileName(), end(file));
                }
            } catch (IOException unreadable) {
                text.append("\n").append(file).append(" cannot be read: ").append(unreadable.getMessage());
            }
        }
        return mask(text.toString());
    }

    private static List<String> end(Path file) throws IOException {
        List<String> lines = new ArrayList<>();
        try (Stream<String> all = Files.lines(file, StandardCharsets.ISO_8859_1)) {
            all.forEach(line -> {
                lines.add(line);
                if (lines.size() > 2 * LINES) {
                    lines.subList(0, LINES).clear();
                }
            });
        }
        return last(lines, LINES);
    }

    private static List<String> last(List<String> all, int count) {
        return all.subList(Math.max(0, all.size() - count), all.size());
    }

    private static void add(StringBuilder text, String title, List<String> lines) {
        if (!lines.isEmpty()) {
            text.append("\n---- ").append(title).append(":\n");
            lines.forEach(line -> text.append(line).append('\n'));
        }
    }

    static String mask(String text) {
        String masked = text;
        for (Pattern secret : MASKED) {
            masked = secret.matcher(masked).replaceAll("…");
        }
        return masked;
    }

    /** Carries the text; it has no trace of its own. */
    static final class Shown extends Exception {

        private static final long serialVersionUID = 1;

        Shown(String text) {
            super(text, null, false, false);
        }

        @Override
        public String toString() {
            return "What there was to see:" + getMessage();
        }
    }
}
