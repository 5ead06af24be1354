package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RightsTest {

    private static final UUID MINE = UUID.randomUUID();
    private static final UUID THEIRS = UUID.randomUUID();
    private static final Problem NOT_THERE = Problem.of(ErrorCode.NOT_FOUND, "There is no such thing.");

    @ParameterizedTest
    @EnumSource(Right.class)
    void anAdministratorHasEveryRightEverywhere(Right right) {
        var admin = organisation(Role.ADMIN);

        assertThatCode(() -> Rights.require(admin, right)).doesNotThrowAnyException();
        assertThatCode(() -> Rights.require(admin, right, THEIRS)).doesNotThrowAnyException();
        assertThat(Rights.reach(admin, right).covers(THEIRS)).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Right.class)
    void whoHasNoRoleHasNoRight(Right right) {
        var nobody = new Caller(UUID.randomUUID(), "nobody", UUID.randomUUID(), "192.0.2.1", Grants.NONE);

        assertThat(refusal(() -> Rights.require(nobody, right, MINE)).status()).isEqualTo(403);
        assertThat(refusal(() -> Rights.reach(nobody, right)).status()).isEqualTo(403);
        assertThat(refusal(() -> Rights.requireOn(nobody, right, right, MINE, () -> NOT_THERE)))
                .isSameAs(NOT_THERE);
    }

    @Nested
    class OfAProject {

        private final Caller reader = project(Role.READER);

        @Test
        void countOnlyInIt() {
            var reach = Rights.reach(reader, Right.CONNECTION_READ);

            assertThat(reach.everywhere()).isFalse();
            assertThat(reach.covers(MINE)).isTrue();
            assertThat(reach.covers(THEIRS)).isFalse();
            assertThat(reach.covers(null)).as("what is the organisation's own").isFalse();
        }

        @Test
        void whatOthersHaveIsNotThere() {
            assertThat(refusal(() -> Rights.requireOn(
                            reader, Right.CONNECTION_READ, Right.CONNECTION_READ, THEIRS, () -> NOT_THERE)))
                    .isSameAs(NOT_THERE);
            assertThat(refusal(() -> Rights.requireOn(
                            reader, Right.CONNECTION_EDIT, Right.CONNECTION_READ, THEIRS, () -> NOT_THERE)))
                    .isSameAs(NOT_THERE);
        }

        @Test
        void whatMayBeSeenAndNotChangedIsRefused() {
            var refused = refusal(() ->
                    Rights.requireOn(reader, Right.CONNECTION_EDIT, Right.CONNECTION_READ, MINE, () -> NOT_THERE));

            assertThat(refused.status()).isEqualTo(403);
            assertThat(refused.code()).isEqualTo("permission_denied");
            assertThat(refused.details()).containsEntry("action", "edit").containsEntry("subject", "app-connections");
        }
    }

    @Test
    void severalRolesAddUp() {
        var grants = new Grants(Set.of(Role.SCHEDULER), Map.of(MINE, Set.of(Role.OPERATOR, Role.CONSUMER)));

        assertThat(grants.allow(Right.CONNECTION_CONNECT, MINE)).isTrue();
        assertThat(grants.allow(Right.CONNECTION_CONNECT, THEIRS)).isFalse();
        assertThat(grants.allow(Right.CONNECTION_READ, null)).isFalse();
    }

    @Test
    void narrowingNeverAddsARight() {
        var grants = new Grants(Set.of(Role.READER), Map.of(MINE, Set.of(Role.ADMIN)));

        assertThat(grants.narrowedTo(Role.OPERATOR))
                .isEqualTo(new Grants(Set.of(), Map.of(MINE, Set.of(Role.OPERATOR))));
        assertThat(grants.narrowedTo(Role.READER))
                .isEqualTo(new Grants(Set.of(Role.READER), Map.of(MINE, Set.of(Role.READER))));
    }

    private static Caller organisation(Role role) {
        return caller(new Grants(Set.of(role), Map.of()));
    }

    private static Caller project(Role role) {
        return caller(new Grants(Set.of(), Map.of(MINE, Set.of(role))));
    }

    private static Caller caller(Grants grants) {
        return new Caller(UUID.randomUUID(), "somebody", UUID.randomUUID(), "192.0.2.1", grants);
    }

    private static Problem refusal(Runnable act) {
        return catchThrowableOfType(Problem.class, act::run);
    }
}
