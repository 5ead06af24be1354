package io.rolewright.delivery;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.rolewright.access.CurrentCaller;
import io.rolewright.delivery.SecretStreams.Wanted;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Ids;
import io.rolewright.request.Numbers;
import io.rolewright.rotation.SecretChanges.Change;
import io.rolewright.rotation.SecretChanges.Happened;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** What becomes of secrets, told as it happens, on the path where the reference's operator listens. */
@Path("/api/v1/events/subscribe/project-events")
@Tag(name = "Secrets")
class SecretEventResource {

    private static final int LONGEST_SECONDS = 3600;
    private static final String IMPORTED = "secret:import-mutation";

    private final SecretStreams streams;
    private final CurrentCaller caller;
    private final CurrentVertxRequest current;

    SecretEventResource(SecretStreams streams, CurrentCaller caller, CurrentVertxRequest current) {
        this.streams = streams;
        this.caller = caller;
        this.current = current;
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @Operation(
            operationId = "subscribeToProjectEvents",
            summary = "Listen to what becomes of secrets",
            description =
                    "Server-sent events, one for each secret, without its value: secret:create when the first password is"
                            + " served, secret:update with each new one, secret:delete when the rotation is deleted, both of them when"
                            + " secrets get other names. A ping every 15 s says that the stream is alive. It begins with what happened in"
                            + " the last five minutes, so that who was cut off misses nothing. The right to read rotations is checked again"
                            + " before each event; the stream ends with it, with the token, and when its place is needed for somebody with"
                            + " fewer. It counts as one that waits for a version.")
    @APIResponse(
            responseCode = "200",
            description = "Events until it ends.",
            content = @Content(mediaType = MediaType.SERVER_SENT_EVENTS, schema = @Schema(type = SchemaType.STRING)))
    public Uni<Void> subscribe(
            @QueryParam("timeout")
                    @Parameter(
                            description = "Seconds after which the stream ends, 1 to 3600. Absent: it lasts.",
                            schema = @Schema(type = SchemaType.INTEGER, minimum = "1", maximum = "3600"))
                    @Nullable
                    String timeout,
            @NotNull @Valid Subscription body) {
        var project = Ids.parse("projectId", body.projectId);
        List<Wanted> wanted = new ArrayList<>();
        boolean all = body.register == null || body.register.isEmpty();
        for (int i = 0; !all && i < body.register.size(); i++) {
            wanted(body.register.get(i), i).ifPresent(wanted::add);
        }
        return streams.open(
                caller.get(),
                caller.live(),
                project,
                wanted,
                all,
                SecretQuery.isBlank(timeout)
                        ? null
                        : Duration.ofSeconds(Numbers.upTo(LONGEST_SECONDS, "timeout", timeout)),
                new Client(current.getCurrent().response()));
    }

    /** Nothing is imported here, so nobody is ever told of it. */
    private static Optional<Wanted> wanted(Registered one, int index) {
        if (IMPORTED.equals(one.event)) {
            return Optional.empty();
        }
        var happened = Stream.of(Happened.values())
                .filter(each -> SecretStreams.wireName(each).equals(one.event))
                .findFirst()
                .orElseThrow(() -> ValidationProblem.at(
                        List.of("register", index, "event"),
                        "invalid_enum_value",
                        "Must be one of secret:create, secret:update, secret:delete, " + IMPORTED));
        return Optional.of(
                one.conditions == null
                        ? new Wanted(happened, null, "/")
                        : new Wanted(happened, blank(one.conditions.environmentSlug), path(one.conditions.secretPath)));
    }

    private static @Nullable String blank(@Nullable String text) {
        return SecretQuery.isBlank(text) ? null : text.strip();
    }

    /** Of the reference's patterns at the end both mean what is below as well, which is told anyway. */
    private static String path(@Nullable String asked) {
        if (SecretQuery.isBlank(asked)) {
            return "/";
        }
        var inside = asked.strip().replaceAll("/\\*{1,2}$", "").replaceAll("^/+|/+$", "");
        return "/" + inside;
    }

    /**
     * Written by hand: the framework's own streams send the head of the answer before it is known whether there is one. When the stream is
     * over, the framework ends the answer.
     */
    private record Client(HttpServerResponse response) implements SecretStreams.Listener {

        @Override
        public void begin() {
            response.setChunked(true)
                    .putHeader("Content-Type", MediaType.SERVER_SENT_EVENTS)
                    .putHeader("Cache-Control", "no-cache")
                    .putHeader("X-Accel-Buffering", "no");
            heartbeat();
        }

        @Override
        public void hear(Change change) {
            var name = SecretStreams.wireName(change.happened());
            for (String secret : change.names()) {
                write("id: " + change.fact() + "\nevent: " + name + "\ndata: "
                        + data(change, name, secret).encode() + "\n\n");
            }
        }

        @Override
        public boolean heartbeat() {
            boolean taken = !response.writeQueueFull();
            if (taken) {
                write("event: ping\n\n");
            }
            return taken;
        }

        private void write(String text) {
            if (!response.closed() && !response.ended()) {
                response.write(text);
            }
        }
    }

    /** The payload in the forms of several of the reference's versions. */
    private static JsonObject data(Change change, String name, String secret) {
        var one = new JsonObject()
                .put("environment", change.environment())
                .put("secretPath", change.path())
                .put("secretKey", secret);
        return one.copy()
                .put("projectId", change.project().toString())
                .put("projectType", "secret-manager")
                .put("type", "secret-manager")
                .put(
                        "data",
                        new JsonObject()
                                .put("eventType", name)
                                .put("payload", new JsonArray().add(one.copy().put("secretKeys", secret))));
    }

    @Schema(name = "ProjectEventSubscription", requiredProperties = "projectId")
    record Subscription(
            @NotNull @Size(max = 64) @Schema(format = "uuid")
            String projectId,

            @Size(max = 50) @Schema(description = "Absent or empty: every event of the project.") @Nullable
            List<@NotNull @Valid Registered> register) {}

    @Schema(name = "ProjectEventRegistration", requiredProperties = "event")
    record Registered(
            @NotNull
            @Schema(
                    description = "secret:import-mutation is taken, and never happens here.",
                    enumeration = {"secret:create", "secret:update", "secret:delete", "secret:import-mutation"})
            String event,

            @Schema(description = "Absent: everywhere in the project.") @Valid @Nullable
            Conditions conditions) {}

    @Schema(name = "ProjectEventConditions")
    record Conditions(
            @Size(max = 1000)
            @Schema(description = "What is there or below; absent: the root.", examples = "/payments")
            @Nullable
            String secretPath,

            @Size(max = 64) @Schema(description = "Absent: every environment.", examples = "production") @Nullable
            String environmentSlug) {}
}
