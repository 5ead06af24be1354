package io.rolewright.delivery.webhook;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.PanacheRepositoryBase;
import io.quarkus.panache.common.Parameters;
import io.rolewright.access.Caller;
import io.rolewright.access.Places;
import io.rolewright.access.Places.Environment;
import io.rolewright.access.Projects;
import io.rolewright.access.RateLimits;
import io.rolewright.access.Reach;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.idempotency.ProvenRight;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.request.Selection;
import io.rolewright.request.Selection.Chosen;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.OwnContext;
import io.rolewright.store.Rows;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.tuples.Tuple2;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Who is told what: subscriptions, and what callers may do with what they were sent. */
@ApplicationScoped
class Webhooks implements PanacheRepositoryBase<Webhook, UUID> {

    static final String KIND = "webhook";

    /** By which a list can be sorted. */
    static final List<String> COLUMNS = List.of("name", "project", "url", "state", "last");

    /** So long the secret before signs too. */
    private static final Duration SECRETS_OVERLAP = Duration.ofHours(24);

    /** Of what a request has, for the audit and the way back. */
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(1);

    private final StoreOrigin origin;
    private final Projects projects;
    private final Places places;
    private final Deliveries deliveries;
    private final Sender sender;
    private final Sealer sealer;
    private final AuditLog audit;
    private final RateLimits limits;
    private final Clock clock;

    Webhooks(
            Projects projects,
            Places places,
            Deliveries deliveries,
            Sender sender,
            Sealer sealer,
            AuditLog audit,
            RateLimits limits,
            Clock clock,
            StoreOrigin origin) {
        this.origin = origin;
        this.projects = projects;
        this.places = places;
        this.deliveries = deliveries;
        this.sender = sender;
        this.sealer = sealer;
        this.audit = audit;
        this.limits = limits;
        this.clock = clock;
    }

    /** Who asks, and in which request. */
    record Act(Caller caller, String requestId) {}

    /**
     * A row and what it holds, for as long as an answer is made of it.
     *
     * @param environment of one that was made by the reference's body; null for ours
     */
    record Opened(Webhook row, Receiver receiver, @Nullable Environment environment) {

        /** Another one after each edit; how its receiver is doing, and another secret, are none. */
        String etag() {
            return Webhooks.etag(row, receiver);
        }
    }

    private static String etag(Webhook row, Receiver receiver) {
        Map<String, Object> all = settings(row);
        all.put("url", receiver.url());
        all.put("caCert", receiver.caCert());
        return IfMatch.etag(all);
    }

    /** What can be edited; without the address, which may hold a secret, and without certificates. */
    private static Map<String, Object> settings(Webhook row) {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("name", row.name);
        settings.put("enabled", row.enabled);
        settings.put("events", row.events());
        return settings;
    }

    // ---- Reading --------------------------------------------------------------------------------------------------

    /**
     * @param project as the caller wrote it; null for all that he may see
     * @param environment only those that were made by the reference's body for this one of the project; null for any
     * @param path the same
     */
    Uni<Slice<Opened>> list(
            Act act, @Nullable String project, @Nullable String environment, @Nullable String path, Page page) {
        Reach reach = Rights.reach(act.caller(), Right.WEBHOOK_READ);
        Uni<Optional<UUID>> only = project == null
                ? Uni.createFrom().item(Optional.empty())
                : existingProject(act, project, Right.WEBHOOK_READ).map(Optional::of);
        return only.chain(id -> environmentId(act, id, environment)
                        .chain(place -> Panache.withSession(() -> rows(reach, id, place, path, page))))
                .chain(rows -> environments(rows)
                        .map(places -> page.cut(rows, row -> row.name, row -> row.id)
                                .map(row -> new Opened(
                                        row,
                                        open(row),
                                        row.environmentId == null ? null : places.get(row.environmentId)))));
    }

    /**
     * The same, looked through by the service: addresses are sealed.
     *
     * @param wanted by {@link #COLUMNS}
     */
    Uni<Chosen<Opened>> search(
            Act act, @Nullable String project, @Nullable String environment, @Nullable String path, Selection wanted) {
        return list(act, project, environment, path, Page.whole())
                .chain(all -> projects.names(all.rows().stream()
                                .map(each -> each.row().projectId)
                                .collect(Collectors.toSet()))
                        .chain(names -> OwnContext.elsewhere(() -> wanted.choose(
                                all.rows(),
                                each -> new String[] {
                                    each.row().name, each.receiver().url().toString(), names.get(each.row().projectId)
                                },
                                each -> column(each, names, wanted.sort()),
                                each -> each.row().name,
                                each -> each.row().id))));
    }

    private static @Nullable Comparable<?> column(Opened webhook, Map<UUID, String> projects, String column) {
        Webhook row = webhook.row();
        return switch (column) {
            case "name" -> row.name;
            case "project" -> projects.get(row.projectId);
            case "url" -> webhook.receiver().url().toString();
            case "state" -> row.enabled ? -row.failures : 1; // the worst first, and what is switched off last
            case "last" -> row.lastDeliveredAt;
            default -> throw new IllegalArgumentException(column);
        };
    }

    /** Of one that does not exist no webhook is: the reference answers an empty list. */
    private Uni<Optional<UUID>> environmentId(Act act, Optional<UUID> project, @Nullable String slug) {
        if (slug == null) {
            return Uni.createFrom().item(Optional.empty());
        }
        UUID of = project.orElseThrow(() -> ValidationProblem.at(List.of("projectId"), "invalid_type", "Required"));
        return places.environment(act.caller(), of, slug)
                .map(Environment::id)
                .onFailure(failure -> failure instanceof Problem problem
                        && problem.code().equals(ErrorCode.ENVIRONMENT_NOT_FOUND.code()))
                .recoverWithItem(of)
                .map(Optional::of);
    }

    private Uni<Map<UUID, Environment>> environments(List<Webhook> rows) {
        List<UUID> ids = rows.stream()
                .map(row -> row.environmentId)
                .filter(Objects::nonNull)
                .distinct()
                .toList();
        return ids.isEmpty()
                ? Uni.createFrom().item(Map.of())
                : places.environments(ids)
                        .map(found -> found.stream().collect(Collectors.toMap(Environment::id, each -> each)));
    }

    private Uni<List<Webhook>> rows(
            Reach reach, Optional<UUID> project, Optional<UUID> environment, @Nullable String path, Page page) {
        String where = "where 1 = 1 ";
        Parameters parameters = new Parameters();
        if (environment.isPresent()) {
            where += "and environmentId = :environment ";
            parameters.and("environment", environment.get());
        }
        if (path != null) {
            where += "and secretPath = :path ";
            parameters.and("path", path);
        }
        if (project.isPresent()) {
            where += "and projectId = :project ";
            parameters.and("project", project.get());
        }
        if (!reach.everywhere()) {
            where += "and projectId in :projects ";
            parameters.and("projects", reach.projects());
        }
        if (page.afterName() != null) {
            where += "and (name > :name or (name = :name and id > :id)) ";
            parameters.and("name", page.afterName()).and("id", page.afterId());
        }
        return find(where + "order by name, id", parameters)
                .range(0, page.rowsToRead() - 1)
                .list();
    }

    Uni<Opened> get(Act act, UUID id) {
        return existing(act, id, Right.WEBHOOK_READ).chain(this::opened);
    }

    // ---- Changing -------------------------------------------------------------------------------------------------

    /**
     * What is to be made.
     *
     * @param name null for one of its own, made of its id
     * @param events empty for all of the reference's
     * @param at null for ours
     */
    record New(
            String project,
            @Nullable String name,
            URI url,
            @Nullable String caCert,
            List<String> events,
            boolean enabled,
            @Nullable At at) {}

    /**
     * Where the secrets are that a webhook of the reference's is about.
     *
     * @param environment its slug
     * @param secretKey what messages are signed with; null for none
     */
    record At(
            String environment, String secretPath, @Nullable String secretKey) {

        @Override
        public String toString() {
            return "At[" + environment + " " + secretPath + "]";
        }
    }

    /** Before anything is done or an earlier reply given. @return fails as {@link #create} does, and records it */
    Uni<ProvenRight> mayCreate(Act act, String project) {
        return recorded(
                act,
                AuditType.CREATE_WEBHOOK,
                null,
                () -> existingProject(act, project, Right.WEBHOOK_EDIT)
                        .map(id -> Rights.require(act.caller(), Right.WEBHOOK_EDIT, id)));
    }

    /** Before anything is done or an earlier reply given. @return fails as {@link #replay} does, and records it */
    Uni<ProvenRight> mayReplay(Act act, UUID id) {
        return recorded(
                act,
                AuditType.REPLAY_WEBHOOK_DELIVERY,
                id,
                () -> existing(act, id, Right.WEBHOOK_EDIT)
                        .map(row -> Rights.require(act.caller(), Right.WEBHOOK_EDIT, row.projectId)));
    }

    /** @param alsoStore what has to commit together with it */
    Uni<Opened> create(Act act, New wanted, Function<Opened, Uni<Void>> alsoStore) {
        return recorded(
                act,
                AuditType.CREATE_WEBHOOK,
                null,
                () -> existingProject(act, wanted.project(), Right.WEBHOOK_EDIT)
                        .call(() -> requireOpen(wanted.url()))
                        .chain(project ->
                                environment(act, project, wanted.at()).map(found -> Tuple2.of(project, found)))
                        .chain(place -> {
                            At at = wanted.at();
                            Environment environment = place.getItem2();
                            Webhook row = new Webhook();
                            row.id = UUID.randomUUID();
                            row.projectId = place.getItem1();
                            row.name = wanted.name() == null ? "infisical-" + row.id : wanted.name();
                            row.environmentId = environment == null ? null : environment.id();
                            row.secretPath = at == null ? null : at.secretPath();
                            row.events(wanted.events());
                            row.enabled = wanted.enabled();
                            row.createdAt = now();
                            row.updatedAt = row.createdAt;
                            Opened opened = put(
                                    row,
                                    new Receiver(
                                            wanted.url(),
                                            wanted.caCert(),
                                            sealer.random(Signature.KEY_BYTES),
                                            null,
                                            null,
                                            at == null || environment == null
                                                    ? null
                                                    : new Receiver.Place(
                                                            environment.id(), at.secretPath(), at.secretKey())),
                                    environment);
                            return Panache.withTransaction(() -> persistAndFlush(row)
                                    .chain(() -> audit.record(success(act, AuditType.CREATE_WEBHOOK, row)))
                                    .chain(() -> alsoStore.apply(opened))
                                    .replaceWith(opened));
                        })
                        .onFailure(StoreFault::isUniqueViolation)
                        .transform(clash -> nameTaken(wanted.name())));
    }

    private Uni<@Nullable Environment> environment(Act act, UUID project, @Nullable At at) {
        return at == null
                ? Uni.createFrom().nullItem()
                : places.environment(act.caller(), project, at.environment()).map(found -> found);
    }

    /**
     * What a PATCH changes; null leaves a thing as it is.
     *
     * @param caCert empty to have none
     * @param events for ours
     * @param eventsFilter for one that was made by the reference's body; empty for all
     */
    record Change(
            @Nullable String name,
            @Nullable URI url,
            @Nullable Optional<String> caCert,
            @Nullable List<String> events,
            @Nullable List<String> eventsFilter,
            @Nullable Boolean enabled) {

        /** An address may hold a secret, so it is only said that there is another. */
        private Map<String, Object> facts() {
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("urlUpdated", url == null ? null : true);
            facts.put("caCertUpdated", caCert == null ? null : true);
            facts.put("events", events == null ? eventsFilter : events);
            facts.put("enabled", enabled);
            facts.values().removeIf(Objects::isNull);
            return facts;
        }

        /** By the names that ours have them under. @param before as it was */
        private Changes changes(Webhook row, Receiver before) {
            List<String> wanted = events == null ? eventsFilter : events;
            return new Changes()
                    .put("name", name != null && !name.equals(row.name))
                    .put("url", url != null && !url.equals(before.url()))
                    .put("caCert", caCert != null && !Objects.equals(caCert.orElse(null), before.caCert()))
                    .put("events", wanted != null && !Set.copyOf(wanted).equals(Set.copyOf(row.events())))
                    .put("enabled", enabled != null && enabled != row.enabled);
        }

        private void requireOfItsForm(Webhook row) {
            if (events != null && row.environmentId != null) {
                throw ValidationProblem.at(
                        List.of("events"), "custom", "This webhook was made by webhookUrl and takes eventsFilter");
            }
            if (eventsFilter != null && row.environmentId == null) {
                throw ValidationProblem.at(
                        List.of("eventsFilter"), "custom", "This webhook was made by url and takes events");
            }
        }
    }

    /** @return fails with 404 {@code webhook_not_found}, 412 {@code changed_since_read}, 400 {@code webhook_name_taken} */
    Uni<Opened> change(Act act, UUID id, IfMatch seen, Change change) {
        Uni<Void> open = change.url() == null ? Uni.createFrom().voidItem() : requireOpen(change.url());
        Map<String, Object> facts = change.facts();
        return changed(act, AuditType.UPDATE_WEBHOOK, id, facts, open, row -> {
                    change.requireOfItsForm(row);
                    Receiver before = open(row);
                    seen.require(etag(row, before), settings(row));
                    facts.put(Changes.FACT, change.changes(row, before).fields());
                    row.name = change.name() == null ? row.name : change.name();
                    row.enabled = change.enabled() == null ? row.enabled : change.enabled();
                    if (change.events() != null) {
                        row.events(change.events());
                    }
                    if (change.eventsFilter() != null) {
                        row.events(change.eventsFilter());
                    }
                    return put(
                            row,
                            before.at(
                                    change.url() == null ? before.url() : change.url(),
                                    change.caCert() == null
                                            ? before.caCert()
                                            : change.caCert().orElse(null)),
                            null);
                })
                .onFailure(StoreFault::isUniqueViolation)
                .transform(clash -> nameTaken(change.name()));
    }

    /** Another secret; the one before signs too, for a day. */
    Uni<Opened> rotateSecret(Act act, UUID id) {
        return changed(
                act,
                AuditType.ROTATE_WEBHOOK_SECRET,
                id,
                Map.of(),
                Uni.createFrom().voidItem(),
                row -> {
                    Receiver before = open(row);
                    if (before.place() != null) {
                        throw ValidationProblem.at(
                                List.of("webhookId"),
                                "custom",
                                "This webhook is signed with its webhookSecretKey; create it again to have another");
                    }
                    return put(
                            row,
                            before.withKey(
                                    sealer.random(Signature.KEY_BYTES),
                                    clock.instant().plus(SECRETS_OVERLAP)),
                            null);
                });
    }

    private Uni<Opened> changed(
            Act act,
            String type,
            UUID id,
            Map<String, Object> facts,
            Uni<Void> before,
            Function<Webhook, Opened> change) {
        return recorded(
                act,
                type,
                id,
                () -> existing(act, id, Right.WEBHOOK_EDIT)
                        .call(() -> before)
                        .chain(seen -> Panache.withTransaction(() -> locked(id)
                                .map(row -> {
                                    row.updatedAt = now();
                                    return change.apply(row);
                                })
                                .call(opened -> audit.record(success(act, type, opened.row(), facts)))))
                        .chain(opened -> placed(opened.row(), opened.receiver())));
    }

    private Uni<Webhook> locked(UUID id) {
        return findById(id, LockModeType.PESSIMISTIC_WRITE).onItem().ifNull().failWith(() -> notFound(id));
    }

    /** With all that waits to be told to it. */
    Uni<Opened> delete(Act act, UUID id) {
        return recorded(
                act,
                AuditType.DELETE_WEBHOOK,
                id,
                () -> existing(act, id, Right.WEBHOOK_EDIT)
                        .chain(() -> Panache.withTransaction(() -> locked(id)
                                .call(row -> Panache.getSession()
                                        .chain(session -> Rows.delete(session, row, "id = ?1", row.id))
                                        .invoke(there -> {
                                            if (!there) {
                                                throw notFound(id);
                                            }
                                        }))
                                .call(row -> audit.record(success(act, AuditType.DELETE_WEBHOOK, row)))))
                        .chain(this::opened));
    }

    // ---- Deliveries -----------------------------------------------------------------------------------------------

    /**
     * What came of a test.
     *
     * @param of whose receiver it was
     */
    record Tested(Opened of, Sender.Answer answer) {}

    /** Sends a message that is about nothing, at once and once. */
    Uni<Tested> test(Act act, UUID id, Duration timeLeft) {
        return recorded(
                act,
                AuditType.TEST_WEBHOOK,
                id,
                () -> existing(act, id, Right.WEBHOOK_EDIT).chain(row -> {
                    origin.requireOriginal();
                    limits.count(RateLimits.Kind.TEST, act.caller());
                    return opened(row)
                            .chain(opened -> sender.send(
                                            opened.receiver(), testMessage(opened), timeLeft.minus(TIME_TO_ANSWER))
                                    .call(answer -> audit.record((answer.taken()
                                                    ? success(act, AuditType.TEST_WEBHOOK, row)
                                                    : by(
                                                                    act,
                                                                    AuditEvent.failed(
                                                                            AuditType.TEST_WEBHOOK, answer.failure()))
                                                            .in(row.projectId)
                                                            .on(KIND, row.id))
                                            .with("status", answer.status())))
                                    .map(answer -> new Tested(opened, answer)));
                }));
    }

    private Message testMessage(Opened opened) {
        Webhook row = opened.row();
        Receiver.Place place = opened.receiver().place();
        Environment environment = opened.environment();
        return place == null || environment == null
                ? Message.test(row.projectId, row.id, now())
                : Message.test(row.projectId, row.id, environment.slug(), place, now());
    }

    Uni<Slice<Deliveries.Shown>> deliveries(Act act, UUID id, Deliveries.@Nullable State state, Page page) {
        return existing(act, id, Right.WEBHOOK_READ).chain(row -> deliveries.list(id, state, page));
    }

    Uni<Deliveries.Shown> delivery(Act act, UUID id, UUID deliveryId) {
        return existing(act, id, Right.WEBHOOK_READ).chain(row -> existingDelivery(id, deliveryId));
    }

    Uni<Deliveries.Shown> replay(Act act, UUID id, UUID deliveryId) {
        return recorded(
                act,
                AuditType.REPLAY_WEBHOOK_DELIVERY,
                id,
                () -> existing(act, id, Right.WEBHOOK_EDIT)
                        .call(() -> existingDelivery(id, deliveryId))
                        .chain(row -> deliveries
                                .again(id, deliveryId)
                                .invoke(count -> {
                                    if (count == 0) {
                                        throw Problem.of(
                                                ErrorCode.DELIVERY_PENDING, "This delivery is still being tried.");
                                    }
                                })
                                .chain(() -> audit.record(success(act, AuditType.REPLAY_WEBHOOK_DELIVERY, row)
                                        .with("deliveryId", deliveryId))))
                        .chain(() -> existingDelivery(id, deliveryId)));
    }

    /** @return how many dead letters there were */
    Uni<Integer> replayDead(Act act, UUID id) {
        return recorded(
                act,
                AuditType.REPLAY_WEBHOOK_DELIVERY,
                id,
                () -> existing(act, id, Right.WEBHOOK_EDIT)
                        .chain(row -> deliveries
                                .again(id, null)
                                .call(count -> audit.record(success(act, AuditType.REPLAY_WEBHOOK_DELIVERY, row)
                                        .with("count", count)))));
    }

    private Uni<Deliveries.Shown> existingDelivery(UUID id, UUID deliveryId) {
        return deliveries
                .find(id, deliveryId)
                .map(found -> found.orElseThrow(() -> Problem.of(
                        ErrorCode.WEBHOOK_DELIVERY_NOT_FOUND,
                        "This webhook has no delivery with the id " + deliveryId + ".")));
    }

    // ---- What all of it needs -------------------------------------------------------------------------------------

    private Uni<Webhook> existing(Act act, UUID id, Right right) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(act.caller(), right);
            return Panache.withSession(() -> findById(id))
                    .onItem()
                    .ifNull()
                    .failWith(() -> notFound(id))
                    .invoke(row -> Rights.requireOn(
                            act.caller(), right, Right.WEBHOOK_READ, row.projectId, () -> notFound(id)));
        });
    }

    private Uni<UUID> existingProject(Act act, String project, Right right) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(act.caller(), right);
            return projects.known(act.caller(), project)
                    .map(found -> found.id)
                    .invoke(id -> Rights.require(act.caller(), right, id));
        });
    }

    /** So that a mistake is seen at once; what counts is the check when something is sent. */
    private Uni<Void> requireOpen(URI url) {
        return sender.objection(url)
                .invoke(objection -> objection.ifPresent(reason -> {
                    throw Problem.of(
                            reason.equals("host_malformed")
                                    ? ErrorCode.RECEIVER_HOST_MALFORMED
                                    : ErrorCode.RECEIVER_ADDRESS_REFUSED,
                            "This service may not reach the host of url.");
                }))
                .replaceWithVoid();
    }

    private Uni<Opened> opened(Webhook row) {
        return placed(row, open(row));
    }

    private Uni<Opened> placed(Webhook row, Receiver receiver) {
        return environments(List.of(row))
                .map(found ->
                        new Opened(row, receiver, row.environmentId == null ? null : found.get(row.environmentId)));
    }

    private Receiver open(Webhook row) {
        return Receiver.decode(sealer.open(SealedField.WEBHOOK_RECEIVER, row.id, row.sealedVersion, row.sealed));
    }

    private Opened put(Webhook row, Receiver receiver, @Nullable Environment environment) {
        row.sealedVersion++;
        row.sealed = sealer.seal(SealedField.WEBHOOK_RECEIVER, row.id, row.sealedVersion, receiver.encode());
        return new Opened(row, receiver, environment);
    }

    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    private static Problem notFound(UUID id) {
        return Problem.of(ErrorCode.WEBHOOK_NOT_FOUND, "There is no webhook with the id " + id + ".");
    }

    private static Problem nameTaken(@Nullable String name) {
        return Problem.of(
                ErrorCode.WEBHOOK_NAME_TAKEN, "The project has a webhook with the name " + name + " already.");
    }

    private static AuditEvent success(Act act, String type, Webhook row) {
        return by(act, AuditEvent.success(type))
                .in(row.projectId)
                .on(KIND, row.id)
                .with("name", row.name);
    }

    private static AuditEvent success(Act act, String type, Webhook row, Map<String, Object> facts) {
        AuditEvent event = success(act, type, row);
        for (Map.Entry<String, Object> fact : facts.entrySet()) {
            event = event.with(fact.getKey(), fact.getValue());
        }
        return event;
    }

    private static AuditEvent by(Act act, AuditEvent event) {
        return event.by(act.caller().id(), act.caller().name())
                .from(act.caller().address(), act.requestId());
    }

    /** Does it, and records if it was refused or came to nothing; a success is recorded by what is done. */
    private <T> Uni<T> recorded(Act act, String type, @Nullable UUID id, Supplier<Uni<T>> what) {
        Predicate<Throwable> isRecorded = failure -> failure instanceof Problem && !RateLimits.isRefusal(failure);
        return Uni.createFrom().deferred(what::get).onFailure(isRecorded).call(failure -> {
            AuditEvent event = AuditEvent.ended(type, (Problem) failure);
            return audit.record(by(act, event).on(KIND, id)).onFailure().recoverWithNull();
        });
    }
}
