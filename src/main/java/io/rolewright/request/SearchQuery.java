package io.rolewright.request;

import io.rolewright.problem.ValidationProblem;
import jakarta.ws.rs.QueryParam;
import java.util.List;
import java.util.Set;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.jspecify.annotations.Nullable;

/** The query parameters of lists that are looked through, as {@code @BeanParam}; {@code sort} stands at each, with its columns. */
public class SearchQuery extends PageQuery {

    /** What every description of {@code sort} begins with. */
    public static final String SORT =
            "Order of the rows, with a minus sign before it for the reverse. Needs limit. One of: ";

    @QueryParam("search")
    @Parameter(
            description =
                    "Only rows with each of these words, separated by blanks, somewhere in what the list shows of them; a word of"
                            + " 8 or more characters may also be the beginning of an id. Needs limit.",
            schema = @Schema(type = SchemaType.STRING, maxLength = Search.LONGEST))
    public @Nullable String search;

    @QueryParam("offset")
    @Parameter(
            description =
                    "Number of rows to leave out. Needs limit. With search, sort or offset the answer has totalCount and no"
                            + " nextCursor; rows that come and go shift the pages.",
            schema = @Schema(type = SchemaType.INTEGER, minimum = "0", maximum = "10000"))
    public @Nullable String offset;

    /**
     * @param sort as it came
     * @param columns by which the list can be sorted; the first is usual
     * @return null when the caller wants the list as it is
     * @throws ValidationProblem naming the parameter that does not fit
     */
    public @Nullable Selection selection(@Nullable String sort, List<String> columns) {
        if (search == null && sort == null && offset == null) {
            return null;
        }
        if (cursor != null) {
            throw ValidationProblem.at(List.of("cursor"), "custom", "Cannot be combined with search, sort or offset");
        }
        Integer rows = page().limit();
        if (rows == null) {
            throw ValidationProblem.at(
                    List.of("limit"), "invalid_type", "Required together with search, sort or offset");
        }
        boolean down = sort != null && sort.startsWith("-");
        String column = sort == null ? columns.get(0) : sort.substring(down ? 1 : 0);
        if (!Set.copyOf(columns).contains(column)) {
            throw ValidationProblem.at(
                    List.of("sort"),
                    "invalid_enum_value",
                    "Must be one of " + String.join(", ", columns) + ", or one of them after a minus sign");
        }
        int before = offset == null || offset.equals("0") ? 0 : Numbers.upTo(Page.LONGEST_LIST, "offset", offset);
        return new Selection(Search.of(search), column, down, before, rows);
    }
}
