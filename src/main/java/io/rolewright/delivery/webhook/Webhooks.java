package io.rolewright.delivery.webhook;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.quarkus.hibernate.reactive.panache.PanacheRepositoryBase;
import io.quarkus.panache.common.Parameters;
import io.rolewright.access.Caller;
import io.rolewright.access.Projects;
import io.rolewright.access.RateLimits;
import io.rolewright.access.Reach;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.idempotency.ProvenRight;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.Rows;
import io.rolewright.store.StoreFault;
import io.rolewright.store.StoreOrigin;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Who is told what: subscriptions, and what callers may do with what they were sent. */
@ApplicationScoped
class Webhooks implements PanacheRepositoryBase<Webhook, UUID> {

    static final String KIND = "webhook";

    /** So long the secret before signs too. */
    private static final Duration SECRETS_OVERLAP = Duration.ofHours(24);

    /** Of what a request has, for the audit and the way back. */
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(1);

    private final StoreOrigin origin;
    private final Projects projects;
    private final Deliveries deliveries;
    private final Sender sender;
    private final Sealer sealer;
    private final AuditLog audit;
    private final RateLimits limits;
    private final Clock clock;

    Webhooks(
            Projects projects,
            Deliveries deliveries,
            Sender sender,
            Sealer sealer,
            AuditLog audit,
            RateLimits limits,
            Clock clock,
            StoreOrigin origin) {
        this.origin = origin;
        this.projects = projects;
        this.deliveries = deliveries;
        this.sender = sender;
        this.sealer = sealer;
        this.audit = audit;
        this.limits = limits;
        this.clock = clock;
    }

    /** Who asks, and in which request. */
    record Act(Caller caller, String requestId) {}

    /** A row and what it holds, for as long as an answer is made of it. */
    record Opened(Webhook row, Receiver receiver) {}

    // ---- Reading --------------------------------------------------------------------------------------------------

    /** @param project as the caller wrote it; null for all that he may see */
    Uni<Slice<Opened>> list(Act act, @Nullable String project, Page page) {
        Reach reach = Rights.reach(act.caller(), Right.WEBHOOK_READ);
        Uni<Optional<UUID>> only = project == null
                ? Uni.createFrom().item(Optional.empty())
                : existingProject(act, project, Right.WEBHOOK_READ).map(Optional::of);
        return only.chain(id -> Panache.withSession(() -> rows(reach, id, page)))
                .map(rows -> page.cut(rows, row -> row.name, row -> row.id).map(this::opened));
    }

    private Uni<List<Webhook>> rows(Reach reach, Optional<UUID> project, Page page) {
        String where = "where 1 = 1 ";
        Parameters parameters = new Parameters();
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
        return existing(act, id, Right.WEBHOOK_READ).map(this::opened);
    }

    // ---- Changing -------------------------------------------------------------------------------------------------

    record New(
            String project, String name, URI url, @Nullable String caCert, List<String> events, boolean enabled) {}

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
                        .chain(project -> {
                            Webhook row = new Webhook();
                            row.id = UUID.randomUUID();
                            row.projectId = project;
                            row.name = wanted.name();
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
                                            null));
                            return Panache.withTransaction(() -> persistAndFlush(row)
                                    .chain(() -> audit.record(success(act, AuditType.CREATE_WEBHOOK, row)))
                                    .chain(() -> alsoStore.apply(opened))
                                    .replaceWith(opened));
                        })
                        .onFailure(StoreFault::isUniqueViolation)
                        .transform(clash -> nameTaken(wanted.name())));
    }

    /** What a PATCH changes; null leaves a thing as it is. @param caCert empty to have none */
    record Change(
            @Nullable String name,
            @Nullable URI url,
            @Nullable Optional<String> caCert,
            @Nullable List<String> events,
            @Nullable Boolean enabled) {}

    Uni<Opened> change(Act act, UUID id, Change change) {
        Uni<Void> open = change.url() == null ? Uni.createFrom().voidItem() : requireOpen(change.url());
        return changed(act, AuditType.UPDATE_WEBHOOK, id, open, row -> {
                    row.name = change.name() == null ? row.name : change.name();
                    row.enabled = change.enabled() == null ? row.enabled : change.enabled();
                    if (change.events() != null) {
                        row.events(change.events());
                    }
                    Receiver before = open(row);
                    return put(
                            row,
                            before.at(
                                    change.url() == null ? before.url() : change.url(),
                                    change.caCert() == null
                                            ? before.caCert()
                                            : change.caCert().orElse(null)));
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
                Uni.createFrom().voidItem(),
                row -> put(
                        row,
                        open(row)
                                .withKey(
                                        sealer.random(Signature.KEY_BYTES),
                                        clock.instant().plus(SECRETS_OVERLAP))));
    }

    private Uni<Opened> changed(Act act, String type, UUID id, Uni<Void> before, Function<Webhook, Opened> change) {
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
                                .call(opened -> audit.record(success(act, type, opened.row()))))));
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
                        .map(this::opened));
    }

    // ---- Deliveries -----------------------------------------------------------------------------------------------

    /** Sends a message that is about nothing, at once and once. */
    Uni<Sender.Answer> test(Act act, UUID id, Duration timeLeft) {
        return recorded(
                act,
                AuditType.TEST_WEBHOOK,
                id,
                () -> existing(act, id, Right.WEBHOOK_EDIT).chain(row -> {
                    origin.requireOriginal();
                    limits.count(RateLimits.Kind.TEST, act.caller());
                    Message message = Message.test(row.projectId, row.id, now());
                    return sender.send(
                                    open(row), message.id().toString(), message.body(), timeLeft.minus(TIME_TO_ANSWER))
                            .call(answer -> audit.record((answer.taken()
                                            ? success(act, AuditType.TEST_WEBHOOK, row)
                                            : by(act, AuditEvent.failed(AuditType.TEST_WEBHOOK, answer.failure()))
                                                    .in(row.projectId)
                                                    .on(KIND, row.id))
                                    .with("status", answer.status())));
                }));
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
            return projects.find(act.caller(), project)
                    .map(found -> found.orElseThrow(() -> Problem.of(
                                    ErrorCode.PROJECT_UNKNOWN, "There is no project with the id " + project + "."))
                            .id)
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

    private Opened opened(Webhook row) {
        return new Opened(row, open(row));
    }

    private Receiver open(Webhook row) {
        return Receiver.decode(sealer.open(SealedField.WEBHOOK_RECEIVER, row.id, row.sealedVersion, row.sealed));
    }

    private Opened put(Webhook row, Receiver receiver) {
        row.sealedVersion++;
        row.sealed = sealer.seal(SealedField.WEBHOOK_RECEIVER, row.id, row.sealedVersion, receiver.encode());
        return new Opened(row, receiver);
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

    private static AuditEvent by(Act act, AuditEvent event) {
        return event.by(act.caller().id(), act.caller().name())
                .from(act.caller().address(), act.requestId());
    }

    /** Does it, and records if it was refused or came to nothing; a success is recorded by what is done. */
    private <T> Uni<T> recorded(Act act, String type, @Nullable UUID id, Supplier<Uni<T>> what) {
        Predicate<Throwable> isRecorded = failure -> failure instanceof Problem && !RateLimits.isRefusal(failure);
        return Uni.createFrom().deferred(what::get).onFailure(isRecorded).call(failure -> {
            String code = ((Problem) failure).code();
            AuditEvent event = ((Problem) failure).status() == 403
                    ? AuditEvent.refused(type, code)
                    : AuditEvent.failed(type, code);
            return audit.record(by(act, event).on(KIND, id)).onFailure().recoverWithNull();
        });
    }
}
