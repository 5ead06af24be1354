package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.delivery.LoginFormat.Login;
import io.rolewright.testing.TestPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** psql logs in with the lines that are made for libpq: as a role and to a database whose names hold all that its password does. */
@Tag("suite-clients")
class LoginFormatByPsqlTest {

    private static final TestPostgres SERVER = TestPostgres.shared(TestPostgres.NEWEST);

    @ParameterizedTest
    @MethodSource("io.rolewright.delivery.LoginFormatTest#secrets")
    void libpqReadsItsLines(String secret) throws Exception {
        String name = secret.length() > 60 ? secret.substring(0, 60) : secret;
        String quoted = '"' + name.replace("\"", "\"\"") + '"';
        SERVER.sql("CREATE ROLE " + quoted + " LOGIN PASSWORD '" + secret.replace("'", "''") + "'");
        SERVER.sql("CREATE DATABASE " + quoted);
        try {
            Login login = new Login("127.0.0.1", SERVER.port(), name, "disable", name, secret);
            Path pgpass = Files.createTempFile(
                    Path.of("target"),
                    "pgpass-",
                    "",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(pgpass, LoginFormat.PGPASS.line(login) + "\n");

            assertThat(psql(Map.of(), LoginFormat.URI.line(login))).isEqualTo(name);
            assertThat(psql(Map.of(), LoginFormat.CONNINFO.line(login))).isEqualTo(name);
            assertThat(psql(Map.of(
                            "PGPASSFILE",
                            pgpass.toAbsolutePath().toString(),
                            "PGUSER",
                            name,
                            "PGDATABASE",
                            name,
                            "PGHOST",
                            "127.0.0.1",
                            "PGPORT",
                            Integer.toString(SERVER.port()))))
                    .isEqualTo(name);
            Files.delete(pgpass);
        } finally {
            SERVER.sql("DROP DATABASE " + quoted);
            SERVER.sql("DROP ROLE " + quoted);
        }
    }

    /** @return who the server says is logged in */
    private static String psql(Map<String, String> environment, String... conninfo)
            throws IOException, InterruptedException {
        List<String> command = new java.util.ArrayList<>(
                List.of("psql", "--no-psqlrc", "--no-password", "-qAt", "-c", "SELECT current_user"));
        if (conninfo.length > 0) {
            command.addAll(List.of("-d", conninfo[0]));
        }
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        builder.environment().put("PGCLIENTENCODING", "UTF8");
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process psql = builder.start();
        String said = new String(psql.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(psql.waitFor(20, TimeUnit.SECONDS)).isTrue();
        return said.endsWith("\n") ? said.substring(0, said.length() - 1) : said;
    }
}
