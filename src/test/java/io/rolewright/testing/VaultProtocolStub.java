package io.rolewright.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Speaks as much of Vault's HTTP protocol as the transit engine, the KV engine and three ways to log in need. <b>It is not Vault</b>: no
 * Vault server can be installed where these tests run. Keys, ciphertexts, versions, policies and expiry are real (AES-256-GCM,
 * {@code vault:v1:} framing, a token that has expired is refused), errors have the statuses and words of Vault 1.15 as its
 * sources give them; storage, leases, unsealing and clustering are switches. The tests that use it also run against a real server.
 */
public final class VaultProtocolStub implements AutoCloseable {

    public static final String ROOT_TOKEN = "stub-root-token";

    /** What a pod's service account token looks like to the stub: any other one is refused. */
    public static final String SERVICE_ACCOUNT_TOKEN = "stub.service-account.token";

    /** A node's part in its cluster. */
    public enum Node {
        ACTIVE,
        SEALED,
        /** A standby that knows no active node. */
        STANDBY,
        /** A standby that sends its clients to the active node. */
        REDIRECTING,
        /** Accepts connections and never answers. */
        SILENT
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Pattern POLICY =
            Pattern.compile("path\\s+\"([^\"]+)\"\\s*\\{\\s*capabilities\\s*=\\s*\\[([^\\]]*)]\\s*}");
    private static final int NONCE_BYTES = 12;

    /** A key that was asked for; the newest version encrypts. */
    private static final class Key {
        final List<SecretKeySpec> versions = new ArrayList<>();
        int minDecryptionVersion = 1;
        boolean deletionAllowed;

        Key() {
            rotate();
        }

        void rotate() {
            byte[] bytes = new byte[32];
            RANDOM.nextBytes(bytes);
            versions.add(new SecretKeySpec(bytes, "AES"));
        }
    }

    private record Token(
            Set<String> policies,
            Instant created,
            Instant expires,
            Duration life,
            boolean renewable,
            Duration longest) {

        Token(Set<String> policies, Instant expires) {
            this(policies, Instant.now(), expires, Duration.ZERO, false, Duration.ZERO);
        }

        Token until(Instant later) {
            return new Token(policies, created, later, life, renewable, longest);
        }
    }

    private record Role(String id, Set<String> policies, Duration ttl, Set<String> secretIds) {}

    /** Answered instead of a result. */
    static final class Refused extends RuntimeException {
        final int status;

        /** With an empty list of errors, as for a secret that is not there. */
        Refused(int status) {
            this(status, null);
        }

        Refused(int status, String error) {
            super(error);
            this.status = status;
        }
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        var thread = new Thread(task, "vault-stub");
        thread.setDaemon(true);
        return thread;
    });
    private final boolean tls;

    // All by namespace and path, such as "team-a|transit".
    private final Map<String, String> mounts = new HashMap<>();
    private final Map<String, String> logins = new HashMap<>();
    private final Map<String, Key> keys = new HashMap<>();
    private final Map<String, VaultKvStub> kvs = new HashMap<>();
    private final Map<String, Role> roles = new HashMap<>();
    private final Map<String, Map<String, Set<String>>> policies = new HashMap<>();
    private final Map<String, Token> tokens = new HashMap<>();
    private final List<String> requests = new ArrayList<>();
    private final Map<String, Runnable> before = new ConcurrentHashMap<>();
    private final Set<String> unanswered = ConcurrentHashMap.newKeySet();
    private volatile Node node = Node.ACTIVE;
    private int mostPerSecond = Integer.MAX_VALUE;
    private long second;
    private int inThisSecond;

    private VaultProtocolStub(HttpServer server, boolean tls) {
        this.server = server;
        this.tls = tls;
        tokens.put(ROOT_TOKEN, new Token(Set.of("root"), Instant.MAX));
        server.createContext("/v1/", this::handle);
        server.setExecutor(threads);
        server.start();
    }

    public static VaultProtocolStub start() {
        return start(0);
    }

    /** @param port of an address that was down before; 0 for any */
    public static VaultProtocolStub start(int port) {
        try {
            return new VaultProtocolStub(HttpServer.create(loopback(port), 0), false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static VaultProtocolStub startTls(TestCertificates.Issued certificate) {
        try {
            var https = HttpsServer.create(loopback(0), 0);
            https.setHttpsConfigurator(new HttpsConfigurator(certificate.context()));
            return new VaultProtocolStub(https, true);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    public String url() {
        return (tls ? "https" : "http") + "://localhost:" + port();
    }

    public int port() {
        return server.getAddress().getPort();
    }

    public void become(Node part) {
        node = part;
    }

    /** A rate-limit quota as {@code sys/quotas/rate-limit} sets it; {@link Integer#MAX_VALUE}: none. */
    public synchronized void limit(int requestsPerSecond) {
        mostPerSecond = requestsPerSecond;
    }

    private synchronized void requireQuota() {
        long now = System.nanoTime() / 1_000_000_000L;
        if (now != second) {
            second = now;
            inThisSecond = 0;
        }
        if (++inThisSecond > mostPerSecond) {
            throw new Refused(429, "request path rejected: rate limit quota exceeded");
        }
    }

    /** Method and path of every request since the last call, such as {@code POST transit/decrypt/rolewright}. */
    public synchronized List<String> takeRequests() {
        var taken = List.copyOf(requests);
        requests.clear();
        return taken;
    }

    /** As {@code POST sys/mounts/…} does. */
    public synchronized void mount(String mount, String type) {
        // Known by the same id in each stub, as one Vault that is started again.
        mounted("|" + mount, type, UUID.nameUUIDFromBytes(mount.getBytes(StandardCharsets.UTF_8)));
    }

    /** Another engine at the same place, empty. @return puts the former one back */
    public synchronized Runnable replaceMount(String mount, String type) {
        VaultKvStub former = kvs.get("|" + mount);
        mounted("|" + mount, type, UUID.randomUUID());
        return () -> {
            synchronized (this) {
                kvs.put("|" + mount, former);
            }
        };
    }

    /** @return has all secrets of the mount be what they are now */
    public synchronized Runnable backup(String mount) {
        Runnable restore = kvs.get("|" + mount).backup();
        return () -> {
            synchronized (this) {
                restore.run();
            }
        };
    }

    /** What a request of an administrator is answered; its body is JSON, empty for none. */
    public JsonNode ask(String method, String path, String body) {
        try {
            var answer = HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(URI.create(url() + "/v1/" + path))
                                    .header("X-Vault-Token", ROOT_TOKEN)
                                    .method(method, HttpRequest.BodyPublishers.ofString(body))
                                    .build(),
                            HttpResponse.BodyHandlers.ofByteArray());
            return answer.body().length == 0 ? JSON.createObjectNode() : JSON.readTree(answer.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Has something happen before the next request of that method and path is looked at, such as {@code POST secret/data/orders}. */
    public void beforeNext(String request, Runnable happening) {
        before.put(request, happening);
    }

    /** Does what the next such request says, and cuts the connection instead of an answer. */
    public void loseAnswerOfNext(String request) {
        unanswered.add(request);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    // ---- HTTP -----------------------------------------------------------------------------------------------------

    private void handle(HttpExchange exchange) throws IOException {
        var path = exchange.getRequestURI().getPath().substring("/v1/".length());
        int status;
        Object body;
        try {
            if (node == Node.SILENT) {
                Thread.sleep(Duration.ofMinutes(5).toMillis());
            }
            var request = exchange.getRequestBody().readAllBytes();
            requireQuota();
            var happening = before.remove(exchange.getRequestMethod() + " " + path);
            if (happening != null) {
                happening.run();
            }
            var answer = answer(
                    exchange.getRequestMethod(),
                    path,
                    exchange,
                    request.length == 0 ? JSON.createObjectNode() : JSON.readTree(request));
            status = answer.status();
            body = answer.body();
        } catch (Refused refused) {
            status = refused.status;
            body = Map.of("errors", refused.getMessage() == null ? List.of() : List.of(refused.getMessage()));
        } catch (InterruptedException closed) {
            exchange.close();
            return;
        } catch (IOException | GeneralSecurityException | RuntimeException fault) {
            status = 500;
            body = Map.of("errors", List.of("stub: " + fault));
        }
        if (unanswered.remove(exchange.getRequestMethod() + " " + path)) {
            exchange.close();
            return;
        }
        byte[] bytes = body == null ? new byte[0] : JSON.writeValueAsBytes(body);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            exchange.getResponseBody().write(bytes);
        }
        exchange.close();
    }

    record Answer(int status, Object body) {
        static Answer none() {
            return new Answer(204, null);
        }

        static Answer data(Object data) {
            return of(200, "data", data);
        }

        static Answer of(int status, String name, Object content) {
            var body = new LinkedHashMap<String, Object>();
            body.put("request_id", "00000000-0000-0000-0000-000000000000");
            body.put("lease_id", "");
            body.put("renewable", false);
            body.put("lease_duration", 0);
            body.put(name, content);
            return new Answer(status, body);
        }
    }

    private synchronized Answer answer(String method, String path, HttpExchange exchange, JsonNode body)
            throws GeneralSecurityException {
        if (!path.startsWith("auth/token/")) { // what a client asks of its own token comes in between
            requests.add(method + " " + path);
        }
        if (path.equals("sys/health")) {
            int status = Map.of(Node.SEALED, 503, Node.STANDBY, 429, Node.REDIRECTING, 429)
                    .getOrDefault(node, 200);
            return new Answer(
                    status, Map.of("initialized", true, "sealed", node == Node.SEALED, "version", "none: a stub"));
        }
        switch (node) {
            case SEALED -> throw new Refused(503, "Vault is sealed");
            case STANDBY -> throw new Refused(503, "no active Vault instance found");
            case REDIRECTING -> {
                exchange.getResponseHeaders().set("Location", "https://active.vault.example:8200/v1/" + path);
                return new Answer(307, null);
            }
            case ACTIVE, SILENT -> {}
        }
        var namespace = headerOr(exchange, "X-Vault-Namespace", "").replaceAll("^/|/$", "");
        if (method.equals("PUT")) {
            method = "POST";
        }
        if (path.matches("auth/.+/login")) {
            return login(namespace, path.substring("auth/".length(), path.length() - "/login".length()), body);
        }
        var token = tokens.get(headerOr(exchange, "X-Vault-Token", ""));
        if (token == null || !token.expires.isAfter(Instant.now())) {
            throw new Refused(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n");
        }
        if (path.startsWith("sys/internal/ui/mounts/") && method.equals("GET")) {
            return mount(namespace, token, path.substring("sys/internal/ui/mounts/".length()));
        }
        var parts = path.split("/");
        var kv = kv(namespace, path);
        boolean exists = kv != null
                ? kvs.get(kv).has(inMount(kv, namespace, path))
                : !path.matches(".+/(encrypt|keys)/[^/]+") || keys.containsKey(key(namespace, path));
        require(
                token,
                path,
                method.equals("GET") ? "read" : method.equals("DELETE") ? "delete" : exists ? "update" : "create");
        if (path.startsWith("sys/mounts/") && method.equals("POST")) {
            mounted(
                    namespace + "|" + path.substring("sys/mounts/".length()),
                    body.path("type").asText(),
                    UUID.randomUUID());
            return Answer.none();
        }
        if (path.startsWith("sys/mounts/") && method.equals("DELETE")) {
            var mount = namespace + "|" + path.substring("sys/mounts/".length());
            mounts.remove(mount);
            keys.keySet().removeIf(name -> name.startsWith(mount + "/"));
            kvs.remove(mount);
            return Answer.none();
        }
        if (path.startsWith("sys/auth/") && method.equals("POST")) {
            logins.put(
                    namespace + "|" + path.substring("sys/auth/".length()),
                    body.path("type").asText());
            return Answer.none();
        }
        if (path.startsWith("sys/policies/acl/") && method.equals("POST")) {
            policies.put(parts[3], parsed(body.path("policy").asText()));
            return Answer.none();
        }
        if (path.equals("auth/token/create") && method.equals("POST")) {
            return granted(
                    texts(body.path("policies")),
                    ttl(body.path("ttl")),
                    body.path("renewable").asBoolean(true),
                    body.has("explicit_max_ttl") ? ttl(body.path("explicit_max_ttl")) : Duration.ZERO);
        }
        if (path.equals("auth/token/revoke") && method.equals("POST")) {
            revoke(body.path("token").asText());
            return Answer.none();
        }
        if (path.equals("auth/token/renew-self") && method.equals("POST")) {
            return renewed(headerOr(exchange, "X-Vault-Token", ""), token, ttl(body.path("increment")));
        }
        if (path.equals("auth/token/lookup-self") && method.equals("GET")) {
            long left = token.expires == Instant.MAX
                    ? 0
                    : Duration.between(Instant.now(), token.expires).toSeconds();
            return Answer.data(Map.of(
                    "ttl",
                    left,
                    "renewable",
                    token.renewable,
                    "policies",
                    token.policies,
                    "creation_time",
                    token.created.getEpochSecond(),
                    "creation_ttl",
                    token.life.toSeconds(),
                    "explicit_max_ttl",
                    token.longest.toSeconds()));
        }
        if (path.matches("auth/.+/role/.+")) {
            return role(namespace, method, path, body);
        }
        if (kv != null) {
            var query = exchange.getRequestURI().getQuery();
            int version = query != null && query.startsWith("version=") ? Integer.parseInt(query.substring(8)) : 0;
            return kvs.get(kv).answer(method, inMount(kv, namespace, path), version, body);
        }
        return transit(namespace, method, path, body);
    }

    private void mounted(String mount, String type, UUID uuid) {
        mounts.put(mount, type);
        if (VaultKvStub.types().contains(type)) {
            kvs.put(mount, new VaultKvStub(type.equals("kv-v2"), uuid.toString()));
        }
    }

    /** Judged by Vault itself and not by a policy for this path: whoever may do anything below the mount is told what it is. */
    private Answer mount(String namespace, Token token, String mount) {
        VaultKvStub kv = kvs.get(namespace + "|" + mount);
        boolean mayUseIt = token.policies.contains("root")
                || token.policies.stream()
                        .flatMap(name -> policies.getOrDefault(name, Map.of()).keySet().stream())
                        .anyMatch(rule -> rule.startsWith(mount + "/"));
        if (!mounts.containsKey(namespace + "|" + mount) || !mayUseIt) {
            throw new Refused(
                    403,
                    "preflight capability check returned 403, please ensure client's policies grant access to path \""
                            + mount + "/\"");
        }
        return kv == null
                ? Answer.data(Map.of("type", mounts.get(namespace + "|" + mount), "uuid", mount, "options", Map.of()))
                : kv.mounted(mount);
    }

    /** @return the KV mount that a path leads into, with its namespace; null if none */
    private String kv(String namespace, String path) {
        return kvs.keySet().stream()
                .filter(mount -> (namespace + "|" + path).startsWith(mount + "/"))
                .findFirst()
                .orElse(null);
    }

    private static String inMount(String mount, String namespace, String path) {
        return (namespace + "|" + path).substring(mount.length() + 1);
    }

    // ---- Logging in -----------------------------------------------------------------------------------------------

    private Answer login(String namespace, String mount, JsonNode body) {
        var type = logins.get(namespace + "|" + mount);
        if (type == null) {
            throw noHandler("auth/" + mount + "/login");
        }
        if (type.equals("kubernetes")) {
            var role =
                    roles.get(namespace + "|" + mount + "/" + body.path("role").asText());
            if (role == null || !body.path("jwt").asText().equals(SERVICE_ACCOUNT_TOKEN)) {
                throw new Refused(403, "permission denied");
            }
            return granted(role.policies, role.ttl);
        }
        for (var named : roles.entrySet()) {
            var role = named.getValue();
            if (named.getKey().startsWith(namespace + "|" + mount + "/")
                    && role.id.equals(body.path("role_id").asText())
                    && role.secretIds.contains(body.path("secret_id").asText())) {
                return granted(role.policies, role.ttl);
            }
        }
        throw new Refused(400, "invalid role or secret ID");
    }

    private Answer role(String namespace, String method, String path, JsonNode body) {
        var parts = path.substring("auth/".length()).split("/role/");
        if (!logins.containsKey(namespace + "|" + parts[0])) {
            throw noHandler(path);
        }
        var name = namespace + "|" + parts[0] + "/" + parts[1].split("/")[0];
        if (path.endsWith("/role-id") && method.equals("GET")) {
            return Answer.data(Map.of("role_id", roles.get(name).id));
        }
        if (path.endsWith("/secret-id") && method.equals("POST")) {
            var secret = random();
            roles.get(name).secretIds.add(secret);
            return Answer.data(Map.of("secret_id", secret, "secret_id_accessor", random()));
        }
        roles.put(
                name,
                new Role(random(), texts(body.path("token_policies")), ttl(body.path("token_ttl")), new HashSet<>()));
        return Answer.none();
    }

    private Answer renewed(String name, Token token, Duration increment) {
        if (!token.renewable) {
            throw new Refused(400, "lease is not renewable");
        }
        Instant now = Instant.now();
        Instant wanted = now.plus(increment.isZero() ? token.life : increment);
        Instant last = token.longest.isZero() ? wanted : token.created.plus(token.longest);
        Token renewed = token.until(wanted.isAfter(last) ? last : wanted);
        tokens.put(name, renewed);
        return auth(name, token.policies, Duration.between(now, renewed.expires), true);
    }

    /** As an administrator does who revokes a token. */
    public synchronized void revoke(String token) {
        tokens.remove(token);
    }

    /** As it was before it was revoked, which no Vault can do. */
    public synchronized void restoreRootToken() {
        tokens.put(ROOT_TOKEN, new Token(Set.of("root"), Instant.MAX));
    }

    private Answer granted(Set<String> allowed, Duration ttl) {
        return granted(allowed, ttl, false, Duration.ZERO);
    }

    private Answer granted(Set<String> allowed, Duration ttl, boolean renewable, Duration longest) {
        var token = "hvs." + random();
        Instant now = Instant.now();
        tokens.put(token, new Token(allowed, now, now.plus(ttl), ttl, renewable, longest));
        return auth(token, allowed, ttl, renewable);
    }

    private static Answer auth(String token, Set<String> allowed, Duration ttl, boolean renewable) {
        return Answer.of(
                200,
                "auth",
                Map.of(
                        "client_token",
                        token,
                        "accessor",
                        random(),
                        "policies",
                        allowed,
                        "token_policies",
                        allowed,
                        "lease_duration",
                        ttl.toSeconds(),
                        "renewable",
                        renewable,
                        "token_type",
                        "service"));
    }

    private static Map<String, Set<String>> parsed(String policy) {
        var allowed = new HashMap<String, Set<String>>();
        var matcher = POLICY.matcher(policy);
        while (matcher.find()) {
            allowed.put(
                    matcher.group(1),
                    Set.of(matcher.group(2).replaceAll("[\"\\s]", "").split(",")));
        }
        return allowed;
    }

    private void require(Token token, String path, String capability) {
        boolean own = path.startsWith("auth/token/") && path.endsWith("-self");
        boolean allowed = own
                || token.policies.contains("root")
                || token.policies.stream()
                        .flatMap(name -> policies.getOrDefault(name, Map.of()).entrySet().stream())
                        .anyMatch(rule ->
                                covers(rule.getKey(), path) && rule.getValue().contains(capability));
        if (!allowed) {
            throw new Refused(403, "1 error occurred:\n\t* permission denied\n\n");
        }
    }

    private static boolean covers(String rule, String path) {
        return rule.endsWith("*") ? path.startsWith(rule.substring(0, rule.length() - 1)) : path.equals(rule);
    }

    // ---- Transit --------------------------------------------------------------------------------------------------

    /** @return namespace, mount and name of the key that a path speaks of */
    private static String key(String namespace, String path) {
        var parts = Pattern.compile("^(.+?)/(?:keys|encrypt|decrypt|rewrap)/([^/]+)")
                .matcher(path);
        return parts.find() ? namespace + "|" + parts.group(1) + "/" + parts.group(2) : "";
    }

    private Answer transit(String namespace, String method, String path, JsonNode body)
            throws GeneralSecurityException {
        var id = key(namespace, path);
        if (id.isEmpty() || !"transit".equals(mounts.get(id.substring(0, id.lastIndexOf('/'))))) {
            throw noHandler(path);
        }
        var operation = path.substring(id.lastIndexOf('/') - namespace.length());
        operation = operation.substring(0, operation.indexOf('/'));
        if (operation.equals("keys")) {
            return keys(id, method, path, body);
        }
        if (operation.equals("encrypt")) {
            keys.computeIfAbsent(id, name -> new Key());
        }
        var key = keys.get(id);
        if (key == null) {
            throw new Refused(400, "encryption key not found");
        }
        if (!body.has("batch_input")) {
            return Answer.data(item(operation, key, body));
        }
        var results = new ArrayList<Map<String, Object>>();
        boolean failed = false;
        for (var item : body.path("batch_input")) {
            try {
                results.add(item(operation, key, item));
            } catch (Refused refused) {
                failed = true;
                results.add(Map.of("error", refused.getMessage()));
            }
        }
        return Answer.of(failed ? 400 : 200, "data", Map.of("batch_results", results));
    }

    private Answer keys(String id, String method, String path, JsonNode body) {
        if (path.endsWith("/rotate")) {
            keys.get(id).rotate();
            return Answer.none();
        }
        if (path.endsWith("/config")) {
            var key = keys.get(id);
            key.minDecryptionVersion = body.path("min_decryption_version").asInt(key.minDecryptionVersion);
            key.deletionAllowed = body.path("deletion_allowed").asBoolean(key.deletionAllowed);
            return Answer.none();
        }
        if (method.equals("DELETE")) {
            if (!keys.get(id).deletionAllowed) {
                throw new Refused(400, "error deleting policy: deletion is not allowed for this key");
            }
            keys.remove(id);
            return Answer.none();
        }
        if (method.equals("GET")) {
            var key = keys.get(id);
            return Answer.data(Map.of(
                    "type",
                    "aes256-gcm96",
                    "latest_version",
                    key.versions.size(),
                    "min_decryption_version",
                    key.minDecryptionVersion));
        }
        keys.computeIfAbsent(id, name -> new Key());
        return Answer.none();
    }

    private static Map<String, Object> item(String operation, Key key, JsonNode item) throws GeneralSecurityException {
        return switch (operation) {
            case "encrypt" ->
                encrypted(key, bytes(item.path("plaintext").asText(), "failed to base64-decode plaintext"));
            case "decrypt" ->
                Map.of(
                        "plaintext",
                        Base64.getEncoder()
                                .encodeToString(
                                        decrypted(key, item.path("ciphertext").asText())));
            case "rewrap" ->
                encrypted(key, decrypted(key, item.path("ciphertext").asText()));
            default -> throw new Refused(404, "unsupported path");
        };
    }

    private static Map<String, Object> encrypted(Key key, byte[] plaintext) throws GeneralSecurityException {
        byte[] nonce = new byte[NONCE_BYTES];
        RANDOM.nextBytes(nonce);
        var cipher = Cipher.getInstance("AES/GCM/NoPadding");
        int version = key.versions.size();
        cipher.init(Cipher.ENCRYPT_MODE, key.versions.get(version - 1), new GCMParameterSpec(128, nonce));
        byte[] sealed = cipher.doFinal(plaintext);
        byte[] framed = Arrays.copyOf(nonce, NONCE_BYTES + sealed.length);
        System.arraycopy(sealed, 0, framed, NONCE_BYTES, sealed.length);
        return Map.of(
                "ciphertext",
                "vault:v" + version + ":" + Base64.getEncoder().encodeToString(framed),
                "key_version",
                version);
    }

    private static byte[] decrypted(Key key, String ciphertext) {
        var parts = ciphertext.split(":", 3);
        if (parts.length != 3 || !parts[0].equals("vault") || !parts[1].matches("v[0-9]+")) {
            throw new Refused(400, "invalid ciphertext: no prefix");
        }
        int version = Integer.parseInt(parts[1].substring(1));
        if (version > key.versions.size()) {
            throw new Refused(400, "invalid ciphertext: version is too new");
        }
        if (version < key.minDecryptionVersion) {
            throw new Refused(400, "ciphertext or signature version is disallowed by policy (too old)");
        }
        byte[] framed = bytes(parts[2], "invalid ciphertext: could not decode base64");
        try {
            var cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(
                    Cipher.DECRYPT_MODE,
                    key.versions.get(version - 1),
                    new GCMParameterSpec(128, framed, 0, NONCE_BYTES));
            return cipher.doFinal(framed, NONCE_BYTES, framed.length - NONCE_BYTES);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new Refused(400, "invalid ciphertext: unable to decrypt");
        }
    }

    // ---- Small things ---------------------------------------------------------------------------------------------

    private static Refused noHandler(String path) {
        return new Refused(404, "no handler for route \"" + path + "\". route entry not found.");
    }

    private static byte[] bytes(String base64, String complaint) {
        try {
            return Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new Refused(400, complaint);
        }
    }

    private static Set<String> texts(JsonNode node) {
        if (node.isTextual()) {
            return Set.of(node.asText().split(","));
        }
        var all = new HashSet<String>();
        StreamSupport.stream(node.spliterator(), false).forEach(each -> all.add(each.asText()));
        return all;
    }

    /** A number of seconds, or one with a unit. */
    private static Duration ttl(JsonNode node) {
        var text = node.asText("");
        return text.isEmpty()
                ? Duration.ofHours(1)
                : text.matches("[0-9]+") ? Duration.ofSeconds(Long.parseLong(text)) : Duration.parse("PT" + text);
    }

    private static String headerOr(HttpExchange exchange, String name, String otherwise) {
        var value = exchange.getRequestHeaders().getFirst(name);
        return value == null ? otherwise : value;
    }

    private static String random() {
        byte[] bytes = new byte[18];
        RANDOM.nextBytes(bytes);
        return Base64.getUrlEncoder().encodeToString(bytes);
    }
}
