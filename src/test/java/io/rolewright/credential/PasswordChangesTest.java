package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.TestPostgres;
import jakarta.inject.Inject;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Roles that a managing role changes, on real servers. */
@QuarkusTest
class PasswordChangesTest {

    @Inject
    Scenes scenes;

    static TestPostgres newest() {
        return TestPostgres.shared(TestPostgres.NEWEST);
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void aNewPasswordIsAppliedProvenAndMadeCurrent(int major) {
        var scene = scenes.on(TestPostgres.shared(major));

        ChangeOutcome first = scene.change(Cause.CREATION);

        assertThat(first).isInstanceOf(ChangeOutcome.Done.class);
        assertThat(((ChangeOutcome.Done) first).number()).isEqualTo(1);
        String one = scene.current();
        assertThat(scene.opens(one)).isEqualTo("ok");
        assertThat(scene.opens(scene.managed.password())).isEqualTo("28P01");
        assertThat(scene.comment()).matches("rolewright:[0-9a-f]{32}/" + scene.owner + " epoch=1");

        scene.change(Cause.MANUAL);
        scene.change(Cause.SCHEDULE);

        assertThat(scene.versions()).containsExactly("1 RETIRED", "2 PREVIOUS", "3 CURRENT");
        assertThat(scene.attempts()).containsExactly("CREATION DONE", "MANUAL DONE", "SCHEDULE DONE");
        assertThat(scene.opens(scene.current())).isEqualTo("ok");
        assertThat(scene.opens(one)).isEqualTo("28P01");
        assertThat(scenes.owner.promotions)
                .filteredOn(each -> each.roleId().equals(scene.role))
                .extracting(RoleOwner.Promotion::number)
                .isEqualTo(List.of(1L, 2L, 3L));
        RoleStatus status = scene.status();
        assertThat(status.state()).isEqualTo(RoleState.OK);
        assertThat(status.currentNumber()).isEqualTo(3);
        assertThat(status.openAttempt()).isNull();
    }
}
