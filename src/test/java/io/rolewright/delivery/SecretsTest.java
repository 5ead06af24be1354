package io.rolewright.delivery;

import static io.rolewright.rotation.Rotating.created;
import static io.rolewright.rotation.Rotating.name;
import static io.rolewright.rotation.Rotating.project;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.vertx.VertxContextSupport;
import io.rolewright.access.Caller;
import io.rolewright.access.Grants;
import io.rolewright.access.Role;
import io.rolewright.problem.Problem;
import io.rolewright.rotation.Rotating;
import jakarta.inject.Inject;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Who may read secrets, by the roles of the caller. */
@QuarkusTest
class SecretsTest {

    private static final UUID ANOTHER = UUID.randomUUID();

    @Inject
    Secrets secrets;

    @ParameterizedTest
    @EnumSource(Role.class)
    void valuesAreForConsumersAndNamesForWhoSeesRotations(Role role) throws Throwable {
        String name = name("rights");
        created(Rotating.on(14).body(name));
        Grants inProject = new Grants(Set.of(), Map.of(UUID.fromString(project()), Set.of(role)));

        boolean values = role == Role.ADMIN || role == Role.CONSUMER;
        assertThat(status(inProject, project(), name, true)).isEqualTo(values ? 200 : 403);
        assertThat(status(inProject, project(), name, false)).isEqualTo(role == Role.SCHEDULER ? 403 : 200);
    }

    @Test
    void whatIsNotTheCallersAndWhatIsNotThereAreOneAnswer() {
        Grants elsewhere = new Grants(Set.of(), Map.of(ANOTHER, Set.of(Role.CONSUMER)));

        assertThat(refusal(elsewhere, project(), "default"))
                .isEqualTo(refusal(elsewhere, missing(), "no-such-project"));
        assertThat(refusal(elsewhere, "", "default")).isEqualTo(refusal(elsewhere, "", "no-such-project"));
        assertThat(refusal(elsewhere, project(), "")).contains("403 permission_denied");
        assertThat(refusal(elsewhere, "not an id", "")).isEqualTo(refusal(elsewhere, project(), ""));
    }

    private static String missing() {
        return UUID.randomUUID().toString();
    }

    private int status(Grants grants, String project, String name, boolean withValues) throws Throwable {
        try {
            Secrets.Answer answer = read(request(grants, project, "", "/" + name, withValues));
            assertThat(answer.secrets()).hasSize(2);
            assertThat(answer.secrets()).allMatch(secret -> secret.secretValueHidden() != withValues);
            return 200;
        } catch (Problem refused) {
            return refused.status();
        }
    }

    private String refusal(Grants grants, String project, String slug) {
        String[] said = new String[1];
        assertThatThrownBy(() -> read(request(grants, project, slug, "/", true)))
                .isInstanceOfSatisfying(
                        Problem.class,
                        problem -> said[0] = problem.status() + " " + problem.code() + " " + problem.getMessage()
                                + problem.details());
        return said[0];
    }

    private Secrets.Answer read(Secrets.Request request) throws Throwable {
        return VertxContextSupport.subscribeAndAwait(() -> secrets.list(request, false));
    }

    private static Secrets.Request request(
            Grants grants, String project, String slug, String path, boolean withValues) {
        Caller caller = new Caller(UUID.randomUUID(), "somebody", UUID.randomUUID(), "192.0.2.1", grants);
        SecretQuery query = new SecretQuery();
        query.projectId = project;
        query.workspaceSlug = slug;
        query.environment = "production";
        query.secretPath = path;
        query.viewSecretValue = Boolean.toString(withValues);
        return new Secrets.Request(caller, null, "req", query, false, null);
    }
}
