package io.rolewright.delivery.webhook;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.access.CurrentCaller;
import io.rolewright.delivery.webhook.Webhooks.Act;
import io.rolewright.delivery.webhook.Webhooks.Opened;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.CaCert;
import io.rolewright.request.Ids;
import io.rolewright.request.IfMatch;
import io.rolewright.request.PageQuery;
import io.rolewright.request.RemovableText;
import io.rolewright.request.RequestContext;
import io.rolewright.request.SearchQuery;
import io.rolewright.request.Selection;
import io.smallrye.mutiny.Uni;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** Webhooks over HTTP. */
@Path("/api/v1/webhooks")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Webhooks")
class WebhookResource {

    private static final String SORT = SearchQuery.SORT
            + "name, project, url, state (failing, enabled, disabled), last (when it last took a message).";

    private static final String WEBHOOK_ID = "webhookId";
    private static final String DELIVERY_ID = "deliveryId";
    private static final String KEY_DESCRIPTION =
            "A request repeated with the same key within 24 hours gets the first answer, without what is"
                    + " shown only once.";

    private final Webhooks webhooks;
    private final CurrentCaller caller;
    private final RequestContext request;
    private final Idempotency idempotency;
    private final WebhookConfig config;

    WebhookResource(
            Webhooks webhooks,
            CurrentCaller caller,
            RequestContext request,
            Idempotency idempotency,
            WebhookConfig config) {
        this.webhooks = webhooks;
        this.caller = caller;
        this.request = request;
        this.idempotency = idempotency;
        this.config = config;
    }

    @GET
    @Operation(operationId = "listWebhooks", summary = "List webhooks")
    public Uni<Many> list(
            @QueryParam("projectId") @Parameter(description = "Only this project's webhooks.") String projectId,
            @QueryParam("environment")
                    @Parameter(
                            description = "Only webhooks of format infisical for this environment; needs projectId.",
                            schema = @Schema(maxLength = 64))
                    @Nullable
                    String environment,
            @QueryParam("secretPath")
                    @Parameter(description = "Only webhooks of format infisical with this secretPath.")
                    @Nullable
                    String secretPath,
            @QueryParam("sort")
                    @Parameter(
                            description = SORT,
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {
                                                "name",
                                                "-name",
                                                "project",
                                                "-project",
                                                "url",
                                                "-url",
                                                "state",
                                                "-state",
                                                "last",
                                                "-last"
                                            }))
                    @Nullable
                    String sort,
            @BeanParam SearchQuery query) {
        String place = secretPath == null ? null : path(secretPath);
        Selection selection = query.selection(sort, Webhooks.COLUMNS);
        if (selection == null) {
            return webhooks.list(act(), projectId, environment, place, query.page())
                    .map(slice -> new Many(slice.map(View::of).rows(), slice.nextCursor(), null));
        }
        return webhooks.search(act(), projectId, environment, place, selection)
                .map(found -> new Many(found.rows().stream().map(View::of).toList(), null, found.count()));
    }

    @POST
    @Cancellable(false)
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            operationId = "createWebhook",
            summary = "Create a webhook",
            description =
                    "With url, name and events: messages are CloudEvents, signed according to the Standard Webhooks"
                            + " specification; the secret that they are verified with is returned here and never again. With"
                            + " webhookUrl and environment (the body of Infisical): messages are Infisical's, about the secrets at"
                            + " a place of the project, signed with webhookSecretKey in X-Infisical-Signature. No message contains a"
                            + " password. format says which it is.")
    public Uni<RestResponse<Made>> create(
            @HeaderParam("Idempotency-Key") @Parameter(description = KEY_DESCRIPTION) String idempotencyKey,
            @NotNull @Valid NewWebhook body) {
        Act act = act();
        Webhooks.New wanted = body.webhookUrl == null ? ours(body) : references(body);
        return webhooks.mayCreate(act, body.projectId)
                .chain(right -> idempotency.once(
                        right,
                        idempotencyKey,
                        "create-webhook",
                        idempotency.canonical(body),
                        Made.class,
                        completion -> webhooks.create(
                                        act, wanted, opened -> completion.store(new Made(View.of(opened), null)))
                                .map(WebhookResource::made)))
                .map(WebhookResource::unstored);
    }

    @GET
    @Path("{webhookId}")
    @Operation(operationId = "getWebhook", summary = "Read a webhook")
    public Uni<RestResponse<One>> get(
            @PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId) {
        return webhooks.get(act(), id(webhookId)).map(WebhookResource::tagged);
    }

    @PATCH
    @Cancellable(false)
    @Path("{webhookId}")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(operationId = "updateWebhook", summary = "Update a webhook")
    public Uni<RestResponse<One>> change(
            @PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId,
            @HeaderParam("If-Match") @Parameter(description = IfMatch.DESCRIPTION) @Nullable String ifMatch,
            @NotNull @Valid ChangedWebhook body) {
        Webhooks.Change change = new Webhooks.Change(
                body.name,
                body.url == null ? null : url("url", body.url),
                body.caCert == null ? null : body.caCert.map(CaCert::checked),
                body.events == null ? null : events(body.events),
                body.eventsFilter == null ? null : filter(body.eventsFilter),
                enabled(body.enabled, body.isDisabled));
        return webhooks.change(act(), id(webhookId), new IfMatch(ifMatch), change)
                .map(WebhookResource::tagged);
    }

    private static RestResponse<One> tagged(Opened opened) {
        return IfMatch.tagged(One.of(opened), opened.etag());
    }

    @DELETE
    @Cancellable(false)
    @Path("{webhookId}")
    @Operation(
            operationId = "deleteWebhook",
            summary = "Delete a webhook",
            description = "Pending deliveries and dead letters are deleted too.")
    public Uni<One> delete(@PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId) {
        return webhooks.delete(act(), id(webhookId)).map(One::of);
    }

    @POST
    @Cancellable(false)
    @Path("{webhookId}/rotate-secret")
    @Operation(
            operationId = "rotateWebhookSecret",
            summary = "Rotate the secret of a webhook",
            description = "The new secret is returned here and never again. For 24 hours messages are signed with both"
                    + " secrets.")
    public Uni<RestResponse<Made>> rotateSecret(
            @PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId) {
        return webhooks.rotateSecret(act(), id(webhookId))
                .map(WebhookResource::made)
                .map(WebhookResource::unstored);
    }

    @POST
    @Cancellable(false)
    @Path("{webhookId}/test")
    @Operation(
            operationId = "testWebhook",
            summary = "Send a test message",
            description = "Sends one message of type io.rolewright.webhook.test (of format infisical: of event test)"
                    + " immediately, without retries. Only the status of the receiver's answer is returned.")
    public Uni<Tested> test(@PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId) {
        return webhooks.test(act(), id(webhookId), request.timeLeft())
                .map(tested -> Tested.of(tested.of(), tested.answer()));
    }

    @GET
    @Path("{webhookId}/deliveries")
    @Operation(
            operationId = "listWebhookDeliveries",
            summary = "List deliveries of a webhook",
            description = "Newest first. Delivered messages are kept for a week, dead letters for a month.")
    public Uni<ManyDeliveries> deliveries(
            @PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId,
            @QueryParam("state")
                    @Parameter(
                            description = "Only deliveries in this state.",
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"pending", "delivered", "dead"}))
                    String state,
            @BeanParam PageQuery page) {
        return webhooks.deliveries(act(), id(webhookId), state(state), page.page())
                .map(slice -> new ManyDeliveries(slice.map(DeliveryView::of).rows(), slice.nextCursor()));
    }

    @GET
    @Path("{webhookId}/deliveries/{deliveryId}")
    @Operation(operationId = "getWebhookDelivery", summary = "Read a delivery")
    public Uni<OneDelivery> delivery(
            @PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId,
            @PathParam(DELIVERY_ID) @Parameter(schema = @Schema(format = "uuid")) String deliveryId) {
        return webhooks.delivery(act(), id(webhookId), Ids.parse(DELIVERY_ID, deliveryId))
                .map(OneDelivery::of);
    }

    @POST
    @Cancellable(false)
    @Path("{webhookId}/deliveries/{deliveryId}/replay")
    @Operation(
            operationId = "replayWebhookDelivery",
            summary = "Redeliver a message",
            description = "For a dead letter, or a message that was lost behind the receiver. It may arrive after newer"
                    + " ones: compare credentialVersion.")
    public Uni<OneDelivery> replay(
            @PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId,
            @PathParam(DELIVERY_ID) @Parameter(schema = @Schema(format = "uuid")) String deliveryId,
            @HeaderParam("Idempotency-Key") @Parameter(description = KEY_DESCRIPTION) String idempotencyKey) {
        UUID webhook = id(webhookId);
        UUID delivery = Ids.parse(DELIVERY_ID, deliveryId);
        Act act = act();
        return webhooks.mayReplay(act, webhook)
                .chain(right -> idempotency.once(
                        right,
                        idempotencyKey,
                        "replay-webhook-delivery " + webhook + " " + delivery,
                        new byte[0],
                        OneDelivery.class,
                        completion -> webhooks.replay(act, webhook, delivery).map(OneDelivery::of)));
    }

    @POST
    @Cancellable(false)
    @Path("{webhookId}/replay-dead")
    @Operation(operationId = "replayDeadWebhookDeliveries", summary = "Redeliver all dead letters of a webhook")
    public Uni<Replayed> replayDead(
            @PathParam(WEBHOOK_ID) @Parameter(schema = @Schema(format = "uuid")) String webhookId,
            @HeaderParam("Idempotency-Key") @Parameter(description = KEY_DESCRIPTION) String idempotencyKey) {
        UUID webhook = id(webhookId);
        Act act = act();
        return webhooks.mayReplay(act, webhook)
                .chain(right -> idempotency.once(
                        right,
                        idempotencyKey,
                        "replay-dead-webhook-deliveries " + webhook,
                        new byte[0],
                        Replayed.class,
                        completion -> webhooks.replayDead(act, webhook).map(Replayed::new)));
    }

    private Act act() {
        return new Act(caller.get(), request.id());
    }

    private static UUID id(String text) {
        return Ids.parse(WEBHOOK_ID, text);
    }

    private static Deliveries.@Nullable State state(@Nullable String text) {
        if (text == null) {
            return null;
        }
        return Arrays.stream(Deliveries.State.values())
                .filter(state -> state.storedName().equals(text))
                .findFirst()
                .orElseThrow(() -> ValidationProblem.at(
                        List.of("state"), "invalid_enum_value", "Must be pending, delivered or dead"));
    }

    /** By its own body. */
    private Webhooks.New ours(NewWebhook body) {
        List<ValidationProblem.Issue> missing = new ArrayList<>();
        require(missing, "name", body.name);
        require(missing, "url", body.url);
        require(missing, "events", body.events);
        refuseTheOtherForm(missing, "environment", body.environment);
        refuseTheOtherForm(missing, "secretPath", body.secretPath);
        refuseTheOtherForm(missing, "webhookSecretKey", body.webhookSecretKey);
        refuseTheOtherForm(missing, "eventsFilter", body.eventsFilter);
        if (!missing.isEmpty()) {
            throw new ValidationProblem(missing);
        }
        return new Webhooks.New(
                body.projectId,
                body.name,
                url("url", body.url),
                CaCert.checked(body.caCert),
                events(body.events),
                !Boolean.FALSE.equals(enabled(body.enabled, body.isDisabled)),
                null);
    }

    /** By the reference's. */
    private Webhooks.New references(NewWebhook body) {
        List<ValidationProblem.Issue> wrong = new ArrayList<>();
        require(wrong, "environment", body.environment);
        if (body.url != null) {
            wrong.add(issue("url", "custom", "Contradicts webhookUrl; send one of the two"));
        }
        if (body.events != null) {
            wrong.add(issue("events", "custom", "With webhookUrl it is eventsFilter that says which"));
        }
        if (body.type != null && !body.type.equals(GENERAL)) {
            wrong.add(issue("type", "invalid_enum_value", "Must be general: messages for chats are not offered"));
        }
        if (!wrong.isEmpty()) {
            throw new ValidationProblem(wrong);
        }
        return new Webhooks.New(
                body.projectId,
                body.name,
                url("webhookUrl", body.webhookUrl),
                CaCert.checked(body.caCert),
                body.eventsFilter == null ? List.of() : filter(body.eventsFilter),
                !Boolean.FALSE.equals(enabled(body.enabled, body.isDisabled)),
                new Webhooks.At(
                        body.environment,
                        path(body.secretPath),
                        body.webhookSecretKey == null || body.webhookSecretKey.isBlank()
                                ? null
                                : body.webhookSecretKey.strip()));
    }

    private static void require(List<ValidationProblem.Issue> missing, String field, @Nullable Object value) {
        if (value == null) {
            missing.add(issue(field, "invalid_type", "Required"));
        }
    }

    private static void refuseTheOtherForm(List<ValidationProblem.Issue> wrong, String field, @Nullable Object value) {
        if (value != null) {
            wrong.add(issue(field, "custom", "Is for a webhook with webhookUrl"));
        }
    }

    private static ValidationProblem.Issue issue(String field, String code, String message) {
        return new ValidationProblem.Issue(code, List.of(field), message);
    }

    /** @return null if neither was sent */
    private static @Nullable Boolean enabled(@Nullable Boolean enabled, @Nullable Boolean disabled) {
        if (enabled != null && disabled != null && enabled.equals(disabled)) {
            throw ValidationProblem.at(List.of("isDisabled"), "custom", "Contradicts enabled; send one of the two");
        }
        return disabled == null ? enabled : Boolean.valueOf(!disabled);
    }

    private static String path(@Nullable String text) {
        String path = text == null ? "/" : normalised(text);
        if (!PATH.matcher(path).matches()) {
            throw ValidationProblem.at(
                    List.of("secretPath"),
                    "invalid_string",
                    "Must be a path such as /a/b, and may end with /* (one level) or /** (all below); other patterns are not"
                            + " offered");
        }
        return path;
    }

    /** With a slash in front and none behind. */
    private static String normalised(String path) {
        String stripped = TRAILING_SLASHES.matcher(path.strip()).replaceFirst("");
        return stripped.startsWith("/") ? stripped : "/" + stripped;
    }

    private static List<String> filter(List<EventFilter> filter) {
        for (int i = 0; i < filter.size(); i++) {
            if (!SecretsEvent.isOne(filter.get(i).eventName)) {
                throw ValidationProblem.at(
                        List.of("eventsFilter", i, "eventName"),
                        "invalid_enum_value",
                        "Must be one of " + String.join(", ", SecretsEvent.all()));
            }
        }
        return filter.stream().map(EventFilter::eventName).toList();
    }

    private URI url(String field, String text) {
        try {
            URI url = new URI(text);
            boolean scheme = Sender.isHttps(url) || config.allowHttp() && "http".equalsIgnoreCase(url.getScheme());
            if (scheme && url.getHost() != null && url.getUserInfo() == null && url.getFragment() == null) {
                return url;
            }
        } catch (URISyntaxException notOne) {
            // Said below.
        }
        throw ValidationProblem.at(List.of(field), "invalid_string", "Must be https://host… without user and fragment");
    }

    private static List<String> events(List<String> names) {
        for (int i = 0; i < names.size(); i++) {
            if (!EventType.isOne(names.get(i))) {
                throw ValidationProblem.at(
                        List.of("events", i),
                        "invalid_enum_value",
                        "Must be one of " + String.join(", ", EventType.all()));
            }
        }
        return names;
    }

    /** The reference's is signed with what its maker has given. */
    private static Made made(Opened opened) {
        return new Made(
                View.of(opened),
                opened.receiver().place() == null
                        ? Signature.secret(opened.receiver().key())
                        : null);
    }

    private static RestResponse<Made> unstored(Made made) {
        return ResponseBuilder.ok(made).header("Cache-Control", "no-store").build();
    }

    // ---- Shapes ---------------------------------------------------------------------------------------------------

    private static final String OF_INFISICAL = "Only of format infisical.";
    private static final String NAME = "[a-z0-9]+(-[a-z0-9]+)*";
    private static final String NAME_RULE = "must be lower-case letters and digits, with single hyphens between them";
    private static final String GENERAL = "general";
    private static final java.util.regex.Pattern PATH =
            java.util.regex.Pattern.compile("/|(/(?!\\.{1,2}(/|$))[A-Za-z0-9._-]{1,255})+(/\\*{1,2})?|/\\*{1,2}");
    private static final java.util.regex.Pattern TRAILING_SLASHES = java.util.regex.Pattern.compile("/+$");
    private static final String FILTER = "Of format infisical: the events that it is told of; empty: all.";
    private static final String EVENTS = "The event types that it subscribes to.";
    private static final String CA_CERT =
            "PEM certificates of the authority that signed the receiver's certificate; absent: the public" + " ones.";

    @RegisterForReflection
    @Schema(name = "WebhookEventFilter")
    record EventFilter(
            @NotBlank
            @Size(max = 64)
            @Schema(
                    required = true,
                    enumeration = {"secrets.modified", "secrets.rotation-failed"})
            String eventName) {}

    @RegisterForReflection
    @Schema(
            name = "CreateWebhook",
            description = "Either url, name and events, or webhookUrl and environment with what belongs to it.")
    record NewWebhook(
            @NotBlank @Size(max = 36) @Schema(required = true, format = "uuid")
            String projectId,

            @Size(min = 1, max = 64)
            @Pattern(regexp = NAME, message = NAME_RULE)
            @Schema(description = "Required with url; with webhookUrl it gets one.", examples = "deploy-hook")
            String name,

            @Size(min = 1, max = 2048)
            @Schema(description = "Where CloudEvents are sent to.", examples = "https://hooks.example.com/rolewright")
            String url,

            @Size(min = 1, max = 32) @Schema(description = EVENTS + " Required with url.")
            List<@NotBlank @Size(max = 64) String> events,

            @Size(max = 65536) @Schema(description = CA_CERT)
            String caCert,

            @Schema(description = "Absent: true.", defaultValue = "true")
            Boolean enabled,

            @Size(min = 1, max = 2048)
            @Schema(
                    description = "In the place of url: where Infisical's messages are sent to.",
                    examples = "https://hooks.example.com/infisical")
            String webhookUrl,

            @Size(max = 1024)
            @Schema(description = "Signs the messages; absent or empty: they are not signed. Never returned.")
            String webhookSecretKey,

            @Size(min = 1, max = 64)
            @Schema(
                    description = "Slug of an environment of the project. Required with webhookUrl.",
                    examples = "production")
            String environment,

            @Size(max = 1000)
            @Schema(
                    description =
                            "Of the secrets that it is about; may end with /* (one level) or /** (the path and all"
                                    + " below). Absent: /.",
                    examples = "/payments")
            String secretPath,

            @Size(max = 64)
            @Schema(
                    description = "Only general.",
                    enumeration = {"general"})
            String type,

            @Size(max = 32) @Schema(description = FILTER) List<@Valid @NotNull EventFilter> eventsFilter,

            @Schema(description = "The opposite of enabled.")
            Boolean isDisabled) {

        @Override
        public String toString() {
            return "NewWebhook[" + name + "]";
        }
    }

    @Schema(name = "UpdateWebhook", description = "Fields that are absent remain unchanged.")
    record ChangedWebhook(
            @Size(min = 1, max = 64) @Pattern(regexp = NAME, message = NAME_RULE) @Schema(examples = "deploy-hook")
            String name,

            @Size(min = 1, max = 2048) @Schema(examples = "https://hooks.example.com/rolewright")
            String url,

            @Size(min = 1, max = 32) @Schema(description = EVENTS)
            List<@NotBlank @Size(max = 64) String> events,

            @JsonDeserialize(using = RemovableText.class)
            @Schema(
                    type = SchemaType.STRING,
                    nullable = true,
                    maxLength = 65536,
                    description = "PEM certificates; null: the public authorities.")
            Optional<@Size(max = 65536) String> caCert,

            Boolean enabled,

            @Size(max = 32) @Schema(description = FILTER) List<@Valid @NotNull EventFilter> eventsFilter,

            @Schema(description = "The opposite of enabled.")
            Boolean isDisabled) {}

    @RegisterForReflection
    @Schema(name = "WebhookEnvironment")
    record PlaceView(
            @Schema(required = true) UUID id,

            @Schema(required = true, examples = "Production")
            String name,

            @Schema(required = true, examples = "production")
            String slug) {}

    /** Read back from JSON when an idempotent reply is served again. */
    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "Webhook")
    record View(
            @Schema(required = true) UUID id,
            @Schema(required = true) UUID projectId,

            @Schema(required = true, examples = "deploy-hook")
            String name,

            @Schema(required = true, examples = "https://hooks.example.com/rolewright")
            String url,

            @Schema(required = true, nullable = true, description = CA_CERT)
            String caCert,

            @Schema(required = true, description = EVENTS) List<String> events,
            @Schema(required = true) boolean enabled,

            @Schema(required = true, description = "Consecutive failures since the last successful delivery.")
            int failures,

            @Schema(
                    required = true,
                    nullable = true,
                    description = "No delivery is tried before this time, after a failure.")
            Instant quietUntil,

            @Schema(required = true, nullable = true) Instant lastDeliveredAt,

            @Schema(
                    required = true,
                    nullable = true,
                    description = "Messages are also signed with the previous secret until this time.")
            Instant previousSecretUntil,

            @Schema(required = true) Instant createdAt,
            @Schema(required = true) Instant updatedAt,

            @JsonInclude(JsonInclude.Include.NON_NULL)
            @Schema(
                    description =
                            "What is sent: cloudevents, or infisical for a webhook that was created with webhookUrl.",
                    enumeration = {"cloudevents", "infisical"})
            String format,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = OF_INFISICAL)
            PlaceView environment,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = OF_INFISICAL, format = "uuid")
            UUID envId,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = OF_INFISICAL, examples = "/payments")
            String secretPath,

            @JsonInclude(JsonInclude.Include.NON_NULL)
            @Schema(
                    description = OF_INFISICAL,
                    enumeration = {"general"})
            String type,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = OF_INFISICAL)
            Boolean isDisabled,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = FILTER)
            List<EventFilter> eventsFilter,

            @JsonInclude(JsonInclude.Include.NON_NULL)
            @Schema(
                    description = "Of format infisical: how the latest delivery went; absent before the first.",
                    enumeration = {"success", "failed"})
            String lastStatus) {

        static View of(Opened opened) {
            Webhook row = opened.row();
            PlaceView place = opened.environment() == null
                    ? null
                    : new PlaceView(
                            opened.environment().id(),
                            opened.environment().name(),
                            opened.environment().slug());
            boolean references = opened.receiver().place() != null;
            return new View(
                    row.id,
                    row.projectId,
                    row.name,
                    opened.receiver().url().toString(),
                    opened.receiver().caCert(),
                    row.events(),
                    row.enabled,
                    row.failures,
                    row.quietUntil,
                    row.lastDeliveredAt,
                    opened.receiver().previousUntil(),
                    row.createdAt,
                    row.updatedAt,
                    references ? "infisical" : "cloudevents",
                    place,
                    row.environmentId,
                    row.secretPath,
                    references ? GENERAL : null,
                    references ? !row.enabled : null,
                    references
                            ? row.isEvery()
                                    ? List.of()
                                    : row.events().stream()
                                            .map(EventFilter::new)
                                            .toList()
                            : null,
                    references ? lastStatus(row) : null);
        }

        private View with(String status) {
            return new View(
                    id,
                    projectId,
                    name,
                    url,
                    caCert,
                    events,
                    enabled,
                    failures,
                    quietUntil,
                    lastDeliveredAt,
                    previousSecretUntil,
                    createdAt,
                    updatedAt,
                    format,
                    environment,
                    envId,
                    secretPath,
                    type,
                    isDisabled,
                    eventsFilter,
                    status);
        }

        private static @Nullable String lastStatus(Webhook row) {
            if (row.failures > 0) {
                return "failed";
            }
            return row.lastDeliveredAt == null ? null : "success";
        }
    }

    @Schema(name = "WebhookResponse")
    record One(@Schema(required = true) View webhook) {
        static One of(Opened opened) {
            return new One(View.of(opened));
        }
    }

    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(name = "WebhookListResponse")
    record Many(
            @Schema(required = true) List<View> webhooks,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.") @Nullable
            String nextCursor,

            @Schema(description = "Number of rows that match, on this page or not; only with search, sort or offset.")
            @Nullable
            Long totalCount) {}

    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(name = "WebhookWithSecretResponse")
    record Made(
            @Schema(required = true) View webhook,

            @Schema(
                    description =
                            "The secret that messages are verified with. Returned only here; absent in the answer to a"
                                    + " repeated request.",
                    examples = "whsec_…")
            String secret) {

        @Override
        public String toString() {
            return "Made[" + webhook.id + "]";
        }
    }

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "WebhookTestResponse")
    record Tested(
            @Schema(required = true, description = "Whether the receiver accepted the message.")
            boolean ok,

            @Schema(required = true, nullable = true, examples = "refused_by_receiver")
            String failure,

            @Schema(required = true, nullable = true, description = "HTTP status of its answer; null without one.")
            Integer status,

            @JsonInclude(JsonInclude.Include.NON_NULL)
            @Schema(description = "Of format infisical: the webhook, with lastStatus of this message.")
            View webhook) {

        static Tested of(Opened opened, Sender.Answer answer) {
            View of = opened.receiver().place() == null
                    ? null
                    : View.of(opened).with(answer.taken() ? "success" : "failed");
            return new Tested(answer.taken(), answer.failure(), answer.status(), of);
        }
    }

    @RegisterForReflection
    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "WebhookDelivery")
    record DeliveryView(
            @Schema(required = true) UUID id,

            @Schema(required = true, description = "The id of the CloudEvent, also sent as webhook-id.")
            UUID messageId,

            @Schema(required = true, examples = "rotation.credential-changed")
            String event,

            @Schema(required = true, examples = "rotation") String subjectKind,

            @Schema(required = true) UUID subjectId,

            @Schema(required = true, nullable = true) Long credentialVersion,

            @Schema(required = true, description = "When it happened.")
            Instant at,

            @Schema(
                    required = true,
                    enumeration = {"pending", "delivered", "dead"})
            String state,

            @Schema(required = true) int tries,

            @Schema(required = true, nullable = true, description = "When the next try is; null once it has ended.")
            Instant nextTryAt,

            @Schema(required = true, nullable = true) Instant lastTriedAt,

            @Schema(required = true, nullable = true, examples = "timed_out")
            String lastFailure,

            @Schema(required = true, nullable = true, description = "HTTP status of the last answer.")
            Integer lastStatus,

            @Schema(required = true, nullable = true, description = "When it was delivered or given up.")
            Instant endedAt) {

        static DeliveryView of(Deliveries.Shown shown) {
            Message message = shown.message();
            return new DeliveryView(
                    shown.id(),
                    message.id(),
                    message.type(),
                    message.subjectKind(),
                    message.subjectId(),
                    message.credentialVersion(),
                    message.at(),
                    shown.state().storedName(),
                    shown.tries(),
                    shown.dueAt(),
                    shown.lastTriedAt(),
                    shown.lastFailure(),
                    shown.lastStatus(),
                    shown.endedAt());
        }
    }

    @RegisterForReflection
    @Schema(name = "WebhookDeliveryResponse")
    record OneDelivery(@Schema(required = true) DeliveryView delivery) {
        static OneDelivery of(Deliveries.Shown shown) {
            return new OneDelivery(DeliveryView.of(shown));
        }
    }

    @JsonInclude(JsonInclude.Include.NON_NULL)
    @Schema(name = "WebhookDeliveryListResponse")
    record ManyDeliveries(
            @Schema(required = true) List<DeliveryView> deliveries,

            @Schema(description = "Send it as cursor to get the next page; absent on the last page.")
            String nextCursor) {}

    @RegisterForReflection
    @Schema(name = "ReplayedWebhookDeliveriesResponse")
    record Replayed(
            @Schema(required = true, description = "Number of dead letters that are redelivered.", examples = "3")
            int replayed) {}
}
