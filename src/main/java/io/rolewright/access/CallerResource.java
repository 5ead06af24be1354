package io.rolewright.access;

import io.rolewright.request.Compressible;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jspecify.annotations.Nullable;

/** Tells a caller who he is and what he may do, so that a page offers nothing that will be refused. Decides nothing. */
@Path("/api/v1/auth/caller")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class CallerResource {

    private final CurrentCaller caller;

    CallerResource(CurrentCaller caller) {
        this.caller = caller;
    }

    @GET
    @Compressible
    @Operation(operationId = "getCaller", summary = "Show the identity and rights of the caller")
    public RestResponse<OneCaller> get() {
        var who = caller.get();
        return NoStore.ok(new OneCaller(new CallerView(
                who.id(),
                who.name(),
                rights(who.grants(), null),
                who.grants().projects().keySet().stream()
                        .sorted()
                        .map(project -> new ProjectRights(project, rights(who.grants(), project)))
                        .toList())));
    }

    private static List<String> rights(Grants grants, @Nullable UUID project) {
        return Arrays.stream(Right.values())
                .filter(right -> grants.allow(right, project))
                .map(right -> right.action() + ":" + right.subject())
                .toList();
    }

    @Schema(name = "Caller")
    record CallerView(
            @Schema(required = true) UUID identityId,
            @Schema(required = true, examples = "terraform") String identityName,

            @Schema(required = true, description = "Rights in every project, as action:subject.")
            List<String> rights,

            @Schema(required = true, description = "Projects in which the caller has more rights.")
            List<ProjectRights> projects) {}

    @Schema(name = "CallerProject")
    record ProjectRights(
            @Schema(required = true) UUID projectId,

            @Schema(required = true, description = "Includes the rights that apply everywhere.")
            List<String> rights) {}

    @Schema(name = "CallerResponse")
    record OneCaller(@Schema(required = true) CallerView caller) {}
}
