package io.rolewright.target.address;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Locale;
import org.junit.jupiter.api.Tag;

/** As {@code target.PemFuzzTest}, for names and addresses of hosts. */
@Tag("suite-fuzz")
class HostFuzzTest {

    /** What inet_aton(3) reads as an address. */
    private static final String C_ADDRESS = "(?i)(0x[0-9a-f]*|[0-9]+)(\\.(0x[0-9a-f]*|[0-9]+)){0,3}\\.?";

    /** What is taken for a name must be none that a resolver takes for an address: that would go round the guard. */
    @FuzzTest
    void host(FuzzedDataProvider data) {
        Host host = Host.parse(data.consumeRemainingAsString()).orElse(null);
        if (host == null) {
            return;
        }
        assertThat(host.name()).isNotEmpty().isEqualTo(host.name().toLowerCase(Locale.ROOT));
        assertThat(host.name().chars()).allMatch(c -> c > 0x20 && c < 0x7f);
        if (host.literal().isPresent()) {
            assertThat(host.literal().get().length).isIn(4, 16);
            assertThat(AddressKind.of(host.literal().get())).isNotNull();
        } else {
            assertThat(host.lookup()).doesNotContain(":", "%", "[", "/", "@", " ");
            assertThat(host.lookup()).doesNotMatch(C_ADDRESS);
        }
    }
}
