package io.rolewright.delivery;

import io.rolewright.connection.ConnectionEndpoints.Endpoint;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** One line that a client of PostgreSQL takes to log in, quoted as that client reads it. */
public enum LoginFormat {

    /** PostgreSQL manual, 34.1.1.2: everything but unreserved characters is percent-encoded. */
    URI {
        @Override
        String line(Login login) {
            return "postgresql://" + encoded(login.role()) + ":" + encoded(login.secret()) + "@" + place(login)
                    + "?sslmode=" + login.sslMode();
        }
    },

    /** PostgreSQL manual, 34.1.1.1: values in single quotes, in which a quote and a backslash are escaped. */
    CONNINFO {
        @Override
        String line(Login login) {
            return "host=" + quoted(login.host()) + " port=" + login.port() + " dbname=" + quoted(login.database())
                    + " user=" + quoted(login.role()) + " password=" + quoted(login.secret()) + " sslmode="
                    + login.sslMode();
        }
    },

    /** pgjdbc decodes every part of its URL. It has no place for a login before the host. */
    JDBC {
        @Override
        String line(Login login) {
            return "jdbc:postgresql://" + place(login) + "?user=" + encoded(login.role()) + "&password="
                    + encoded(login.secret()) + "&sslmode=" + login.sslMode();
        }
    },

    /** PostgreSQL manual, 34.16: a colon and a backslash are escaped. */
    PGPASS {
        @Override
        String line(Login login) {
            requireOneLine(login);
            return escaped(login.host()) + ":" + login.port() + ":" + escaped(login.database()) + ":"
                    + escaped(login.role()) + ":" + escaped(login.secret());
        }
    },

    /** PgBouncer's {@code userlist.txt}: a quote is doubled. With the SCRAM secret it logs in to the server as its clients do to it. */
    PGBOUNCER {
        @Override
        String line(Login login) {
            requireOneLine(login);
            return doubled(login.role()) + " " + doubled(login.secret());
        }
    };

    /**
     * @param host without brackets
     * @param secret the password; its SCRAM secret for {@link #PGBOUNCER}
     */
    record Login(String host, int port, String database, String sslMode, String role, String secret) {
        @Override
        public String toString() {
            return "Login[" + role + "]";
        }
    }

    private static final String UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    /** All that a login takes, as {@link #URI} spells it. */
    public static String uri(Endpoint endpoint, String role, String password) {
        return URI.line(
                new Login(endpoint.host(), endpoint.port(), endpoint.database(), endpoint.sslMode(), role, password));
    }

    /** @throws Problem 400 {@code format_cannot_express} for a name that the format has no spelling for */
    abstract String line(Login login);

    /** @throws ValidationProblem for another name */
    static LoginFormat of(String name) {
        return Arrays.stream(values())
                .filter(format -> format.wireName().equals(name))
                .findFirst()
                .orElseThrow(() -> ValidationProblem.at(
                        List.of("format"),
                        "invalid_enum_value",
                        "Must be one of json, "
                                + Arrays.stream(values())
                                        .map(LoginFormat::wireName)
                                        .collect(Collectors.joining(", "))));
    }

    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    void requireOneLine(Login login) {
        if ((login.host() + login.database() + login.role()).matches("(?s).*[\\r\\n].*")) {
            throw Problem.of(
                    ErrorCode.FORMAT_CANNOT_EXPRESS,
                    "A name with a line break cannot stand in a line of " + wireName() + ". Take another format.");
        }
    }

    private static String place(Login login) {
        String host = login.host().contains(":") ? "[" + login.host() + "]" : encoded(login.host());
        return host + ":" + login.port() + "/" + encoded(login.database());
    }

    private static String encoded(String text) {
        StringBuilder encoded = new StringBuilder();
        for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
            if (UNRESERVED.indexOf(each) >= 0) {
                encoded.append((char) each);
            } else {
                encoded.append(String.format("%%%02X", each));
            }
        }
        return encoded.toString();
    }

    private static String quoted(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }

    private static String escaped(String text) {
        return text.replace("\\", "\\\\").replace(":", "\\:");
    }

    private static String doubled(String text) {
        return '"' + text.replace("\"", "\"\"") + '"';
    }
}
