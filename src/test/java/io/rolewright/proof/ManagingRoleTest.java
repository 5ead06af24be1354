package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.TestPostgres;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What README and SECURITY.md say of managing roles, held against PostgreSQL. */
class ManagingRoleTest {

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void canLogInAsEveryRoleWhosePasswordItSetsWhateverTheGrant(int major) {
        TestPostgres postgres = TestPostgres.shared(major);
        TestPostgres.Login managing = postgres.role("LOGIN CREATEROLE");
        TestPostgres.Login managed = postgres.role("LOGIN");
        if (major >= 16) {
            // The narrowest form that lets it set the password: neither SET ROLE nor inherited privileges.
            postgres.sql("GRANT " + managed.role() + " TO " + managing.role()
                    + " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
        }

        postgres.as(
                managing.role(),
                managing.password(),
                "postgres",
                "ALTER ROLE " + managed.role() + " PASSWORD 'chosen by the managing role'");

        assertThat(postgres.login(managed.role(), "chosen by the managing role"))
                .isEqualTo("ok");
    }
}
