package io.rolewright.delivery;

import io.rolewright.problem.ValidationProblem;
import jakarta.ws.rs.QueryParam;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;

/**
 * The query parameters by which clients say where a secret is. Each generation of clients has its own spelling, and some send every
 * parameter and leave empty what they have no value for.
 */
public class SecretQuery {

    private static final Pattern FLAG = Pattern.compile("true|false|1|0", Pattern.CASE_INSENSITIVE);

    @QueryParam("projectId")
    @Parameter(description = "The project, by id; or send workspaceId, projectSlug or workspaceSlug.")
    public String projectId;

    @QueryParam("workspaceId")
    @Parameter(description = "The same as projectId.")
    public String workspaceId;

    @QueryParam("projectSlug")
    @Parameter(description = "Instead of projectId.")
    public String projectSlug;

    @QueryParam("workspaceSlug")
    @Parameter(description = "The same as projectSlug.")
    public String workspaceSlug;

    @QueryParam("environment")
    @Parameter(description = "Slug of the environment.", required = true)
    public String environment;

    @QueryParam("secretPath")
    @Parameter(description = "Path in the environment.", schema = @Schema(type = SchemaType.STRING, defaultValue = "/"))
    public String secretPath;

    @QueryParam("viewSecretValue")
    @Parameter(
            description = "false: without values, which needs no right to read them.",
            schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "true"))
    public String viewSecretValue;

    /** @return as it was sent, blank for none */
    String project() {
        return first(projectId, workspaceId);
    }

    /** @return as it was sent, blank for none */
    String slug() {
        return first(projectSlug, workspaceSlug);
    }

    /** @return as it was sent, blank for none */
    String environment() {
        return environment == null ? "" : environment.strip();
    }

    /** @throws ValidationProblem naming what is missing of project and environment */
    void requirePlace() {
        if (project().isEmpty() && slug().isEmpty()) {
            throw ValidationProblem.at(List.of("projectId"), "invalid_type", "Required");
        }
        if (environment().isEmpty()) {
            throw ValidationProblem.at(List.of("environment"), "invalid_type", "Required");
        }
    }

    String path() {
        return isBlank(secretPath) ? "/" : secretPath;
    }

    boolean withValues() {
        return flag("viewSecretValue", viewSecretValue, true);
    }

    /** @throws ValidationProblem for what is no flag */
    static boolean flag(String name, String text, boolean absent) {
        if (isBlank(text)) {
            return absent;
        }
        if (!FLAG.matcher(text.strip()).matches()) {
            throw ValidationProblem.at(List.of(name), "invalid_type", "Must be true or false");
        }
        return text.strip().toLowerCase(Locale.ROOT).matches("true|1");
    }

    static boolean isBlank(String text) {
        return text == null || text.isBlank();
    }

    private static String first(String one, String other) {
        return isBlank(one) ? isBlank(other) ? "" : other.strip() : one.strip();
    }
}
