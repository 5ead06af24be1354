package io.rolewright.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RefusalBoundsTest {

    private final RefusalBounds bounds = new RefusalBounds(new Bounds(3, 2, 5), address -> address.split(":")[0]);

    record Bounds(int refusalsOfIdentity, int refusalsOfAddress, int refusalsOfStrangers) implements AuditConfig {
        @Override
        public Duration retention() {
            return Duration.ofDays(400);
        }
    }

    @Test
    void anIdentityHasABoundForEachProjectThatItTries() {
        UUID somebody = UUID.randomUUID();
        UUID one = UUID.randomUUID();
        UUID other = UUID.randomUUID();

        assertThat(admitted(10, refused(somebody, one))).isEqualTo(3);
        assertThat(admitted(10, refused(somebody, other))).isEqualTo(3);
        assertThat(admitted(2, refused(somebody, null))).isEqualTo(2);
        assertThat(admitted(10, refused(UUID.randomUUID(), one))).isEqualTo(3);

        assertThat(bounds.over())
                .hasSize(3)
                .allSatisfy(row -> assertThat(row.facts()).containsEntry("count", 7))
                .allSatisfy(row -> assertThat(row.reason()).isEqualTo("more_refused"))
                .filteredOn(row -> somebody.equals(row.actorId()))
                .extracting(AuditEvent::projectId)
                .containsExactlyInAnyOrder(one, other);
    }

    @Test
    void strangersHaveOneForEachAddressAndOneForAll() {
        assertThat(admitted(4, stranger("a:1"))).isEqualTo(2);
        assertThat(admitted(4, stranger("a:2"))).as("the same network").isZero();
        assertThat(admitted(4, stranger("b"))).isEqualTo(2);
        assertThat(admitted(4, stranger("c"))).as("what is left of all").isEqualTo(1);
        for (int i = 0; i < 100_000; i++) {
            assertThat(bounds.admit(stranger("d" + i))).isFalse();
        }

        List<AuditEvent> rows = bounds.over();
        assertThat(rows).hasSize(1);
        assertThat(rows.get(0).facts()).containsEntry("count", 2 + 4 + 2 + 3 + 100_000);
        assertThat(rows.get(0).actorId()).isNull();
    }

    /** Whoever only sends requests keeps no login that fails from being seen. */
    @Test
    void aKindOfLoginHasItsOwn() {
        assertThat(admitted(9, stranger("a"))).isEqualTo(2);

        assertThat(bounds.admit(AuditEvent.refused(AuditType.LOGIN_IDENTITY_UNIVERSAL_AUTH, "unknown")
                        .from("a", null)))
                .isTrue();
    }

    @Test
    void theNextMinuteIsAnother() {
        assertThat(bounds.isIdle()).isTrue();
        admitted(9, stranger("a"));
        assertThat(bounds.isIdle()).isFalse();
        bounds.over();

        assertThat(bounds.isIdle()).isTrue();
        assertThat(bounds.over()).isEmpty();
        assertThat(admitted(9, stranger("a"))).isEqualTo(2);
    }

    @Test
    void memoryIsBounded() {
        for (int i = 0; i < 20_000; i++) {
            bounds.admit(refused(UUID.randomUUID(), null));
        }

        assertThat(bounds.over()).hasSizeLessThanOrEqualTo(1);
    }

    private int admitted(int times, AuditEvent event) {
        int admitted = 0;
        for (int i = 0; i < times; i++) {
            admitted += bounds.admit(event) ? 1 : 0;
        }
        return admitted;
    }

    private static AuditEvent refused(UUID who, UUID project) {
        return AuditEvent.refused(AuditType.ACCESS_REFUSED, "permission_denied")
                .by(who, "somebody")
                .in(project);
    }

    private static AuditEvent stranger(String address) {
        return AuditEvent.refused(AuditType.ACCESS_REFUSED, "token_missing").from(address, null);
    }
}
