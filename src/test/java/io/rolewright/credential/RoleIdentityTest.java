package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.credential.RoleIdentity.Marker;
import io.rolewright.credential.RoleIdentity.Number;
import io.rolewright.credential.RoleIdentity.Opens;
import io.rolewright.credential.RoleIdentity.Verdict;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole table of what tells a role from another one of its name. */
class RoleIdentityTest {

    /** All of it that lets a change through although the number is another one; whatever is not here stops it. */
    private static final Map<String, String> RECOGNISED = new TreeMap<>(Map.of(
            "OURS OURS", "our marker, and a password that nobody else has given a role",
            "OURS CHOSEN", "our marker, and a password that a human chose before",
            "IMPOSSIBLE OURS",
                    "a role that cannot carry our marker, and a password that nobody else has given a role"));

    @Test
    void everyCombinationHasItsVerdict() {
        int seen = 0;
        for (Number number : Number.values()) {
            for (Marker marker : Marker.values()) {
                for (Opens opens : Opens.values()) {
                    for (boolean confirmed : new boolean[] {false, true}) {
                        Verdict expected = !number.doubtful()
                                ? Verdict.SAME
                                : RECOGNISED.containsKey(marker + " " + opens)
                                        ? Verdict.RECOGNISED
                                        : confirmed
                                                ? Verdict.CONFIRMED
                                                : number == Number.ELSEWHERE
                                                        ? Verdict.SERVER_REPLACED
                                                        : Verdict.ROLE_REPLACED;
                        assertThat(RoleIdentity.judge(number, marker, opens, confirmed))
                                .as("%s, marker %s, password %s, confirmed %s", number, marker, opens, confirmed)
                                .isEqualTo(expected);
                        seen++;
                    }
                }
            }
        }
        assertThat(seen).isEqualTo(4 * 3 * 3 * 2);
    }

    /** A number says something only on the server that gave it; - is what is not known. */
    @ParameterizedTest
    @CsvSource({
        "-, -, -, -, UNKNOWN",
        "-, a, 7, a, UNKNOWN",
        "7, a, -, a, UNKNOWN",
        "7, a, 7, a, SAME",
        "7, a, 8, a, ANOTHER",
        "7, -, 7, a, SAME",
        "7, -, 8, a, ANOTHER",
        "7, a, 7, -, SAME",
        "7, a, 8, -, ANOTHER",
        "7, -, 7, -, SAME",
        "7, -, 8, -, ANOTHER",
        "7, a, 7, b, ELSEWHERE",
        "7, a, 8, b, ELSEWHERE",
        "7, a, -, b, ELSEWHERE"
    })
    void numbersAreComparedOnTheServerThatGaveThem(
            String knownOid, String knownServer, String oid, String server, Number expected) {
        assertThat(identity(knownOid, knownServer).compare(identity(oid, server)))
                .isEqualTo(expected);
    }

    private static RoleIdentity identity(String oid, String server) {
        return new RoleIdentity(
                oid.equals("-") ? null : Long.valueOf(oid),
                server.equals("-") ? null : new byte[] {(byte) server.charAt(0)});
    }
}
