package io.rolewright.target.address;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;

/** As {@code target.PemFuzzTest}, for IP addresses. */
@Tag("suite-fuzz")
class IpLiteralFuzzTest {

    /** What we read as an address, Java reads as the same one; only that it makes IPv4 of a v4-mapped one. */
    @FuzzTest
    void literal(FuzzedDataProvider data) throws UnknownHostException {
        String text = data.consumeRemainingAsAsciiString();
        byte[] ours = IpLiteral.parse(text).orElse(null);
        if (ours != null) {
            byte[] java = InetAddress.getByName(text).getAddress();
            assertThat(java).isEqualTo(Arrays.copyOfRange(ours, ours.length - java.length, ours.length));
        }
    }
}
