package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.vault.client.VaultClient;
import io.rolewright.operations.VaultTokenWatch.State;
import io.rolewright.testing.VaultProtocolStub;
import io.rolewright.testing.VaultUnderTest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.awaitility.Awaitility;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A fixed token for Vault: renewed where that is possible, and told in time where it is not. Also against a real server (VAULT_ADDR). */
class VaultTokenTest {

    private static VaultUnderTest vault;

    private final MeterRegistry metrics = new SimpleMeterRegistry();
    private final List<ExtLogRecord> lines = new ArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord line) {
            lines.add(ExtLogRecord.wrap(line));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeAll
    static void start() {
        vault = VaultUnderTest.start();
    }

    @AfterAll
    static void stop() {
        vault.close();
    }

    @BeforeEach
    void listen() {
        Logger.getLogger(VaultTokenWatch.class.getName()).addHandler(handler);
    }

    @AfterEach
    void listenNoMore() {
        Logger.getLogger(VaultTokenWatch.class.getName()).removeHandler(handler);
        vault.stub().ifPresent(stub -> stub.become(VaultProtocolStub.Node.ACTIVE));
    }

    private String token(Object... more) {
        Map<String, Object> asked = new HashMap<>(Map.of("policies", "default"));
        for (int i = 0; i < more.length; i += 2) {
            asked.put((String) more[i], more[i + 1]);
        }
        return vault.token(asked);
    }

    private VaultTokenWatch watch(String token) {
        VaultClient client = vault.client(vault.settings(Map.of("quarkus.vault.authentication.client-token", token)));
        return new VaultTokenWatch(() -> client, true, vault.vertx(), metrics);
    }

    private static VaultTokenWatch look(VaultTokenWatch watch) {
        watch.look().await().atMost(Duration.ofSeconds(10));
        return watch;
    }

    private double gauge() {
        return metrics.get("rolewright.vault.token.left").gauge().value();
    }

    private List<String> warnings() {
        return lines.stream()
                .filter(line -> line.getLevel().intValue() >= Level.WARNING.intValue())
                .map(ExtLogRecord::getFormattedMessage)
                .toList();
    }

    @Test
    void oneThatCanBeRenewedOutlivesItsFirstLife() {
        Instant firstEnd = Instant.now().plusSeconds(4);
        VaultTokenWatch watch = watch(token("ttl", "4s"));

        Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .pollInterval(Duration.ofMillis(300))
                .until(() -> {
                    look(watch);
                    return Instant.now().isAfter(firstEnd.plusSeconds(2));
                });

        assertThat(look(watch).standing().state()).isEqualTo(State.LIVES);
        assertThat(gauge()).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(watch.fault()).isEmpty();
        assertThat(warnings()).isEmpty();
    }

    @Test
    void oneThatCannotIsToldAtOnceAndHasATroubleBeforeItEnds() {
        VaultTokenWatch months = look(watch(token("ttl", "700h", "renewable", false)));

        assertThat(months.standing().state()).isEqualTo(State.ENDS);
        assertThat(gauge()).isCloseTo(700 * 3600, within(60.0));
        assertThat(months.fault()).isEmpty();
        look(months);
        assertThat(warnings())
                .singleElement()
                .asString()
                .contains("ends at " + months.standing().endsAt());

        VaultTokenWatch hours = look(watch(token("ttl", "5h", "renewable", false)));
        assertThat(hours.fault()).hasValueSatisfying(fault -> {
            assertThat(fault.code()).isEqualTo("vault_token_ends");
            assertThat(fault.message()).contains(hours.standing().endsAt().toString());
        });
    }

    @Test
    void oneThatCanBeRenewedOnlyUpToATimeEndsThen() {
        Instant end = Instant.now().plus(Duration.ofHours(40));
        VaultTokenWatch watch = look(watch(token("ttl", "20h", "explicit_max_ttl", "40h")));

        assertThat(watch.standing().state()).isEqualTo(State.ENDS);
        assertThat(Duration.between(end, watch.standing().endsAt()).abs()).isLessThan(Duration.ofMinutes(1));
        assertThat(warnings()).hasSize(1);
    }

    @Test
    void oneThatNeverEndsIsNoTrouble() {
        VaultTokenWatch watch = look(watch(vault.token()));

        assertThat(watch.standing().state()).isEqualTo(State.LIVES);
        assertThat(gauge()).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(warnings()).isEmpty();
    }

    @Test
    void oneThatIsRevokedIsToldOnceAndIsATrouble() {
        String token = token("ttl", "10h");
        VaultTokenWatch watch = look(watch(token));
        vault.revoke(token);

        look(look(watch));

        assertThat(watch.standing().state()).isEqualTo(State.REFUSED);
        assertThat(gauge()).isZero();
        assertThat(watch.fault())
                .hasValueSatisfying(fault -> assertThat(fault.code()).isEqualTo("vault_token_refused"));
        assertThat(warnings()).singleElement().asString().contains("refuses").doesNotContain(token);
    }

    @Test
    void whatAVaultThatIsSealedSaysIsNothingAboutTheToken() {
        vault.stub().ifPresent(stub -> {
            VaultTokenWatch watch = look(watch(token("ttl", "10h", "renewable", false)));
            stub.become(VaultProtocolStub.Node.SEALED);

            look(watch);

            assertThat(watch.standing().state()).isEqualTo(State.ENDS);
            assertThat(gauge()).isPositive();
        });
    }
}
