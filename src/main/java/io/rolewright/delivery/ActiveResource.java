package io.rolewright.delivery;

import io.rolewright.access.CurrentCaller;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.RequestContext;
import io.rolewright.store.ReadsWithoutAudit;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jspecify.annotations.Nullable;

/** The credential of a rotation to log in with, for whoever fetches it by himself. */
@Path("/api/v2/secret-rotations/postgres-credentials/{rotationId}/active")
@Produces({MediaType.APPLICATION_JSON, MediaType.TEXT_PLAIN})
@Tag(name = "PostgreSQL credentials rotations")
public class ActiveResource {

    /** The query parameter of a long poll. */
    public static final String WAIT = "waitForVersion";

    public static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

    static final String DEFAULT_WAIT = "30";
    private static final String PLAIN = "text/plain;charset=UTF-8";

    private final ActiveCredential credential;
    private final CurrentCaller caller;
    private final RequestContext request;

    ActiveResource(ActiveCredential credential, CurrentCaller caller, RequestContext request) {
        this.credential = credential;
        this.caller = caller;
        this.request = request;
    }

    /** Whether a request may take longer than the one deadline, because it waits for something to happen. */
    public static boolean isLongPoll(String path, String waitForVersion) {
        return waitForVersion != null
                && (path.startsWith("/api/v2/secret-rotations/postgres-credentials/")
                        || path.startsWith("/api/v1/app-connections/postgres/"))
                && path.endsWith("/active");
    }

    @GET
    @Operation(
            operationId = "getActivePostgresCredentials",
            summary = "Read the active credential",
            description =
                    "Every read is audited, and answers are not cacheable; If-None-Match with the last ETag gets 304"
                            + " while nothing has changed. With waitForVersion the answer comes once that version is served,"
                            + " whichever replica made it, or is a 304 when the time is up. Token and right are checked again"
                            + " after the wait; a caller that has lost them gets 403. Formats other than json are one line of"
                            + " text.")
    @APIResponse(
            responseCode = "200",
            description = "OK",
            headers = {
                @Header(
                        name = "ETag",
                        description = "Of this version in this format; host, port and CA may change without it.",
                        schema = @Schema(type = SchemaType.STRING)),
                @Header(name = "Cache-Control", schema = @Schema(type = SchemaType.STRING))
            },
            content = {
                @Content(
                        mediaType = MediaType.APPLICATION_JSON,
                        schema = @Schema(implementation = ActiveCredential.View.class)),
                @Content(mediaType = MediaType.TEXT_PLAIN, schema = @Schema(type = SchemaType.STRING))
            })
    @APIResponse(
            responseCode = "304",
            description = "The caller already has this version, or the awaited version was not served in time.")
    public Uni<RestResponse<Object>> active(
            @PathParam("rotationId") @Parameter(schema = @Schema(format = "uuid")) String rotationId,
            @QueryParam("format")
                    @Parameter(
                            description =
                                    "uri and conninfo are libpq's, jdbc is pgjdbc's URL, pgpass is a line of .pgpass, pgbouncer a"
                                            + " line of userlist.txt with the SCRAM secret.",
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            defaultValue = "json",
                                            enumeration = {"json", "uri", "conninfo", "jdbc", "pgpass", "pgbouncer"}))
                    String format,
            @QueryParam("include")
                    @Parameter(
                            description =
                                    "ca: the answer has the connection's CA certificates too, in caCert. With json only.",
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"ca"}))
                    @Nullable
                    String include,
            @QueryParam(WAIT)
                    @Parameter(
                            description = "Wait until this version or a later one is served.",
                            schema = @Schema(type = SchemaType.INTEGER, format = "int64", minimum = "1"))
                    String waitForVersion,
            @QueryParam("timeout")
                    @Parameter(
                            description = "Longest wait in seconds.",
                            schema =
                                    @Schema(
                                            type = SchemaType.INTEGER,
                                            minimum = "1",
                                            maximum = "60",
                                            defaultValue = DEFAULT_WAIT))
                    String timeout,
            @HeaderParam("If-None-Match") @Parameter(description = "ETag of an earlier answer.") String ifNoneMatch) {
        return credential
                .read(asked(
                        caller,
                        request,
                        Subject.ROTATION,
                        Ids.parse("rotationId", rotationId),
                        format,
                        include,
                        waitForVersion,
                        timeout,
                        ifNoneMatch))
                .map(ActiveResource::answered);
    }

    /** @throws ValidationProblem for a format, version or time that there is not */
    static ActiveCredential.Request asked(
            CurrentCaller caller,
            RequestContext request,
            Subject subject,
            UUID id,
            String format,
            @Nullable String include,
            String waitForVersion,
            String timeout,
            String ifNoneMatch) {
        LoginFormat line = format == null || format.equals("json") ? null : LoginFormat.of(format);
        return new ActiveCredential.Request(
                caller.get(),
                caller.live(),
                request.id(),
                subject,
                id,
                line,
                number(WAIT, waitForVersion, "0", Long.MAX_VALUE),
                Duration.ofSeconds(number("timeout", timeout, DEFAULT_WAIT, LONGEST_WAIT.toSeconds())),
                ifNoneMatch,
                includesCa(include, line));
    }

    static RestResponse<Object> answered(ActiveCredential.Answer answer) {
        ResponseBuilder<Object> response = answer.body() == null
                ? ResponseBuilder.notModified()
                : ResponseBuilder.ok(answer.body())
                        .type(answer.body() instanceof String ? PLAIN : MediaType.APPLICATION_JSON);
        if (answer.etag() != null) {
            response.header("ETag", answer.etag());
        }
        if (!answer.audited()) {
            response.header(ReadsWithoutAudit.HEADER, ReadsWithoutAudit.LOG_ONLY);
        }
        return response.header("Cache-Control", "no-store").build();
    }

    private static boolean includesCa(@Nullable String include, @Nullable LoginFormat line) {
        if (SecretQuery.isBlank(include)) {
            return false;
        }
        if (!include.strip().equals("ca")) {
            throw ValidationProblem.at(List.of("include"), "invalid_enum_value", "Must be ca");
        }
        if (line != null) {
            throw ValidationProblem.at(
                    List.of("include"),
                    "custom",
                    "Only the json format has room for CA certificates. For " + line.wireName()
                            + ", GET …/ca.pem, put it into a file, and name that as sslrootcert");
        }
        return true;
    }

    private static long number(String name, String text, String absent, long largest) {
        String digits = SecretQuery.isBlank(text) ? absent : text.strip();
        boolean isOne = digits.matches("[0-9]{1,18}") && Long.parseLong(digits) <= largest;
        if (!isOne || !SecretQuery.isBlank(text) && Long.parseLong(digits) == 0) {
            throw ValidationProblem.at(
                    List.of(name),
                    "custom",
                    "Must be a number from 1" + (largest == Long.MAX_VALUE ? "" : " to " + largest));
        }
        return Long.parseLong(digits);
    }
}
