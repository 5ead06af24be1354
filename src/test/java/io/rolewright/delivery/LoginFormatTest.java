package io.rolewright.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.delivery.LoginFormat.Login;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.vertx.pgclient.PgConnectOptions;
import java.util.Properties;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.postgresql.Driver;

/** Each line read back by what it is for, or by the rules of its reader; {@code LoginFormatByPsqlTest} has libpq read its own. */
class LoginFormatTest {

    /** Every printable character of ASCII at the beginning, in the middle and at the end; and all of them. */
    static Stream<String> secrets() {
        String all = IntStream.rangeClosed(' ', '~')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        return Stream.concat(
                Stream.of(all, "ü€𝄞"),
                all.chars().mapToObj(each -> (char) each + "a" + (char) each + "b" + (char) each));
    }

    private static Login login(String name, String secret) {
        return new Login("db.example.com", 5433, name, "verify-full", name, secret);
    }

    @ParameterizedTest
    @MethodSource("secrets")
    void pgjdbcReadsItsUrl(String secret) {
        Properties read = Driver.parseURL(LoginFormat.JDBC.line(login(secret, secret)), new Properties());

        assertThat(read.getProperty("user")).isEqualTo(secret);
        assertThat(read.getProperty("password")).isEqualTo(secret);
        assertThat(read.getProperty("PGDBNAME")).isEqualTo(secret);
        assertThat(read.getProperty("PGHOST")).isEqualTo("db.example.com");
        assertThat(read.getProperty("PGPORT")).isEqualTo("5433");
        assertThat(read.getProperty("sslmode")).isEqualTo("verify-full");
    }

    @ParameterizedTest
    @MethodSource("secrets")
    void vertxReadsTheUri(String secret) {
        PgConnectOptions read = PgConnectOptions.fromUri(LoginFormat.URI.line(login(secret, secret)));

        assertThat(read.getUser()).isEqualTo(secret);
        assertThat(read.getPassword()).isEqualTo(secret);
        assertThat(read.getDatabase()).isEqualTo(secret);
        assertThat(read.getHost()).isEqualTo("db.example.com");
        assertThat(read.getPort()).isEqualTo(5433);
    }

    @ParameterizedTest
    @MethodSource("secrets")
    void aLineOfPgbouncerIsTwoQuotedTexts(String secret) {
        String line = LoginFormat.PGBOUNCER.line(login(secret, secret));

        assertThat(line).matches("\"([^\"]|\"\")*\" \"([^\"]|\"\")*\"");
        String quoted = '"' + secret.replace("\"", "\"\"") + '"';
        assertThat(line).isEqualTo(quoted + " " + quoted);
    }

    @Test
    void anAddressOfVersionSixStandsInBracketsWhereTheFormatHasThem() {
        Login login = new Login("2001:db8::1", 5432, "orders", "require", "app", "secret");

        assertThat(LoginFormat.URI.line(login))
                .isEqualTo("postgresql://app:secret@[2001:db8::1]:5432/orders?sslmode=require");
        assertThat(Driver.parseURL(LoginFormat.JDBC.line(login), new Properties())
                        .getProperty("PGHOST"))
                .isEqualTo("[2001:db8::1]");
        assertThat(LoginFormat.PGPASS.line(login)).isEqualTo("2001\\:db8\\:\\:1:5432:orders:app:secret");
        assertThat(LoginFormat.CONNINFO.line(login))
                .isEqualTo("host='2001:db8::1' port=5432 dbname='orders' user='app' password='secret' sslmode=require");
    }

    @Test
    void aLineIsOneLine() {
        Login login = login("a\nb", "secret");

        for (LoginFormat format : LoginFormat.values()) {
            if (format == LoginFormat.PGPASS || format == LoginFormat.PGBOUNCER) {
                assertThatThrownBy(() -> format.line(login))
                        .isInstanceOfSatisfying(
                                Problem.class,
                                problem -> assertThat(problem.code()).isEqualTo("format_cannot_express"));
            } else {
                assertThat(format.line(login)).isNotEmpty();
            }
        }
        assertThatThrownBy(() -> LoginFormat.of("yaml")).isInstanceOf(ValidationProblem.class);
        assertThat(login.toString()).doesNotContain("secret");
    }
}
