package io.rolewright.rotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.problem.Problem;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VaultPlacesTest {

    @Test
    void opensToAProjectWhatStandsBelowItsSlug() {
        VaultPlaces places = places("https://vault.example", "secret:rolewright/{project}");

        assertThat(places.allow("orders", "secret", "rolewright/orders/db")).isTrue();
        assertThat(places.allow("orders", "secret", "rolewright/orders/deep/db"))
                .isTrue();
        assertThat(places.allow("orders", "secret", "rolewright/orders")).isFalse();
        assertThat(places.allow("orders", "secret", "rolewright/orders-two/db")).isFalse();
        assertThat(places.allow("orders", "secret", "rolewright/payments/db")).isFalse();
        assertThat(places.allow("orders", "secret/rolewright", "orders/db")).isFalse();
        assertThat(places.allow("orders", "secret/data", "rolewright/orders/db"))
                .isFalse();
    }

    @Test
    void saysWhetherSlugsBoundProjects() {
        assertThat(places("https://vault.example", "shared:", "kv-{project}:databases")
                        .boundBySlug())
                .isTrue();
        assertThat(places("https://vault.example", "shared:").boundBySlug()).isFalse();
    }

    @Test
    void opensAWholeEngineAndOneForEachProject() {
        VaultPlaces places = places("https://vault.example", "shared:", "kv-{project}:databases");

        assertThat(places.allow("orders", "shared", "db")).isTrue();
        assertThat(places.allow("orders", "kv-orders", "databases/db")).isTrue();
        assertThat(places.allow("orders", "kv-payments", "databases/db")).isFalse();
    }

    @Test
    void isClosedWithoutAVaultOrAPlace() {
        assertThat(places("https://vault.example").isOpen()).isFalse();
        assertThat(places(null, "secret:").isOpen()).isFalse();
        assertThatThrownBy(() -> places("https://vault.example")
                        .require("orders", new RotationWire.VaultPlace("secret", "db", null)))
                .isInstanceOfSatisfying(
                        Problem.class, problem -> assertThat(problem.code()).isEqualTo("vault_not_configured"))
                .hasMessageStartingWith("vaultKv");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"secret", "secret/", ":rolewright", "secret:/rolewright", "secret:a//b", "secret:a/*", "a:b:c"})
    void saysThatASettingIsMalformed(String place) {
        assertThat(VaultPlaces.fault(List.of("secret:", place))).isPresent();
    }

    @Test
    void takesWellFormedSettings() {
        assertThat(VaultPlaces.fault(List.of("secret:", "team-a/kv:rolewright/{project}", "kv-{project}:a")))
                .isEmpty();
    }

    private static VaultPlaces places(String url, String... places) {
        return new VaultPlaces(
                new VaultKvConfig() {
                    @Override
                    public Duration lookInterval() {
                        throw new UnsupportedOperationException();
                    }

                    @Override
                    public Optional<List<String>> places() {
                        return places.length == 0 ? Optional.empty() : Optional.of(List.of(places));
                    }

                    @Override
                    public Duration timeout() {
                        return Duration.ofSeconds(10);
                    }

                    @Override
                    public Duration firstPause() {
                        return Duration.ofSeconds(10);
                    }

                    @Override
                    public Duration longestPause() {
                        return Duration.ofHours(1);
                    }
                },
                Optional.ofNullable(url));
    }
}
