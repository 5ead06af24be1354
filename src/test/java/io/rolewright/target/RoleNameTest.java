package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import com.ongres.scram.client.ScramClient;
import com.ongres.scram.common.StringPreparation;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RoleNameTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "app",
                "a=b,c",
                "日本",
                "Ünïcode",
                "\u00a0",
                "a\u200bb",
                "\u0378",
                "ª",
                " ",
                "two\nlines",
                "a\tb",
                "א",
                "א1",
                "אa",
                "\ue000",
                "\u2028",
                "\u00ad",
                "\u007f",
                "\u0085",
                "\ud800"
            })
    void takesWhatTheDriverCanLogInWith(String name) {
        boolean driverCan = true;
        try { // as Vert.x builds it
            ScramClient.builder()
                    .advertisedMechanisms(List.of("SCRAM-SHA-256"))
                    .username(name)
                    .password("any".toCharArray())
                    .stringPreparation(StringPreparation.POSTGRESQL_PREPARATION)
                    .build()
                    .clientFirstMessage();
        } catch (RuntimeException cannot) {
            driverCan = false;
        }

        assertThat(RoleName.fault(name).isEmpty()).isEqualTo(driverCan);
    }

    @Test
    void countsBytes() {
        assertThat(RoleName.fault("x".repeat(63))).isEmpty();
        assertThat(RoleName.fault("x".repeat(64)))
                .hasValueSatisfying(fault -> assertThat(fault).contains("63 bytes"));
        assertThat(RoleName.fault("ü".repeat(31) + "x")).isEmpty();
        assertThat(RoleName.fault("ü".repeat(32))).isPresent();
        assertThat(RoleName.fault("a\u0000b"))
                .hasValueSatisfying(fault -> assertThat(fault).contains("NUL"));
        assertThat(RoleName.fault("")).isPresent();
    }
}
