package io.rolewright.target.address;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressGuardTest {

    private static final Duration A_SECOND = Duration.ofSeconds(1);

    /** What the name servers of these tests know. */
    private static final Map<String, String> NAMES = Map.of(
            "public.example", "8.8.8.8",
            "public.example.", "8.8.8.8",
            "private.example", "10.1.2.3",
            "mixed.example", "10.1.2.3 8.8.8.8 ::ffff:10.1.2.3 2600::1",
            "localhost", "127.0.0.1",
            "localhost.", "127.0.0.1",
            "rebind.example", "169.254.169.254",
            "xn--bcher-kva.example", "8.8.4.4",
            "db_1", "8.8.8.8",
            "store.example", "8.8.8.9");

    private static InetAddress[] lookUp(String name) throws UnknownHostException {
        String addresses = NAMES.get(name);
        if (addresses == null) {
            throw new UnknownHostException(name);
        }
        return Arrays.stream(addresses.split(" "))
                .map(text -> AddressGuard.address(name, IpLiteral.parse(text).orElseThrow()))
                .toArray(InetAddress[]::new);
    }

    private static AddressGuard guard(boolean internal, String store, String... allowed) {
        return new AddressGuard(
                Arrays.stream(allowed).map(Network::parse).toList(),
                internal,
                OwnServer.ofUrls(store),
                new NameLookup(2, AddressGuardTest::lookUp));
    }

    private static String verdict(AddressGuard guard, String host, int port) {
        try (guard) {
            Checked checked = guard.check(host, port, A_SECOND).await().indefinitely();
            return checked instanceof Checked.Closed closed ? closed.reason().name() : "OPEN";
        }
    }

    @ParameterizedTest(name = "{0} is {1}")
    @CsvSource(textBlock = """
            8.8.8.8,                                  OPEN
            1.1.1.1,                                  OPEN
            223.255.255.255,                          OPEN
            11.0.0.1,                                 OPEN
            172.15.255.255,                           OPEN
            172.32.0.0,                               OPEN
            100.63.255.255,                           OPEN
            100.128.0.0,                              OPEN
            2600::1,                                  OPEN
            [2600::1],                                OPEN
            2A00:1450:4001:82A::200E,                 OPEN
            public.example,                           OPEN
            public.example.,                          OPEN
            PUBLIC.Example,                           OPEN
            db_1,                                     OPEN
            bücher.example,                           OPEN
            xn--bcher-kva.example,                    OPEN
            mixed.example,                            OPEN
            127.0.0.1,                                REFUSED
            127.255.255.254,                          REFUSED
            0.0.0.0,                                  REFUSED
            0.1.2.3,                                  REFUSED
            10.0.0.1,                                 REFUSED
            172.16.0.1,                               REFUSED
            172.31.255.255,                           REFUSED
            192.168.1.1,                              REFUSED
            100.64.0.1,                               REFUSED
            169.254.1.1,                              REFUSED
            169.254.169.254,                          REFUSED
            169.254.170.2,                            REFUSED
            168.63.129.16,                            REFUSED
            100.100.100.200,                          REFUSED
            192.0.0.192,                              REFUSED
            192.0.2.1,                                REFUSED
            198.18.0.1,                               REFUSED
            198.51.100.7,                             REFUSED
            203.0.113.7,                              REFUSED
            192.88.99.1,                              REFUSED
            224.0.0.1,                                REFUSED
            239.255.255.255,                          REFUSED
            240.0.0.1,                                REFUSED
            255.255.255.255,                          REFUSED
            ::,                                       REFUSED
            ::1,                                      REFUSED
            [::1],                                    REFUSED
            0:0:0:0:0:0:0:1,                          REFUSED
            ::ffff:127.0.0.1,                         REFUSED
            ::ffff:8.8.8.8,                           REFUSED
            [::ffff:0a00:1],                          REFUSED
            ::127.0.0.1,                              REFUSED
            64:ff9b::8.8.8.8,                         REFUSED
            64:ff9b:1::1,                             REFUSED
            2002:7f00:1::,                            REFUSED
            2001:0:4136:e378:8000:63bf:3fff:fdd2,     REFUSED
            2001:db8::1,                              REFUSED
            2001:20::1,                               REFUSED
            3fff::1,                                  REFUSED
            100::1,                                   REFUSED
            fc00::1,                                  REFUSED
            fd12:3456::1,                             REFUSED
            fd00:ec2::254,                            REFUSED
            fd20:ce::254,                             REFUSED
            fe80::1,                                  REFUSED
            fec0::1,                                  REFUSED
            ff02::1,                                  REFUSED
            4000::1,                                  REFUSED
            5f00::1,                                  REFUSED
            localhost,                                REFUSED
            localhost.,                               REFUSED
            private.example,                          REFUSED
            rebind.example,                           REFUSED
            metadata,                                 REFUSED
            metadata.google.internal,                 REFUSED
            METADATA.google.internal.,                REFUSED
            instance-data.ec2.internal,               REFUSED
            unknown.example,                          NOT_FOUND
            127.1,                                    MALFORMED
            2130706433,                               MALFORMED
            0x7f000001,                               MALFORMED
            0x7f.0.0.1,                               MALFORMED
            0x7F.1,                                   MALFORMED
            0177.0.0.1,                               MALFORMED
            017700000001,                             MALFORMED
            127.0.0.01,                               MALFORMED
            127.0.0.1.,                               MALFORMED
            127.0.0.256,                              MALFORMED
            127.0.0.1.5,                              MALFORMED
            10.0.1,                                   MALFORMED
            127.0.0.1%00,                             MALFORMED
            evil.example%00.public.example,           MALFORMED
            １２７.０.０.１,                             REFUSED
            ①②⑦.⓪.⓪.①,                              REFUSED
            127。0。0。1,                               REFUSED
            fe80::1%eth0,                             MALFORMED
            fe80::1%25eth0,                           MALFORMED
            [::1,                                     MALFORMED
            ::1],                                     MALFORMED
            [127.0.0.1],                              MALFORMED
            [[::1]],                                  MALFORMED
            1::2::3,                                  MALFORMED
            :::,                                      MALFORMED
            12345::,                                  MALFORMED
            1:2:3:4:5:6:7:8:9,                        MALFORMED
            ::1.2.3,                                  MALFORMED
            public.example:5432,                      MALFORMED
            8.8.8.8:5432,                             MALFORMED
            public.example/x,                         MALFORMED
            user@public.example,                      MALFORMED
            /var/run/postgresql,                      MALFORMED
            @abstract,                                MALFORMED
            'public.example,10.0.0.1',                MALFORMED
            ' public.example',                        MALFORMED
            public..example,                          MALFORMED
            .public.example,                          MALFORMED
            public.example..,                         MALFORMED
            -public.example,                          MALFORMED
            .,                                        MALFORMED
            '',                                       MALFORMED
            """)
    void judgesEveryFormOfAHost(String host, String verdict) {
        assertThat(verdict(guard(false, ""), host, 5432)).isEqualTo(verdict);
    }

    @Test
    void refusesControlCharactersAndOverlongNames() {
        for (String host :
                List.of("a\u0000b", "a\nb", "a\tb", "a b", "x".repeat(64), "x.".repeat(130), "\u202e", "a\\b")) {
            assertThat(verdict(guard(false, ""), host, 5432)).as(host).isEqualTo("MALFORMED");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "::1",
                "10.0.0.1",
                "172.16.0.1",
                "192.168.0.1",
                "100.64.0.1",
                "fd12::1",
                "private.example"
            })
    void internalSwitchOpensInternalNetworks(String host) {
        assertThat(verdict(guard(true, ""), host, 5432)).isEqualTo("OPEN");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "169.254.169.254",
                "169.254.1.1",
                "fe80::1",
                "fd00:ec2::254",
                "fd20:ce::254",
                "100.100.100.200",
                "168.63.129.16",
                "0.0.0.0",
                "::",
                "::ffff:10.0.0.1",
                "64:ff9b::10.0.0.1",
                "2002:a00:1::",
                "224.0.0.1",
                "240.0.0.1",
                "fec0::1",
                "metadata.google.internal",
                "rebind.example"
            })
    void internalSwitchOpensNothingElse(String host) {
        assertThat(verdict(guard(true, ""), host, 5432)).isEqualTo("REFUSED");
    }

    @Test
    void dialsOnlyTheOpenAddressesOfAMixedNameAndReportsAll() {
        try (AddressGuard guard = guard(false, "")) {
            Checked.Open open = (Checked.Open)
                    guard.check("mixed.example", 5432, A_SECOND).await().indefinitely();

            assertThat(open.resolved()).containsExactly("10.1.2.3", "8.8.8.8", "10.1.2.3", "2600:0:0:0:0:0:0:1");
            assertThat(open.dial())
                    .extracting(InetAddress::getHostAddress)
                    .containsExactly("8.8.8.8", "2600:0:0:0:0:0:0:1");
            assertThat(open.dial())
                    .allSatisfy(address -> assertThat(address.getHostName()).isEqualTo("mixed.example"));
        }
    }

    @Test
    void opensWhatAnOperatorListsAndNothingBeside() {
        assertThat(verdict(guard(false, "", "10.1.0.0/16"), "10.1.2.3", 5432)).isEqualTo("OPEN");
        assertThat(verdict(guard(false, "", "10.1.0.0/16"), "10.2.0.1", 5432)).isEqualTo("REFUSED");
        assertThat(verdict(guard(false, "", "169.254.169.254"), "rebind.example", 5432))
                .isEqualTo("OPEN");
        assertThat(verdict(guard(false, "", "10.1.0.0/16"), "::ffff:10.1.2.3", 5432))
                .isEqualTo("REFUSED");
        assertThat(verdict(guard(false, "", "fd00::/8"), "fd00:ec2::254", 5432)).isEqualTo("OPEN");
    }

    @ParameterizedTest
    @CsvSource({
        "postgresql://store.example:6543/db,                 8.8.8.9,        6543, REFUSED",
        "postgresql://store.example:6543/db,                 store.example,  6543, REFUSED",
        "postgresql://store.example:6543/db,                 8.8.8.9,        5432, OPEN",
        "postgresql://store.example:6543/db,                 8.8.8.8,        6543, OPEN",
        "vertx-reactive:postgresql://user@store.example/db,  8.8.8.9,        5432, REFUSED",
        "postgresql://127.0.0.1:7000/db,                     127.0.0.1,      7000, REFUSED",
        "postgresql://127.0.0.1:7000/db,                     127.0.0.2,      7000, REFUSED",
        "postgresql://127.0.0.1:7000/db,                     ::1,            7000, REFUSED",
        "postgresql://[::1]:7000/db,                         localhost,      7000, REFUSED",
        "postgresql://127.0.0.1:7000/db,                     127.0.0.1,      7001, OPEN",
        "postgresql://gone.example:7000/db,                  8.8.8.8,        7000, LOOKUP_TIMED_OUT",
    })
    void keepsTheStoreClosedEvenWhereItsNetworkIsOpen(String store, String host, int port, String verdict) {
        assertThat(verdict(guard(true, store), host, port)).isEqualTo(verdict);
    }

    @Test
    void opensTheStoreByCidrOnly() {
        assertThat(verdict(guard(true, "postgresql://127.0.0.1:7000/db", "127.0.0.1/32"), "127.0.0.1", 7000))
                .isEqualTo("OPEN");
    }

    @Test
    void answersInTimeAndServesOthersWhileANameServerIsSilent() {
        CountDownLatch silent = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        NameLookup lookup = new NameLookup(2, name -> {
            if (name.startsWith("silent")) {
                asked.incrementAndGet();
                await(silent);
            }
            return lookUp("public.example");
        });
        try (AddressGuard guard = new AddressGuard(List.of(), false, List.of(), lookup)) {
            for (int i = 0; i < 5; i++) {
                Checked checked = guard.check("silent.example", 5432, Duration.ofMillis(50))
                        .await()
                        .indefinitely();
                assertThat(checked).isEqualTo(new Checked.Closed(Checked.Reason.LOOKUP_TIMED_OUT, List.of()));
            }

            assertThat(guard.check("public.example", 5432, A_SECOND).await().indefinitely())
                    .isInstanceOf(Checked.Open.class);
            assertThat(asked).as("one name holds one thread").hasValue(1);
        } finally {
            silent.countDown();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "10.0.0.0/33",
                "10.0.0.1/8",
                "10.0.0/8",
                "x",
                "10.0.0.0/",
                "10.0.0.0/-1",
                "::/129",
                "",
                "fe80::1%eth0"
            })
    void saysInOneSentenceThatANetworkIsMalformed(String network) {
        assertThatThrownBy(() -> AddressGuard.of(List.of(network), false, "", 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("'" + network + "'");
    }
}
