package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.development.PostgresServer;
import io.rolewright.testing.TestPostgres;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.Cancellable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every answer a real server has for a login, on every version under test. */
class LoginTest {

    private static final Duration LONG = Duration.ofSeconds(8);
    private static final Targets TARGETS = TestTargets.local(Map.of("sessions-per-target", "16"));
    private static final Map<Integer, TestPostgres> SERVERS = new HashMap<>();

    /** One server per version, with a role for every case. */
    private static TestPostgres server(int major) {
        return SERVERS.computeIfAbsent(
                major,
                version -> furnished(
                        changes -> TestPostgres.own(version, TestPostgres.Tls.OPTIONAL, changes), builder -> builder));
    }

    private static TestPostgres furnished(
            Function<UnaryOperator<PostgresServer.Builder>, TestPostgres> start,
            UnaryOperator<PostgresServer.Builder> changes) {
        TestPostgres server = start.apply(builder -> changes.apply(builder.setting("max_connections", "8")
                .setting("superuser_reserved_connections", "3")
                .setting("max_wal_senders", "0")));
        server.sql("CREATE ROLE app LOGIN PASSWORD 'secret'");
        server.sql("CREATE ROLE \"Ünïcode \"\"role\"\"\" LOGIN PASSWORD 'pässwörd \\''s'".replace("\\'", "'"));
        server.sql("CREATE ROLE lapsed LOGIN PASSWORD 'secret' VALID UNTIL '2020-01-01'");
        server.sql("CREATE ROLE no_password LOGIN");
        server.sql("CREATE ROLE no_login NOLOGIN PASSWORD 'secret'");
        server.sql("CREATE ROLE limited LOGIN PASSWORD 'secret' CONNECTION LIMIT 0");
        server.sql("CREATE ROLE unlisted LOGIN PASSWORD 'secret'");
        server.sql("CREATE ROLE tls_only LOGIN PASSWORD 'secret'");
        server.sql("CREATE ROLE trusted LOGIN PASSWORD 'secret'");
        server.sql("CREATE ROLE trusted_no_login NOLOGIN");
        server.sql("CREATE ROLE clear LOGIN PASSWORD 'secret'");
        server.sql("SET password_encryption = 'md5'; CREATE ROLE old_md5 LOGIN PASSWORD 'secret'");
        server.sql("CREATE ROLE under_md5 LOGIN PASSWORD 'secret'");
        server.sql("CREATE DATABASE closed ALLOW_CONNECTIONS false");
        server.sql("CREATE DATABASE crowded CONNECTION LIMIT 0");
        server.sql("CREATE DATABASE private");
        server.sql("REVOKE CONNECT ON DATABASE private FROM public");
        server.authentication(
                "host all unlisted 127.0.0.1/32 reject",
                "hostssl all tls_only 127.0.0.1/32 scram-sha-256",
                "host all tls_only 127.0.0.1/32 reject",
                "host all trusted,trusted_no_login 127.0.0.1/32 trust",
                "host all clear 127.0.0.1/32 password",
                "host all old_md5,under_md5 127.0.0.1/32 md5",
                "host all all 127.0.0.1/32 scram-sha-256");
        return server;
    }

    @AfterAll
    static void close() {
        TARGETS.close();
        SERVERS.values().forEach(TestPostgres::close);
    }

    private static Login login(int major, String database, String role, String password) {
        return login(server(major), database, role, password);
    }

    private static Login login(TestPostgres server, String database, String role, String password) {
        return new Login("127.0.0.1", server.port(), database, role, TlsSettings.DISABLED, password);
    }

    private static Login verified(Login login, int major) {
        TlsSettings tls = new TlsSettings(SslMode.VERIFY_FULL, server(major).caPem(), null, null);
        return new Login(login.host(), login.port(), login.database(), login.role(), tls, login.password());
    }

    private static LoginOutcome outcome(Login login) {
        return TARGETS.login(login, Deadline.in(LONG)).await().indefinitely();
    }

    /** {@code reason sqlState password}, {@code accepted proof} or {@code reason step}. */
    private static String words(LoginOutcome outcome) {
        if (outcome instanceof LoginOutcome.Accepted accepted) {
            return "accepted " + accepted.proof();
        }
        if (outcome instanceof LoginOutcome.Refused refused) {
            return refused.reason() + " " + refused.sqlState() + " " + refused.password();
        }
        LoginOutcome.Unreachable unreachable = (LoginOutcome.Unreachable) outcome;
        return unreachable.reason() + " " + unreachable.step();
    }

    /** PostgreSQL's own SASLprep, where it differs from the RFC's order of tables. */
    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void knowsPasswordsAsPostgresqlPreparesThem(int major) {
        Map<String, String> odd = new LinkedHashMap<>();
        odd.put("zero width space", "\u200bx");
        odd.put("nothing but one", "\u200b");
        odd.put("soft hyphen", "a\u00adb");
        odd.put("nothing but one hyphen", "\u00ad");
        odd.put("no-break space", "a\u00a0b");
        odd.put("composed otherwise", "A\u030a");
        odd.put("private use, forbidden", "\ue000\u200b");
        odd.put("control", "\u0007x");
        odd.forEach((name, password) -> {
            String role = TestPostgres.uniqueName("odd");
            server(major).sql("CREATE ROLE " + role + " LOGIN PASSWORD '" + password + "'");

            assertThat(words(outcome(login(major, "postgres", role, password))))
                    .as(name)
                    .startsWith("accepted");
        });
    }

    private static final String CASES = """
            good login                | postgres | app              | secret | accepted proven
            unusual names             | postgres | Ünïcode "role"   | pässwörd 's | accepted proven
            wrong password            | postgres | app              | wrong  | PASSWORD_REFUSED 28P01 REFUSED
            empty password            | postgres | app              |        | PASSWORD_REFUSED 28P01 REFUSED
            role does not exist       | postgres | ghost            | secret | PASSWORD_REFUSED 28P01 REFUSED
            role without password     | postgres | no_password      | secret | PASSWORD_REFUSED 28P01 REFUSED
            VALID UNTIL has passed    | postgres | lapsed           | secret | PASSWORD_REFUSED 28P01 REFUSED
            NOLOGIN, right password   | postgres | no_login         | secret | ROLE_CANNOT_LOGIN 28000 ACCEPTED
            NOLOGIN, wrong password   | postgres | no_login         | wrong  | PASSWORD_REFUSED 28P01 REFUSED
            database does not exist   | absent   | app              | secret | NO_SUCH_DATABASE 3D000 ACCEPTED
            the same, wrong password  | absent   | app              | wrong  | PASSWORD_REFUSED 28P01 REFUSED
            database closed           | closed   | app              | secret | DATABASE_CLOSED 55000 ACCEPTED
            database full             | crowded  | app              | secret | DATABASE_FULL 53300 ACCEPTED
            no CONNECT privilege      | private  | app              | secret | NO_CONNECT_PRIVILEGE 42501 ACCEPTED
            CONNECTION LIMIT 0        | postgres | limited          | secret | ROLE_FULL 53300 ACCEPTED
            no rule at all            | postgres | unlisted         | secret | NO_MATCHING_RULE 28000 UNKNOWN
            rule demands TLS          | postgres | tls_only         | secret | TLS_DEMANDED 28000 UNKNOWN
            trust                     | postgres | trusted          | any    | accepted NOT_ASKED
            trust, no database        | absent   | trusted          | any    | NO_SUCH_DATABASE 3D000 UNKNOWN
            trust, NOLOGIN            | postgres | trusted_no_login | any    | ROLE_CANNOT_LOGIN 28000 UNKNOWN
            clear, TLS not verified   | postgres | clear            | secret | CLEARTEXT_PASSWORD_DEMANDED LOGIN
            MD5, TLS not verified     | postgres | old_md5          | secret | MD5_PASSWORD_DEMANDED LOGIN
            SCRAM under an md5 rule   | postgres | under_md5        | secret | accepted proven
            """;

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void saysWhyAServerRefuses(int major) {
        assertKnowsEveryCase(server(major), major);
    }

    /**
     * The embedded servers speak English only. {@code -Dpostgres.localised} names an installation with translations, and the
     * environment has {@code LANGUAGE=de}: the CI step {@code postgres} sets both.
     */
    @Test
    @EnabledIfSystemProperty(named = "postgres.localised", matches = ".+")
    void saysTheSameOfAServerThatSpeaksGerman() {
        Path installation = Path.of(System.getProperty("postgres.localised"));
        // Any locale but C makes the server look at LANGUAGE.
        try (TestPostgres german = furnished(
                changes -> TestPostgres.own(installation, TestPostgres.Tls.OPTIONAL, changes),
                builder -> builder.setting("lc_messages", "C.UTF-8"))) {
            assertKnowsEveryCase(
                    german, Integer.parseInt(installation.getFileName().toString()));

            assertThat(german.server().log())
                    .as("it does speak German")
                    .contains("Datenbank »absent« existiert nicht", "Passwort-Authentifizierung");
        }
    }

    private static void assertKnowsEveryCase(TestPostgres server, int major) {
        String proven = "accepted " + (major >= 16 ? PasswordProof.SYSTEM_USER : PasswordProof.CHALLENGE);

        List<String> got = new ArrayList<>();
        List<String> wanted = new ArrayList<>();
        CASES.lines().map(line -> line.split("\\|")).forEach(cell -> {
            wanted.add(cell[0].strip() + ": " + cell[4].strip().replace("accepted proven", proven));
            got.add(cell[0].strip() + ": "
                    + words(outcome(login(server, cell[1].strip(), cell[2].strip(), cell[3].strip()))));
        });

        assertThat(got).isEqualTo(wanted);
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void answersCleartextAndMd5OverVerifiedTls(int major) {
        boolean systemUser = major >= 16;

        assertThat(words(outcome(verified(login(major, "postgres", "clear", "secret"), major))))
                .isEqualTo("accepted " + (systemUser ? PasswordProof.SYSTEM_USER : PasswordProof.UNKNOWN));
        assertThat(words(outcome(verified(login(major, "postgres", "clear", "wrong"), major))))
                .isEqualTo("PASSWORD_REFUSED 28P01 REFUSED");
        assertThat(words(outcome(verified(login(major, "postgres", "old_md5", "secret"), major))))
                .isEqualTo("accepted " + (systemUser ? PasswordProof.SYSTEM_USER : PasswordProof.CHALLENGE));
        assertThat(words(outcome(verified(login(major, "postgres", "tls_only", "secret"), major))))
                .isEqualTo("accepted " + (systemUser ? PasswordProof.SYSTEM_USER : PasswordProof.CHALLENGE));
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void reportsTheFactsOfASession(int major) {
        Login login = login(major, "postgres", "app", "secret");

        SessionFacts facts = ((LoginOutcome.Accepted) outcome(login)).facts();

        assertThat(facts.serverVersionNumber() / 10000).isEqualTo(major);
        assertThat(facts.resolved()).containsExactly("127.0.0.1");
        assertThat(facts.dialled()).isEqualTo("127.0.0.1");
        assertThat(facts.port()).isEqualTo(login.port());
        assertThat(facts.tls()).isNull();
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void tellsAFullServerBeforeFromAfterAuthentication(int major) {
        Login app = login(major, "postgres", "app", "secret");
        Login superuser = app.as(TestPostgres.SUPERUSER, server(major).superuserPassword());
        List<Cancellable> held = new ArrayList<>();
        try {
            for (int i = 0; i < 5; i++) {
                held.add(hold(app));
            }
            // A session that has just ended keeps its slot for a moment.
            Awaitility.await()
                    .atMost(LONG)
                    .untilAsserted(() -> assertThat(words(outcome(app))).isEqualTo("SLOTS_RESERVED 53300 ACCEPTED"));
            assertThat(words(outcome(app.as("app", "wrong")))).isEqualTo("PASSWORD_REFUSED 28P01 REFUSED");

            for (int i = 0; i < 3; i++) {
                held.add(hold(superuser));
            }

            assertThat(words(outcome(app))).isEqualTo("SERVER_FULL 53300 UNKNOWN");
        } finally {
            held.forEach(Cancellable::cancel);
        }
    }

    private static Cancellable hold(Login login) {
        List<Object> in = new ArrayList<>();
        Cancellable held = TARGETS.withSession(
                        login, Purpose.DUE_WORK, Deadline.in(Duration.ofMinutes(1)), "holder", session -> {
                            in.add("in");
                            return Uni.createFrom().nothing();
                        })
                .subscribe()
                .with(item -> {}, in::add);
        Awaitility.await().atMost(LONG).until(() -> !in.isEmpty());
        assertThat(in).containsExactly("in");
        return held;
    }
}
