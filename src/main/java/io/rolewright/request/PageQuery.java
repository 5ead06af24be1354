package io.rolewright.request;

import jakarta.ws.rs.QueryParam;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.jspecify.annotations.Nullable;

/** The two query parameters of every list, as {@code @BeanParam}. */
public class PageQuery {

    @QueryParam("limit")
    @Parameter(
            description = "Rows per page, 1 to 1000; absent: the whole list, if it has at most 10,000 rows.",
            schema = @Schema(type = SchemaType.INTEGER, minimum = "1", maximum = "1000"))
    public @Nullable String limit;

    @QueryParam("cursor")
    @Parameter(description = "The nextCursor of the previous page.")
    public @Nullable String cursor;

    /** @throws io.rolewright.problem.ValidationProblem naming the parameter that does not fit */
    public Page page() {
        return Page.of(limit, cursor);
    }
}
