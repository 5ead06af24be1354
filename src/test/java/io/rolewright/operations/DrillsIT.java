package io.rolewright.operations;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.rolewright.rotation.Rotating;
import io.rolewright.testing.Installation;
import io.rolewright.testing.Ports;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.TestPostgres;
import io.rolewright.testing.TestPostgres.Login;
import io.rolewright.testing.VaultProtocolStub;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Bad days, made on what is shipped and on real servers (a stand-in for Vault). Of each it is asked what whoever is called has: a line of
 * the log, a number in a scrape, the alert that fires on it by Prometheus' own engine, what GET /api/v1/troubles answers, and a runbook.
 */
@Tag("suite-drills")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DrillsIT {

    private static final String MOUNT = "kv";
    /** Without those that wait for the half minutes of a clock, and for other processes. */
    private static final boolean ALL = !"some".equals(System.getProperty("suite.drills"));

    private static final Duration PATIENCE = Duration.ofSeconds(90);

    /**
     * A bad day.
     *
     * @param about id of what it happens to; null for the service itself
     * @param log of a line, level and message
     * @param metric of a sample that says so
     * @param alert null for what no alert is for: nobody is hurt
     * @param code of its trouble, or of the answer where the store can list none
     */
    private record Drill(String name, String about, String log, String metric, String alert, String code) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** What there was to see on one of them. */
    private record Seen(
            String log, Map<String, Double> before, Map<String, Double> after, Map<String, String> troubles) {}

    private static final Consumer<Double> POSITIVE =
            number -> assertThat(number).isPositive();

    private final TestPostgres stores = TestPostgres.own(TestPostgres.NEWEST);
    private final TcpProxy toStore = TcpProxy.to(stores);
    private final TestCertificates authority = TestCertificates.create();
    private final TestCertificates.Issued certificate = authority.server("localhost", "127.0.0.1");
    private final TestPostgres target = TestPostgres.own(
            TestPostgres.NEWEST,
            TestPostgres.Tls.OPTIONAL,
            builder -> builder.tls(certificate.certificate(), certificate.key()));
    private final TcpProxy lossy = TcpProxy.to(target);
    private final TcpProxy away = TcpProxy.to(target);
    private final VaultProtocolStub vault = VaultProtocolStub.start(Ports.free());
    private final PrometheusRules rules = new PrometheusRules();
    private final Installation installation = Installation.on(stores, toStore)
            .setting("ROLEWRIGHT_SCHEDULER_POLL_INTERVAL", "1s")
            .setting("ROLEWRIGHT_SEALING_KEY_CHECK_INTERVAL", "1s")
            .setting("ROLEWRIGHT_STORE_ACQUIRE_TIMEOUT", "1s")
            .setting("ROLEWRIGHT_WEBHOOK_ALLOW_HTTP", "true")
            .setting("ROLEWRIGHT_WEBHOOK_FIRST_PAUSE", "1s")
            .setting("QUARKUS_VAULT_URL", vault.url())
            .setting("QUARKUS_VAULT_AUTHENTICATION_CLIENT_TOKEN", VaultProtocolStub.ROOT_TOKEN)
            .setting("ROLEWRIGHT_VAULT_KV_PLACES", MOUNT + ":");

    private final Map<String, String> names = new LinkedHashMap<>();
    private final List<Drill> drills = new ArrayList<>();
    private final Map<String, Seen> seen = new TreeMap<>();
    private ServiceProcess service;
    private String calm;
    private Map<String, Double> goodDay;
    private String goodEvening;
    private TestPostgres earlier;

    Stream<Drill> drills() {
        return drills.stream();
    }

    @BeforeAll
    void makeThem() throws Exception {
        vault.mount(MOUNT, "kv-v2");
        service = installation.start();
        credentials();
        store();
    }

    @AfterAll
    void close() {
        installation.close();
        Stream.of(vault, lossy, away, toStore, target, stores, earlier)
                .filter(Objects::nonNull)
                .forEach(each -> {
                    try {
                        each.close();
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                });
    }

    /** Nothing fires on a good day, or the rest proves nothing. */
    @Test
    void aGoodDayIsCalm() {
        Map<String, Double> evening = rules.samples(goodEvening);
        evening.keySet()
                .removeIf(each -> each.contains("_age_seconds{")); // between two looks it grows for some seconds

        assertThat(rules.firing(goodDay, evening)).isEmpty();
    }

    @Test
    void thereAreAsManyAsWereMeant() {
        assertThat(drills).hasSize(ALL ? 25 : 20);
    }

    @ParameterizedTest
    @MethodSource("drills")
    void isToldFoundAndExplained(Drill drill) throws IOException {
        Seen day = seen.get(drill.name);

        assertThat(day.log.lines())
                .as("log: %s", String.join("\n", loud(day.log)))
                .anyMatch(line -> Pattern.compile(drill.log).matcher(line(line)).find());
        Map<String, Double> sample = new LinkedHashMap<>(day.after);
        sample.keySet()
                .removeIf(each -> !Pattern.compile(drill.metric).matcher(each).find());
        assertThat(sample).as("scrape: %s", day.after.keySet()).isNotEmpty();
        assertThat(rules.firing(day.before, sample)).as("%s", sample).contains(drill.alert);
        assertThat(day.troubles.getOrDefault(drill.about, "")).containsPattern(drill.code);
        assertThat(Files.readString(Path.of("docs/runbooks.md"))).contains("\n## " + drill.alert + "\n");
    }

    // ---- Credentials, their servers, Vault and receivers: all on one day, each of its own

    private void credentials() throws Exception {
        String rights = rotation("rights");
        Login managing = last.managing;
        String reset = rotation("reset");
        Login resetRole = last.first;
        String crowded = rotation("crowded");
        Login crowdedRole = last.first;
        String dropped = rotation("dropped");
        Login droppedRole = last.first;
        String locked = rotation("locked");
        Login lockedRole = last.first;
        String expired = rotation("expired");
        Login expiredRole = last.first;
        String barred = rotation("barred");
        Login barredManager = last.managing;
        String manager = rotation("manager");
        Login managerReset = last.managing;
        String full = rotation("full");
        Login fullManager = last.managing;
        String doubted = rotation("doubted", lossy.port(), new JsonObject());
        String unreachable = rotation("unreachable", away.port(), new JsonObject());
        String overdue = rotation("overdue");
        String stale = rotation("certificate", target.port(), new JsonObject().put("connectionId", verifying()));
        String sealed = rotation(
                "sealed",
                target.port(),
                new JsonObject()
                        .put("vaultKv", new JsonObject().put("mount", MOUNT).put("path", "drill")));
        HttpServer receiver = receiver();
        String webhook = webhook(receiver.getAddress().getPort());
        String healthy = rotation("healthy");
        service.post(Rotating.BASE + "/" + healthy + "/rotate-secrets?force=true", new JsonObject())
                .expect(200);
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> installation
                                .sql("SELECT count(*) FROM webhook_delivery WHERE state = 'delivered'")
                                .get(0)
                                .getLong(0)
                        > 0);
        calm = service.metrics();
        goodDay = rules.samples(calm);
        Awaitility.await().atMost(PATIENCE).until(() -> {
            goodEvening = service.metrics();
            return rules.samples(goodEvening).entrySet().stream()
                    .anyMatch(each -> each.getKey().contains("rolewright_due_turns")
                            && each.getValue() > goodDay.getOrDefault(each.getKey(), 0.0));
        });
        assertThat(troubles()).isEmpty();
        List<String> wrong = new ArrayList<>(names.values());
        wrong.remove("healthy");

        int begun = service.log().length();
        target.sql("ALTER ROLE " + managing.role() + " NOCREATEROLE;"
                + "ALTER ROLE " + resetRole.role() + " PASSWORD 'somebody else''s';"
                + "ALTER ROLE " + crowdedRole.role() + " CONNECTION LIMIT 0;"
                + "DROP ROLE " + droppedRole.role() + ";"
                + "ALTER ROLE " + lockedRole.role() + " NOLOGIN;"
                + "ALTER ROLE " + expiredRole.role() + " VALID UNTIL '2020-01-01';"
                + "ALTER ROLE " + managerReset.role() + " PASSWORD 'somebody else''s';"
                + "ALTER ROLE " + fullManager.role() + " CONNECTION LIMIT 0");
        target.authentication(
                "host all " + barredManager.role() + " 127.0.0.1/32 reject", "host all all 127.0.0.1/32 scram-sha-256");
        expireCertificate();
        lossy.before(TcpProxy.reply("COMMIT"), () -> {
            lossy.refuse();
            return Fate.CUT;
        });
        away.refuse();
        away.cut();
        receiver.stop(0);
        vault.become(VaultProtocolStub.Node.SEALED);
        // Only a clock that has stopped, or a queue that is too long, makes a change late without another cause.
        installation.sql("UPDATE secret_rotation SET next_rotation_at = now() - interval '40 minutes', due_at = now() +"
                + " interval '1 hour' WHERE id = '" + overdue + "'");
        due(rights, barred, manager, full, doubted, unreachable, stale, sealed);
        look(reset, crowded, dropped, locked, expired);

        Awaitility.await()
                .atMost(PATIENCE)
                .untilAsserted(() -> assertThat(troubles()).containsKeys(wrong.toArray(String[]::new)));
        // Numbers of the store are read every half minute, and when a process starts.
        Map<String, String> all = troubles();
        Answer runDue = service.post("/api/v1/rotations/run-due?budgetSeconds=1&failOn=overdue", new JsonObject());
        assertThat(runDue.status()).as("a CronJob turns red").isEqualTo(409);
        // A day later, for one of its messages.
        installation.sql(
                "UPDATE webhook_delivery SET give_up_at = now() WHERE id IN (SELECT id FROM webhook_delivery WHERE"
                        + " state = 'pending' ORDER BY due_at LIMIT 1)");
        Awaitility.await()
                .atMost(PATIENCE)
                .untilAsserted(() ->
                        assertThat(troubles().get("webhook")).contains("webhook_dead_letters", "webhook_failing"));
        vault.revoke(VaultProtocolStub.ROOT_TOKEN);
        vault.become(VaultProtocolStub.Node.ACTIVE);
        service.stop();
        service.restart();
        Awaitility.await().atMost(PATIENCE).untilAsserted(() -> {
            assertThat(troubles().get("vault")).contains("vault_token_refused");
            // What due work counts, it counts at the end of a turn.
            assertThat(rules.samples(service.metrics()))
                    .hasEntrySatisfying("rolewright_credentials_overdue{job=\"rolewright-management\"}", POSITIVE)
                    .hasEntrySatisfying("rolewright_roles_parked{job=\"rolewright-management\"}", POSITIVE)
                    .hasEntrySatisfying("rolewright_roles_in_doubt{job=\"rolewright-management\"}", POSITIVE);
            assertThat(service.metrics()).contains("code=\"webhook_failing\"");
        });
        Seen day = seen(begun);
        String failed = "rolewright_credentials\\{.*status=\"failed\"";
        String parked = "rolewright_roles_parked\\{";
        String critical = "rolewright_troubles\\{.*code=\"%s\".*severity=\"critical\"";
        change(day, "rights", failed, "RolewrightChangesFail", "createrole_missing");
        change(day, "barred", failed, "RolewrightChangesFail", "no_matching_rule");
        change(day, "manager", failed, "RolewrightChangesFail", "password_refused");
        change(day, "full", parked, "RolewrightRolesParked", "role_full");
        change(day, "unreachable", parked, "RolewrightRolesParked", "closed_by_server|network_unreachable");
        change(day, "certificate", parked, "RolewrightRolesParked", "tls_certificate_expired");
        change(
                day,
                "doubted",
                "rolewright_roles_in_doubt\\{",
                "RolewrightRolesInDoubt",
                "closed_by_server|network_unreachable|not_answered_yet");
        for (Map.Entry<String, String> each : Map.of(
                        "reset", "changed_by_third_party",
                        "crowded", "role_full",
                        "dropped", "role_missing",
                        "locked", "role_cannot_login",
                        "expired", "role_expired")
                .entrySet()) {
            drill(
                    day,
                    each.getKey(),
                    "WARN The password of the role .*: " + each.getValue(),
                    critical.formatted(each.getValue()),
                    "RolewrightCredentialsRefused",
                    each.getValue());
        }
        drill(
                day,
                "overdue",
                "WARN The change of rotation .* is overdue",
                "rolewright_credentials_overdue\\{",
                "RolewrightRotationsOverdue",
                "overdue");
        drill(
                day,
                "sealed",
                "WARN Rotation .* is not written to Vault: vault_unavailable",
                "rolewright_vault_behind_age_seconds\\{",
                "RolewrightVaultBehind",
                "vault_behind");
        drill(
                day,
                "vault",
                "WARN Vault refuses this service's token",
                "rolewright_vault_token_left_seconds\\{",
                "RolewrightVaultTokenEnds",
                "vault_token_refused");
        drill(
                day,
                "webhook",
                "WARN The receiver of webhook .* does not take message",
                "rolewright_troubles\\{.*code=\"webhook_failing\"",
                "RolewrightWebhooksFail",
                "webhook_failing");
        drill(
                day,
                "webhook",
                "WARN The message .* was given up",
                "rolewright_webhook_messages_dead\\{",
                "RolewrightWebhooksDead",
                "webhook_dead_letters");
    }

    // ---- The store and the keys: one after the other, each mended again

    private void store() throws Exception {
        String healthy = id("healthy");
        int begun = begin();
        installation.sql("UPDATE secret_rotation SET environment = 'elsewhere' WHERE id = '" + healthy + "'");
        service.get(Rotating.BASE + "/" + healthy);
        await("store", "store_was_altered");
        drill(
                seen(begun),
                "store",
                "ERROR The row " + healthy + " of the table secret_rotation is not believed",
                "rolewright_sealing_rows_refused_total\\{.*table=\"secret_rotation\"",
                "RolewrightStoreWasAltered",
                "store_was_altered");
        installation.sql("UPDATE secret_rotation SET environment = 'production' WHERE id = '" + healthy + "'");

        begun = begin();
        String key = Files.readString(installation.rootKeyFile());
        Files.writeString(
                installation.rootKeyFile(),
                "test:" + Base64.getEncoder().encodeToString("another key of thirty-two bytes.".getBytes(US_ASCII))
                        + "\n");
        await("key", "root_key_unfit");
        drill(
                seen(begun),
                "key",
                "WARN Could not read the keys again",
                "rolewright_root_key_unfit\\{",
                "RolewrightRootKeyUnfit",
                "root_key_unfit");
        Files.writeString(installation.rootKeyFile(), key);
        Awaitility.await().atMost(PATIENCE).until(() -> !troubles().containsKey("key"));

        begun = begin();
        stores.server().stop();
        await("answer", "store_unavailable");
        int since = begun;
        Awaitility.await()
                .atMost(Duration.ofSeconds(70)) // a cause is told once a minute
                .until(() -> service.log().substring(since).contains("store not reachable"));
        drill(
                seen(begun),
                "answer",
                "WARN .*store not reachable",
                "rolewright_store_look_age_seconds\\{",
                "RolewrightStoreAway",
                "store_unavailable");
        stores.server().start();
        Awaitility.await().atMost(PATIENCE).until(() -> !troubles().containsKey("answer"));
        if (ALL) {
            storeThatCannotWrite();
            storesOfAnotherTime(healthy);
        }
    }

    private void storeThatCannotWrite() {
        int begun = begin();
        String database = installation.database();
        stores.sql("ALTER DATABASE " + database + " SET default_transaction_read_only = on");
        stores.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database + "'");
        cannotWrite("store_read_only");
        drill(
                seen(begun),
                "store",
                "WARN .*store is read-only",
                "rolewright_store_writable\\{",
                "RolewrightStoreCannotWrite",
                "store_read_only");
        stores.sql("ALTER DATABASE " + database + " RESET default_transaction_read_only");
        stores.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database + "'");
        Awaitility.await().atMost(PATIENCE).until(() -> service.metrics().contains("rolewright_store_writable 1.0"));

        begun = begin();
        // A disk that is full, by the server's own words; StoreFaultsIT mounts one.
        installation.sql("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
                + " 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;"
                + " CREATE TRIGGER no_room BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION no_room()");
        cannotWrite("store_full");
        drill(
                seen(begun),
                "store",
                "WARN .*no room left",
                "rolewright_store_writable\\{",
                "RolewrightStoreCannotWrite",
                "store_full");
        installation.sql("DROP TRIGGER no_room ON audit_event; DROP FUNCTION no_room()");
        Awaitility.await().atMost(PATIENCE).until(() -> service.metrics().contains("rolewright_store_writable 1.0"));
    }

    private void cannotWrite(String code) {
        Awaitility.await().atMost(PATIENCE).untilAsserted(() -> {
            assertThat(service.get(Rotating.BASE + "/" + id("healthy") + "/active")
                            .json()
                            .getString("code"))
                    .isEqualTo(code);
            assertThat(service.metrics()).contains("rolewright_store_writable 0.0");
            assertThat(troubles().get("store")).contains(code);
        });
    }

    private void storesOfAnotherTime(String healthy) throws Exception {
        int begun = begin();
        // Where the service may delete them, it does so by itself, sooner or later.
        installation.sql(
                "REVOKE DELETE ON audit_event FROM " + installation.owner().role());
        installation.sql(
                "INSERT INTO audit_event (at, type, outcome, facts) VALUES (now() - interval '403 days', 'drill',"
                        + " 'SUCCESS', '{}')");
        service.stop();
        service.restart();
        await("store", "audit_not_pruned");
        drill(
                seen(begun),
                "store",
                "WARN The audit has rows that should have been deleted 3 days ago",
                "rolewright_audit_unpruned_seconds\\{",
                "RolewrightAuditNotPruned",
                "audit_not_pruned");

        begun = begin();
        earlier = stores.copy();
        Awaitility.await().atMost(PATIENCE).until(() -> !troubles().containsKey("answer"));
        for (int i = 0; i < 3; i++) {
            service.post(Rotating.BASE + "/" + healthy + "/rotate-secrets?force=true", new JsonObject())
                    .expect(200);
        }
        service.stop();
        stores.sql("CREATE DATABASE elsewhere TEMPLATE " + installation.database());
        stores.sql("ALTER DATABASE elsewhere OWNER TO "
                + stores.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '"
                                + installation.database() + "'")
                        .get(0)
                        .getString(0));
        toStore.redirect(earlier);
        earlier.sqlIn(
                installation.database(),
                "UPDATE store_pulse SET at = at - interval '2 min', xid = pg_current_xact_id()::text");
        service.restart();
        await("healthy", "stale_credential");
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> !service.metrics().contains("rolewright_credentials_stale 0.0"));
        drill(
                seen(begun),
                "healthy",
                "WARN The server refuses the password that the store has for role",
                "rolewright_credentials_stale\\{",
                "RolewrightCredentialsStale",
                "stale_credential");

        try (Installation elsewhere = installation.restoredTo(stores, "elsewhere")) {
            ServiceProcess original = service;
            service = elsewhere.start();
            await("store", "store_is_a_copy");
            Awaitility.await().atMost(PATIENCE).until(() -> service.metrics().contains("rolewright_store_copy 1.0"));
            drill(
                    seen(0),
                    "store",
                    "WARN .* This one changes no password",
                    "rolewright_store_copy\\{",
                    "RolewrightStoreIsACopy",
                    "store_is_a_copy");
            service = original;
        }
    }

    private int begin() {
        calm = service.metrics();
        return service.log().length();
    }

    private void await(String about, String code) {
        Awaitility.await()
                .atMost(PATIENCE)
                .untilAsserted(
                        () -> assertThat(troubles().getOrDefault(about, "")).contains(code));
    }

    private Seen seen(int begun) {
        return new Seen(
                service.log().substring(begun), rules.samples(calm), rules.samples(service.metrics()), troubles());
    }

    private void change(Seen day, String about, String metric, String alert, String code) {
        drill(day, about, "WARN A change of the role .*(" + code + ")", metric, alert, code);
    }

    private void drill(Seen day, String about, String log, String metric, String alert, String code) {
        Drill drill = new Drill(about + ": " + code, about, log, metric, alert, code);
        drills.add(drill);
        seen.put(drill.name, day);
    }

    private String id(String name) {
        return names.entrySet().stream()
                .filter(each -> each.getValue().equals(name))
                .findFirst()
                .orElseThrow()
                .getKey();
    }

    // ---- Parts

    private record Roles(Login managing, Login first) {}

    private Roles last;

    private String rotation(String name) {
        return rotation(name, target.port(), new JsonObject());
    }

    private String rotation(String name, int port, JsonObject more) {
        Login managing = more.containsKey("connectionId") ? last.managing : target.role("LOGIN CREATEROLE");
        Login first = target.role("LOGIN");
        Login second = target.role("LOGIN");
        Rotating.grant(target, managing, first);
        Rotating.grant(target, managing, second);
        last = new Roles(managing, first);
        String id = Rotating.created(service, port, managing, first, second, more);
        names.put(id, name);
        return id;
    }

    /** A connection that verifies the server, of a managing role of its own. */
    private String verifying() {
        last = new Roles(target.role("LOGIN CREATEROLE"), last.first);
        return service.post(
                        "/api/v1/app-connections/postgres",
                        new JsonObject()
                                .put("name", "verifying")
                                .put("method", "username-and-password")
                                .put(
                                        "credentials",
                                        new JsonObject()
                                                .put("host", "127.0.0.1")
                                                .put("port", target.port())
                                                .put("database", "postgres")
                                                .put("username", last.managing.role())
                                                .put("password", last.managing.password())
                                                .put("sslMode", "verify-full")
                                                .put("sslCertificate", authority.caPem())))
                .expect(200)
                .json()
                .getJsonObject("appConnection")
                .getString("id");
    }

    private void due(String... rotations) {
        installation.sql("UPDATE secret_rotation SET next_rotation_at = now() - interval '1 minute', due_at = now(),"
                + " last_rotated_at = now() - interval '1 hour' WHERE id IN ('" + String.join("', '", rotations)
                + "')");
    }

    private void look(String... rotations) {
        installation.sql("UPDATE managed_role SET due_at = now() - interval '1 second' WHERE owner_id IN ('"
                + String.join("', '", rotations) + "')");
    }

    private HttpServer receiver() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.start();
        return server;
    }

    private String webhook(int port) {
        String id = service.post(
                        "/api/v1/webhooks",
                        new JsonObject()
                                .put("name", "drill")
                                .put("projectId", Rotating.project(service))
                                .put("url", "http://127.0.0.1:" + port + "/")
                                .put(
                                        "events",
                                        new JsonArray()
                                                .add("rotation.credential-changed")
                                                .add("rotation.failed")))
                .expect(200)
                .json()
                .getJsonObject("webhook")
                .getString("id");
        names.put(id, "webhook");
        return id;
    }

    private void expireCertificate() throws IOException {
        TestCertificates.Issued other = authority.expired("localhost", "127.0.0.1");
        Path data = Path.of(target.sql("SHOW data_directory").get(0).getString(0));
        for (Map.Entry<String, String> each : Map.of("ssl_cert_file", other.pem(), "ssl_key_file", other.keyPem())
                .entrySet()) {
            Files.writeString(
                    data.resolve(target.sql("SHOW " + each.getKey()).get(0).getString(0)), each.getValue());
        }
        target.sql("SELECT pg_reload_conf()");
    }

    /** By what they are about; of the service itself by its kind. */
    private Map<String, String> troubles() {
        Answer answer = service.get("/api/v1/troubles?limit=1000");
        if (answer.status() != 200) {
            return Map.of("answer", String.valueOf(answer.json().getString("code")));
        }
        Map<String, String> all = new LinkedHashMap<>();
        JsonArray listed = answer.json().getJsonArray("troubles");
        for (int i = 0; i < listed.size(); i++) {
            JsonObject each = listed.getJsonObject(i);
            String id = each.getString("id") == null ? each.getString("kind") : each.getString("id");
            all.merge(names.getOrDefault(id, id), each.getString("code"), (one, other) -> one + " " + other);
        }
        return all;
    }

    private static List<String> loud(String log) {
        return log.lines()
                .map(DrillsIT::line)
                .filter(line -> !line.startsWith("INFO"))
                .toList();
    }

    /** @return level, message and fields of one line of the log */
    private static String line(String json) {
        if (!json.startsWith("{")) {
            return json;
        }
        JsonObject line = new JsonObject(json);
        return line.getString("level") + " " + line.getString("message") + " " + line.getValue("mdc");
    }
}
