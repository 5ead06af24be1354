package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.target.address.Network;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClientAddressesTest {

    private static final ClientAddresses ADDRESSES = new ClientAddresses(List.of("10.0.0.0/8", "fd00::/8"));

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            nobody in between                        | 192.0.2.1 |                                 | 192.0.2.1
            a stranger may write what he likes       | 192.0.2.1 | 198.51.100.7                    | 192.0.2.1
            our proxy says whom it forwards          | 10.0.0.1  | 198.51.100.7                    | 198.51.100.7
            what the caller had written counts not   | 10.0.0.1  | 203.0.113.9, 198.51.100.7       | 198.51.100.7
            two proxies of ours                      | 10.0.0.1  | 198.51.100.7, 10.9.9.9          | 198.51.100.7
            a proxy of ours asks for itself          | 10.0.0.1  |                                 | 10.0.0.1
            nothing but proxies                      | 10.0.0.1  | 10.0.0.3, 10.0.0.2              | 10.0.0.3
            a name instead of an address             | 10.0.0.1  | 203.0.113.9, unknown            | 10.0.0.1
            with a port                              | 10.0.0.1  | 198.51.100.7:4711               | 198.51.100.7
            IPv6                                     | fd00::1   | 2001:db8::7                     | 2001:db8::7
            IPv6 with a port                         | fd00::1   | [2001:db8::7]:4711              | 2001:db8::7
            IPv4 in the clothes of IPv6              | ::ffff:10.0.0.1 | 198.51.100.7              | 198.51.100.7
            """)
    void seesThroughTrustedProxiesOnly(String situation, String peer, String forwardedFor, String caller) {
        var headers = forwardedFor == null ? List.<String>of() : List.of(forwardedFor);

        assertThat(ADDRESSES.behindProxies(peer, headers)).isEqualTo(caller);
    }

    @Test
    void severalHeadersAreOneList() {
        assertThat(ADDRESSES.behindProxies("10.0.0.1", List.of("203.0.113.9", "198.51.100.7, 10.0.0.2")))
                .isEqualTo("198.51.100.7");
    }

    @ParameterizedTest
    @CsvSource({
        "192.0.2.1,                  192.0.2.1",
        "2001:db8:1:2:3:4:5:6,       2001:0db8:0001:0002::/64",
        "2001:db8:1:2:ffff::,        2001:0db8:0001:0002::/64",
        "::ffff:192.0.2.1,           ::ffff:192.0.2.1",
        "unknown,                    unknown"
    })
    void countsFailuresByAddressOrIpv6Network(String address, String origin) {
        assertThat(ClientAddresses.origin(address)).isEqualTo(origin);
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.0/8,      10.255.255.255, true",
        "10.0.0.0/8,      11.0.0.0,       false",
        "10.1.2.3,        10.1.2.3,       true",
        "10.1.2.3,        10.1.2.4,       false",
        "0.0.0.0/0,       203.0.113.1,    true",
        "0.0.0.0/0,       2001:db8::1,    false",
        "192.0.2.128/25,  192.0.2.129,    true",
        "192.0.2.128/25,  192.0.2.127,    false",
        "2001:db8::/33,   2001:db8:7fff::1, true",
        "2001:db8::/33,   2001:db8:8000::1, false"
    })
    void aNetworkHoldsItsAddresses(String network, String address, boolean holds) {
        assertThat(Network.ofCallers(network).orElseThrow().contains(Network.caller(address)))
                .isEqualTo(holds);
    }

    @ParameterizedTest
    @CsvSource({"10.0.0.0/33", "10.0.0/8", "example.com", "example.com/8", "10.0.0.0/", "10.0.0.0/-1", "::/129", "/8"})
    void aMalformedNetworkIsNone(String text) {
        assertThat(Network.ofCallers(text)).isEmpty();
    }
}
