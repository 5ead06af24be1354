package io.rolewright.target;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Tag;

/** As {@link PemFuzzTest}, for names of roles. */
@Tag("suite-fuzz")
class RoleNameFuzzTest {

    /** A name that is taken is one that PostgreSQL gets whole: not cut, and not with another character in it. */
    @FuzzTest
    void roleName(FuzzedDataProvider data) {
        String name = data.consumeRemainingAsString();

        if (RoleName.fault(name).isEmpty()) {
            byte[] sent = name.getBytes(StandardCharsets.UTF_8);
            assertThat(sent.length).isBetween(1, 63);
            assertThat(new String(sent, StandardCharsets.UTF_8)).isEqualTo(name).doesNotContain("\0");
        }
    }
}
