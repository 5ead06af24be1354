package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.Caller;
import io.rolewright.access.CallerChanges;
import io.rolewright.access.PagesByStatus;
import io.rolewright.access.Project;
import io.rolewright.access.Projects;
import io.rolewright.access.RateLimits;
import io.rolewright.access.Reach;
import io.rolewright.access.Readers.Reader;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.connection.ConnectionSearch.Among;
import io.rolewright.connection.ConnectionStore.Scope;
import io.rolewright.connection.ManagedCredentials.Begun;
import io.rolewright.connection.ManagedCredentials.Managed;
import io.rolewright.connection.ManagedCredentials.Wanted;
import io.rolewright.credential.LoginUse;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.ManagedRoles.Moved;
import io.rolewright.credential.Moves;
import io.rolewright.credential.Moves.Ground;
import io.rolewright.credential.RoleServer;
import io.rolewright.credential.Sight;
import io.rolewright.idempotency.Completion;
import io.rolewright.idempotency.CreationAnswer;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.idempotency.ProvenRight;
import io.rolewright.idempotency.UnansweredCreations;
import io.rolewright.idempotency.UnansweredCreations.Creation;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Answer;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.request.Selection;
import io.rolewright.request.Selection.Chosen;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.rolewright.target.Errand;
import io.rolewright.target.Login;
import io.rolewright.target.LoginOutcome;
import io.rolewright.target.PasswordRule;
import io.rolewright.target.SslMode;
import io.rolewright.target.TargetReport;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What may be done with connections, and in which order.
 *
 * <p>Everything that can be refused without the target is refused before the first packet to it; a store transaction is
 * opened only after the target has answered; what was done, and what failed, is audited.
 */
@ApplicationScoped
class Connections {

    /** In a sentence; details have all. */
    private static final int MOST_NAMED = 5;

    /** Who waits for the answer of somebody else's request has to answer in time himself. */
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(1);

    /** Whoever releases a password of a server that is gone waits no longer. */
    private static final Duration TIME_FOR_A_PROOF = Duration.ofSeconds(4);

    private static final PagesByStatus.Statuses STATUSES =
            new PagesByStatus.Statuses(ConnectionStatus.NOT_WELL, "'OK'", Set.of(ConnectionStatus.OK));

    private final ConnectionStore store;
    private final PagesByStatus byStatus;
    private final ConnectionSearch search;
    private final ConnectionReads reads;
    private final CallerChanges changes;
    private final ConnectionSeal seal;
    private final ConnectionLogins logins;
    private final LoginUse loginUse;
    private final ManagedRoles roles;
    private final Moves moves;
    private final ConnectionAudit audit;
    private final Projects projects;
    private final Targets targets;
    private final Idempotency idempotency;
    private final UnansweredCreations creations;
    private final RateLimits limits;
    private final Instance<ConnectionUser> users;
    private final ManagedCredentials managed;
    private final Clock clock;

    Connections(
            ConnectionStore store,
            PagesByStatus byStatus,
            ConnectionSearch search,
            ConnectionReads reads,
            CallerChanges changes,
            ConnectionSeal seal,
            ConnectionLogins logins,
            LoginUse loginUse,
            ManagedRoles roles,
            Moves moves,
            ConnectionAudit audit,
            Projects projects,
            Targets targets,
            Idempotency idempotency,
            UnansweredCreations creations,
            RateLimits limits,
            Instance<ConnectionUser> users,
            ManagedCredentials managed,
            Clock clock) {
        this.store = store;
        this.byStatus = byStatus;
        this.search = search;
        this.reads = reads;
        this.changes = changes;
        this.seal = seal;
        this.logins = logins;
        this.loginUse = loginUse;
        this.roles = roles;
        this.moves = moves;
        this.audit = audit;
        this.projects = projects;
        this.targets = targets;
        this.idempotency = idempotency;
        this.creations = creations;
        this.limits = limits;
        this.users = users;
        this.managed = managed;
        this.clock = clock;
    }

    /**
     * A row and what it holds, for as long as an answer is made of it.
     *
     * @param managed null unless its password is managed
     */
    record Opened(Connection row, Credentials credentials, Managed managed) {}

    // ---- Reading --------------------------------------------------------------------------------------------------

    /** Opens every row, which is off the event loop: ten thousand of them take tens of milliseconds. */
    /** @param statuses empty for any */
    Uni<Slice<Opened>> list(
            ConnectionAudit.Act act, Scope scope, UUID project, Set<ConnectionStatus> statuses, Page page) {
        Reach reach = Rights.reach(act.caller(), Right.CONNECTION_READ);
        return (statuses.isEmpty()
                        ? store.list(scope, project, reach, page)
                        : byStatus.list(
                                "app_connection",
                                STATUSES,
                                project == null ? reach : reach.within(project),
                                statuses,
                                page,
                                store::byIds,
                                row -> row.id))
                .map(rows -> slice(page, rows))
                .call(slice -> audit.listed(act, AuditType.GET_APP_CONNECTIONS, slice.rows()))
                .chain(slice -> managed.of(slice.rows())
                        .emitOn(Infrastructure.getDefaultWorkerPool())
                        .map(found -> slice.map(row -> new Opened(row, seal.open(row), found.get(row.id)))));
    }

    /** Those that somebody looks for. */
    Uni<Chosen<Opened>> search(
            ConnectionAudit.Act act,
            Scope scope,
            @Nullable UUID project,
            Set<ConnectionStatus> statuses,
            @Nullable Boolean managed,
            @Nullable SslMode sslMode,
            Selection wanted) {
        Reach reach = Rights.reach(act.caller(), Right.CONNECTION_READ);
        return found(new Among(scope, project, reach, reach, statuses, managed, sslMode), wanted)
                .call(chosen -> audit.listed(act, AuditType.GET_APP_CONNECTIONS, chosen.rows()))
                .chain(chosen -> this.managed
                        .of(chosen.rows())
                        .chain(held -> OwnContext.elsewhere(() -> chosen.rows().stream()
                                .map(row -> new Opened(row, seal.open(row), held.get(row.id)))
                                .toList()))
                        .map(rows -> new Chosen<>(rows, chosen.count())));
    }

    private Uni<Chosen<Connection>> found(Among among, Selection wanted) {
        return search.find(among, wanted)
                .chain(ids -> (ids.rows().isEmpty()
                                ? Uni.createFrom().item(List.<Connection>of())
                                : store.byIds(ids.rows()))
                        .map(rows ->
                                new Chosen<>(PagesByStatus.ordered(ids.rows(), rows, row -> row.id), ids.count())));
    }

    /** What may be used in a rotation. @param credentials null where the caller may not read the connection */
    record Usable(Connection row, @Nullable Credentials credentials) {}

    Uni<Slice<Usable>> available(ConnectionAudit.Act act, Scope scope, @Nullable UUID project, Page page) {
        return store.list(scope, project, Rights.reach(act.caller(), Right.CONNECTION_CONNECT), page)
                .map(rows -> slice(page, rows))
                .call(slice -> audit.listed(act, AuditType.GET_AVAILABLE_APP_CONNECTIONS, slice.rows()))
                .chain(slice -> usable(act, slice.rows()).map(rows -> new Slice<>(rows, slice.nextCursor())));
    }

    Uni<Chosen<Usable>> available(ConnectionAudit.Act act, Scope scope, @Nullable UUID project, Selection wanted) {
        Among among = new Among(
                scope,
                project,
                Rights.reach(act.caller(), Right.CONNECTION_CONNECT),
                Rights.reachIfAny(act.caller(), Right.CONNECTION_READ),
                Set.of(),
                null,
                null);
        return found(among, wanted)
                .call(chosen -> audit.listed(act, AuditType.GET_AVAILABLE_APP_CONNECTIONS, chosen.rows()))
                .chain(chosen -> usable(act, chosen.rows()).map(rows -> new Chosen<>(rows, chosen.count())));
    }

    private Uni<List<Usable>> usable(ConnectionAudit.Act act, List<Connection> rows) {
        Reach readable = Rights.reachIfAny(act.caller(), Right.CONNECTION_READ);
        return OwnContext.elsewhere(() -> rows.stream()
                .map(row -> new Usable(row, readable.covers(row.projectId()) ? seal.open(row) : null))
                .toList());
    }

    Uni<Opened> get(ConnectionAudit.Act act, UUID id) {
        Rights.reach(act.caller(), Right.CONNECTION_READ);
        return reads.byId(
                        new Reader(changes.standing(act.caller(), act.live()), Right.CONNECTION_READ, act.requestId()),
                        id)
                .onItem()
                .ifNull()
                // Looked for once more whether it is there or not, so that the project that was probed has the row.
                .switchTo(() -> existing(act.caller(), id, Right.CONNECTION_READ)
                        .chain(there -> Uni.createFrom().failure(notFound(id))))
                .chain(this::opened);
    }

    Uni<Opened> getByName(ConnectionAudit.Act act, String name, UUID project) {
        Supplier<Problem> notThere = () -> Problem.of(
                ErrorCode.CONNECTION_NOT_FOUND,
                "There is no connection named " + name
                        + (project == null ? " in the organisation." : " in project " + project + "."));
        Rights.reach(act.caller(), Right.CONNECTION_READ);
        return store.byName(name, project)
                .onItem()
                .ifNull()
                .failWith(notThere)
                .invoke(row -> Rights.requireOn(
                        act.caller(), Right.CONNECTION_READ, Right.CONNECTION_READ, row.projectId(), notThere))
                .call(row -> audit.read(act, row))
                .chain(this::opened);
    }

    /** Who uses a connection, and would break without it. */
    /** Fails unless the caller may read it. @return its id */
    Uni<UUID> readable(Caller caller, UUID id) {
        return existing(caller, id, Right.CONNECTION_READ).map(row -> row.id);
    }

    Uni<List<ConnectionUser.Use>> usage(Caller caller, UUID id) {
        return existing(caller, id, Right.CONNECTION_READ).chain(row -> uses(row.id));
    }

    // ---- Changing -------------------------------------------------------------------------------------------------

    /**
     * @param project the id of the project as the caller wrote it; null for a connection of the organisation
     * @param managed whether its password comes under management at once
     * @param schedule only for one that is managed
     */
    record New(
            String name,
            String description,
            String project,
            CredentialsForm credentials,
            boolean managed,
            boolean allowPrivileged,
            Wanted schedule) {}

    <R> Uni<R> create(
            ConnectionAudit.Act act,
            New wanted,
            String idempotencyKey,
            byte[] request,
            Answer answer,
            Class<R> replyType,
            Function<Opened, R> reply,
            Deadline deadline) {
        Credentials credentials = wanted.credentials().resolve(null);
        Uni<R> created = project(act.caller(), wanted.project(), Right.CONNECTION_CREATE)
                .chain(project -> {
                    UUID projectId = project.map(p -> p.id).orElse(null);
                    ProvenRight right = Rights.require(act.caller(), Right.CONNECTION_CREATE, projectId);
                    Deadline asking =
                            act.asking(deadline, who -> Rights.require(who, Right.CONNECTION_CREATE, projectId));
                    Creation creation = creations.creation(right, "create-app-connection", request, answer);
                    return limits.counted(
                            RateLimits.Kind.TEST,
                            act.caller(),
                            "create " + wanted.project() + " " + wanted.name(),
                            () -> idempotency.once(
                                    right,
                                    idempotencyKey,
                                    "create-app-connection",
                                    request,
                                    replyType,
                                    completion -> store.byName(wanted.name(), projectId)
                                            .chain(other -> other == null
                                                    ? createOnce(
                                                                    act,
                                                                    wanted,
                                                                    project,
                                                                    credentials,
                                                                    creation,
                                                                    completion,
                                                                    reply,
                                                                    asking)
                                                            .onItemOrFailure()
                                                            .invoke(() -> creations.done(creation))
                                                    : createdBefore(act, creation, other, asking)
                                                            .map(reply))));
                });
        return audit.failures(created, act, AuditType.CREATE_APP_CONNECTION, wanted.project(), wanted.name());
    }

    private <R> Uni<R> createOnce(
            ConnectionAudit.Act act,
            New wanted,
            Optional<Project> project,
            Credentials credentials,
            Creation creation,
            Completion completion,
            Function<Opened, R> reply,
            Deadline deadline) {
        return Uni.createFrom()
                .deferred(() -> wanted.managed()
                        ? targets.admitted(
                                credentials.login(),
                                Errand.CHANGE,
                                deadline,
                                own -> provenLogin(credentials, own)
                                        .chain(report -> createManaged(
                                                act, wanted, project, credentials, report, creation, reply, own)))
                        : provenLogin(credentials, deadline)
                                .chain(report -> Panache.withTransaction(() -> {
                                    Connection row = row(wanted, project);
                                    seal.put(row, credentials);
                                    logins.note(
                                            row, server(report, credentials), credentials.username(), byScram(report));
                                    R answer = reply.apply(new Opened(row, credentials, null));
                                    return unmanaged(act, row, credentials, report)
                                            .chain(() -> store.insert(row))
                                            .call(() -> creations.made(creation, row.id, deadline.left()))
                                            .call(() ->
                                                    audit.success(act, AuditType.CREATE_APP_CONNECTION, row, Map.of()))
                                            .call(() -> completion.store(answer))
                                            .replaceWith(answer);
                                })))
                .onFailure(StoreFault::isUniqueViolation)
                .recoverWithUni(() -> nameTaken(
                        act.caller(), wanted.name(), project.map(p -> p.id).orElse(null)));
    }

    /** What was made by this very request, if its answer was lost and nothing has changed it since; else its name is taken. */
    private Uni<Opened> createdBefore(ConnectionAudit.Act act, Creation creation, Connection row, Deadline deadline) {
        return creations
                .settled(creation, row.id, deadline.left().minus(TIME_TO_ANSWER))
                .chain(() -> deadline.stillAllowed())
                .chain(() -> Panache.withTransaction(() -> store.lock(row.id)
                        .chain(now -> now == null || now.version != 1
                                ? Uni.createFrom().item(false)
                                : creations.claim(creation, now.id))
                        .invoke(claimed -> {
                            if (!claimed) {
                                throw nameTaken(act.caller(), row);
                            }
                        })
                        .call(() ->
                                audit.success(act, AuditType.CREATE_APP_CONNECTION, row, Map.of("replayed", true)))))
                .chain(() -> store.byId(row.id))
                .onItem()
                .ifNull()
                .failWith(() -> notFound(row.id))
                .chain(this::opened);
    }

    /**
     * The row is there before the role is touched, since it is what keeps both passwords: should the answer of the target get lost, the
     * caller gets the row and its state. It goes again if the password definitely was not changed.
     */
    private <R> Uni<R> createManaged(
            ConnectionAudit.Act act,
            New wanted,
            Optional<Project> project,
            Credentials credentials,
            TargetReport report,
            Creation creation,
            Function<Opened, R> reply,
            Deadline deadline) {
        Connection created = row(wanted, project);
        created.platformManaged = true;
        seal.put(created, credentials);
        logins.note(created, server(report, credentials), credentials.username(), byScram(report));
        return managed.prepare(
                        created.id,
                        report,
                        credentials,
                        wanted.allowPrivileged(),
                        CallerSight.of(act.caller()),
                        deadline)
                .chain(start -> Panache.withTransaction(() -> store.insert(created)
                        .chain(row -> managed.begin(row, start, wanted.schedule(), now()))
                        .call(() -> creations.made(creation, created.id, deadline.left()))
                        .call(() -> audit.success(act, AuditType.CREATE_APP_CONNECTION, created, Map.of()))))
                .chain(begun -> became(
                        created,
                        deadline,
                        answer -> takenOver(
                                        begun,
                                        act,
                                        deadline,
                                        () -> answer.undo(() -> uncreate(created.id, begun, credentials)))
                                .chain(() -> managedStill(created.id))))
                .map(reply);
    }

    /**
     * From its COMMIT on a creation says what became of it: what goes on after the deadline, or cannot be read for want of the store,
     * is in doubt and ends by itself.
     *
     * @param work takes the row back only by the answer, which knows whether the caller was told of it meanwhile
     */
    private Uni<Opened> became(Connection row, Deadline deadline, Function<CreationAnswer, Uni<Opened>> work) {
        return CreationAnswer.of(
                deadline.left(), work, () -> new Opened(row, seal.open(row), ManagedCredentials.inDoubt(row)));
    }

    /** A connection that somebody uses by now stays, as an ordinary one with the password that it was made with. */
    private Uni<Boolean> uncreate(UUID id, Begun begun, Credentials credentials) {
        return Panache.withTransaction(() -> store.lock(id)
                .chain(row -> row == null
                        ? Uni.createFrom().item(false)
                        : managed.undo(row, begun)
                                .call(undone -> undone
                                        ? uses(id).chain(uses -> {
                                            if (uses.isEmpty()) {
                                                return store.deleteLocked(row).replaceWithVoid();
                                            }
                                            seal.keep(row, credentials);
                                            return Uni.createFrom().voidItem();
                                        })
                                        : Uni.createFrom().voidItem())));
    }

    /**
     * Gives the role its first password. If that definitely came to nothing, what this request has written is taken back; if another
     * request was luckier with the role since, there is nothing to take back, and nothing has failed.
     *
     * @param undo takes back what was written, if it is still there; says whether
     */
    private Uni<Void> takenOver(Begun begun, ConnectionAudit.Act act, Deadline deadline, Supplier<Uni<Boolean>> undo) {
        return managed.takeOver(begun, act, deadline)
                .replaceWithVoid()
                .onFailure(Problem.class)
                .recoverWithUni(failure -> undo.get()
                        .chain(undone -> undone
                                ? deadline.stillAllowed()
                                        .chain(() -> Uni.createFrom().failure(failure))
                                : Uni.createFrom().voidItem()));
    }

    /** What is answered when management has begun: never a connection that another request has taken out of it meanwhile. */
    private Uni<Opened> managedStill(UUID id) {
        return store.byId(id)
                .onItem()
                .ifNull()
                .failWith(() -> notFound(id))
                .invoke(row -> {
                    if (!row.platformManaged) {
                        throw changedMeanwhile();
                    }
                })
                .chain(this::opened);
    }

    private Connection row(New wanted, Optional<Project> project) {
        Connection row = new Connection();
        row.id = UUID.randomUUID();
        row.project = project.orElse(null);
        row.name = wanted.name();
        row.description = wanted.description();
        row.version = 1;
        row.createdAt = now();
        row.updatedAt = row.createdAt;
        proven(row); // before it is stored
        return row;
    }

    /**
     * What a PATCH changes; null leaves a thing as it is.
     *
     * @param description empty to remove it, null to keep it
     * @param managed true to begin with it; it ends by a release only
     * @param anotherServer whether it is said that the credentials lead to another server, be it where they led before, and passwords are to
     *     be changed there
     */
    record Change(
            String name,
            Optional<String> description,
            CredentialsForm credentials,
            Boolean managed,
            boolean allowPrivileged,
            boolean anotherServer,
            Wanted schedule,
            IfMatch seen) {}

    /** Another one after each edit; a new password of a managed connection is none. */
    static String etag(Connection row) {
        return "\"" + row.id + "-" + row.version + "\"";
    }

    private static void requireSeen(Connection row, Change change) {
        Map<String, Object> current = new LinkedHashMap<>();
        current.put("name", row.name);
        current.put("description", row.description);
        current.put("isPlatformManagedCredentials", row.platformManaged);
        current.put("version", row.version);
        change.seen().require(etag(row), current);
    }

    Uni<Opened> change(ConnectionAudit.Act act, UUID id, Change change, Deadline deadline) {
        Uni<Opened> changed = existing(act.caller(), id, Right.CONNECTION_EDIT)
                .chain(before -> {
                    requireSeen(before, change); // again under the lock; here before a server is asked
                    Deadline asking = act.asking(deadline, requires(Right.CONNECTION_EDIT, before));
                    Supplier<Uni<Opened>> work = () -> changed(act, before, change, asking);
                    return change.credentials() == null && !change.anotherServer()
                            ? work.get()
                            : limits.counted(RateLimits.Kind.TEST, act.caller(), "change " + id, work);
                })
                .onFailure(StoreFault::isUniqueViolation)
                .transform(clash -> nameTaken(change.name()));
        return audit.failures(changed, act, AuditType.UPDATE_APP_CONNECTION, null, id.toString());
    }

    private Uni<Opened> changed(ConnectionAudit.Act act, Connection before, Change change, Deadline deadline) {
        Credentials sent = credentials(before, change);
        boolean same = sent != null
                && !Boolean.TRUE.equals(change.managed())
                && Boolean.TRUE.equals(before.testOk)
                && seal.holds(before, sent);
        boolean confirms = change.anotherServer() && !before.platformManaged && (sent == null || same);
        // What is stored has been proven: a client that sends it with every change needs the server for nothing.
        Credentials credentials = confirms ? seal.open(before) : same ? null : sent;
        Uni<Void> nameChecked = change.name() == null || change.name().equals(before.name)
                ? Uni.createFrom().voidItem()
                : nameIsFree(act.caller(), change.name(), before.projectId());
        return nameChecked
                .chain(() -> mayMove(act, before.id, move(before, credentials, change)))
                .chain(() -> before.platformManaged && change.credentials() != null
                        ? sentAgain(act, before, change.credentials().resolve(seal.open(before)), deadline)
                        : Uni.createFrom().voidItem())
                .chain(() -> Boolean.TRUE.equals(change.managed()) && !before.platformManaged
                        ? targets.admitted(
                                credentials.login(),
                                Errand.CHANGE,
                                deadline,
                                own -> changeToManaged(act, before, change, credentials, own))
                        : changeRow(act, before, change, credentials, deadline, same));
    }

    /** @return what to log in with from now on, or null to leave that as it is */
    private Credentials credentials(Connection before, Change change) {
        if (Boolean.TRUE.equals(change.managed()) && change.credentials() == null) {
            throw Problem.of(
                    ErrorCode.CREDENTIALS_REQUIRED,
                    "isPlatformManagedCredentials: true replaces the password of the role. Send credentials in the same"
                            + " request, complete with the password that the role has now.");
        }
        Credentials stored = seal.open(before);
        Credentials sent =
                change.credentials() == null ? null : change.credentials().resolve(stored);
        if (!before.platformManaged) {
            if (!Boolean.TRUE.equals(change.managed())) {
                refuseSchedule(change.schedule());
            }
            return sent;
        }
        if (Boolean.FALSE.equals(change.managed())) {
            throw Problem.of(
                    ErrorCode.CREDENTIALS_ARE_MANAGED,
                    "The password of this connection is managed. Release it to manage it yourself: POST …/release.");
        }
        if (sent != null && !sent.leadsWhere(stored)) {
            throw Problem.of(
                    ErrorCode.CREDENTIALS_ARE_MANAGED,
                    "The credentials of this connection are managed and cannot be edited. Release it first: POST …/release.");
        }
        return null; // the password is a version of the managed role
    }

    /**
     * A password that is sent for a managed connection is tried where it is another one than was sent before, or where something is wrong
     * with the role: if it opens the role, a human knows better than we, and it is the current one from then on. What Terraform repeats is
     * no reason to refuse anything.
     */
    private Uni<Void> sentAgain(ConnectionAudit.Act act, Connection before, Credentials sent, Deadline deadline) {
        boolean repeated = seal.repeats(before, sent);
        return (repeated ? managed.troubled(before.id) : Uni.createFrom().item(true))
                .chain(tried -> !tried
                        ? Uni.createFrom().voidItem()
                        : provenLogin(sent, deadline)
                                .map(report -> true)
                                .onFailure(failure -> repeated && failure instanceof ConnectionTestFailed)
                                .recoverWithItem(false)
                                .chain(opens -> opens
                                        ? managed.adopt(before.id, sent, act, deadline)
                                                .chain(() -> remember(before.id, sent))
                                        : Uni.createFrom().voidItem()));
    }

    private Uni<Void> remember(UUID id, Credentials sent) {
        return Panache.withTransaction(() -> store.lock(id).invoke(row -> {
                    if (row != null) {
                        seal.remember(row, sent);
                    }
                }))
                .replaceWithVoid();
    }

    static void refuseSchedule(Wanted schedule) {
        if (Boolean.TRUE.equals(schedule.auto())) {
            throw ValidationProblem.at(
                    List.of("isAutoRotationEnabled"),
                    "invalid_literal",
                    "Must be false or absent unless isPlatformManagedCredentials is true");
        }
        if (schedule.schedule() != null) {
            throw ValidationProblem.at(
                    List.of("rotation"),
                    "invalid_type",
                    "Must be null or absent unless isPlatformManagedCredentials is true");
        }
        if (schedule.lookMinutes() != null) {
            throw ValidationProblem.at(
                    List.of("lookIntervalMinutes"),
                    "invalid_type",
                    "Must be null or absent unless isPlatformManagedCredentials is true");
        }
    }

    private Uni<Opened> changeRow(
            ConnectionAudit.Act act,
            Connection before,
            Change change,
            @Nullable Credentials credentials,
            Deadline deadline,
            boolean same) {
        Uni<@Nullable TargetReport> proven =
                credentials == null ? Uni.createFrom().nullItem() : provenLogin(credentials, deadline);
        return proven.chain(report -> ground(before, credentials, report, change, deadline)
                .chain(ground -> act.again(requires(Right.CONNECTION_EDIT, before))
                        .chain(now -> Panache.withTransaction(() -> locked(
                                        now, before, same || credentials != null, change)
                                .chain(row -> {
                                    Uni<Void> led = report == null
                                            ? Uni.createFrom().voidItem()
                                            : led(
                                                            now,
                                                            row,
                                                            before,
                                                            credentials,
                                                            server(report, credentials),
                                                            report,
                                                            move(before, credentials, change),
                                                            ground)
                                                    .replaceWithVoid();
                                    return led.chain(() -> {
                                                Changes changes = apply(row, change);
                                                changed(before, credentials, changes);
                                                if (report != null) {
                                                    proven(row);
                                                }
                                                return (row.platformManaged
                                                                        && !change.schedule()
                                                                                .isEmpty()
                                                                ? managed.schedule(
                                                                        row.id, change.schedule(), now(), changes)
                                                                : Uni.createFrom()
                                                                        .voidItem())
                                                        .replaceWith(changes);
                                            })
                                            .chain(changes -> updated(
                                                    now,
                                                    row,
                                                    credentials != null,
                                                    change.credentials() != null && !same,
                                                    move(before, credentials, change),
                                                    ground,
                                                    changes));
                                })))));
    }

    /** What a move of the connection rests on; null where it stays where it is. */
    private Uni<@Nullable Ground> ground(
            Connection before,
            @Nullable Credentials credentials,
            @Nullable TargetReport report,
            Change change,
            Deadline deadline) {
        return report == null || !move(before, credentials, change).changed()
                ? Uni.createFrom().nullItem()
                : moves.ground(
                        before.id, seal.login(before), credentials.login(), report, change.anotherServer(), deadline);
    }

    /**
     * Writes down where a connection leads from now on and as whom it logs in, which must make nobody's password stop working: neither its
     * own, nor that of somebody else who logs in as a role that is changed through it.
     *
     * @param row locked by the running transaction
     * @param report of the login with the credentials
     * @param move what that does to where it leads
     * @param ground what the move rests on; null where there is none
     * @return what was moved with it
     */
    private Uni<Moved> led(
            ConnectionAudit.Act act,
            Connection row,
            Connection before,
            Credentials credentials,
            RoleServer server,
            TargetReport report,
            Move move,
            @Nullable Ground ground) {
        Credentials stored = seal.open(before);
        boolean elsewhere = !sameServer(stored, credentials);
        boolean another = elsewhere || !stored.username().equals(credentials.username());
        Sight sight = CallerSight.of(act.caller());
        return mayMove(act, row.id, move) // others may have begun to use it meanwhile
                .chain(() -> another
                        ? roles.holdNamesOf(row.id, credentials.username())
                        : Uni.createFrom().voidItem())
                .invoke(() -> {
                    seal.put(row, credentials);
                    logins.note(row, server, credentials.username(), byScram(report));
                })
                .chain(Panache::flush) // who is asked next reads it
                .chain(() -> another
                        ? loginUse.requireUnmanaged(credentials.username(), server, row.id, sight)
                        : Uni.createFrom().voidItem())
                .chain(() -> elsewhere
                        ? roles.move(row.id, server, sight)
                        : Uni.createFrom().item(new Moved(Map.of())))
                .call(() -> ground == null ? Uni.createFrom().voidItem() : moves.require(row.id, ground));
    }

    /** A role whose password definitely was not changed leaves the connection as it was. */
    private Uni<Opened> changeToManaged(
            ConnectionAudit.Act act, Connection before, Change change, Credentials credentials, Deadline deadline) {
        return provenLogin(credentials, deadline)
                .chain(report -> managed.prepare(
                                before.id,
                                report,
                                credentials,
                                change.allowPrivileged(),
                                CallerSight.of(act.caller()),
                                deadline)
                        .chain(start -> ground(before, credentials, report, change, deadline)
                                .chain(ground -> act.again(requires(Right.CONNECTION_EDIT, before))
                                        .chain(now -> Panache.withTransaction(() -> locked(now, before, true, change)
                                                .chain(row -> led(
                                                                now,
                                                                row,
                                                                before,
                                                                credentials,
                                                                start.server(),
                                                                report,
                                                                move(before, credentials, change),
                                                                ground)
                                                        .chain(moved -> {
                                                            Changes changes = apply(row, change);
                                                            changed(before, credentials, changes);
                                                            changes.put("isPlatformManagedCredentials", true);
                                                            changes.put(
                                                                    "isAutoRotationEnabled",
                                                                    Boolean.TRUE.equals(change.schedule()
                                                                            .auto()));
                                                            changes.put(
                                                                    "rotation",
                                                                    change.schedule()
                                                                                    .schedule()
                                                                            != null);
                                                            changes.put(
                                                                    "lookIntervalMinutes",
                                                                    change.schedule()
                                                                                    .lookMinutes()
                                                                            != null);
                                                            proven(row);
                                                            return managed.begin(row, start, change.schedule(), now())
                                                                    .call(() -> updated(
                                                                            now,
                                                                            row,
                                                                            true,
                                                                            true,
                                                                            move(before, credentials, change),
                                                                            ground,
                                                                            changes))
                                                                    .map(begun ->
                                                                            new Written(begun, moved, row.version));
                                                        })))))))
                .chain(written -> takenOver(written.begun(), act, deadline, () -> unchange(before, written)))
                .chain(() -> managedStill(before.id));
    }

    /**
     * What this very request has written.
     *
     * @param version of the connection
     */
    private record Written(Begun begun, Moved moved, long version) {}

    private Uni<Boolean> unchange(Connection before, Written written) {
        return Panache.withTransaction(() -> store.lock(before.id)
                .chain(row -> row == null
                        ? Uni.createFrom().item(false)
                        : managed.undo(row, written.begun()).call(undone -> {
                            if (!undone) {
                                return Uni.createFrom().voidItem();
                            }
                            if (row.version == written.version()) { // else somebody has named it anew since
                                row.name = before.name;
                                row.description = before.description;
                            }
                            // Nobody else can have changed these: they cannot be edited while the password is managed.
                            seal.keep(row, seal.open(before));
                            row.credentialsHash = before.credentialsHash;
                            row.loginOf = before.loginOf;
                            row.server = before.server;
                            row.login = before.login;
                            row.loginAddress = before.loginAddress;
                            row.scramOf = before.scramOf;
                            row.version++;
                            row.updatedAt = now();
                            return roles.moveBack(written.moved());
                        })));
    }

    /**
     * Nobody may come to depend on a password that is changed by something else: it works now and dies with the next change. Waits for
     * whoever manages or stores a login of this role at the same moment.
     */
    private Uni<Void> unmanaged(ConnectionAudit.Act act, Connection row, Credentials credentials, TargetReport report) {
        return loginUse.hold(credentials.username())
                .chain(() -> loginUse.requireUnmanaged(
                        credentials.username(), server(report, credentials), row.id, CallerSight.of(act.caller())));
    }

    /** What is sent again unchanged, as Terraform does, makes nothing worse, so nothing is asked. */
    private static boolean sameServer(Credentials stored, Credentials sent) {
        return stored.host().equals(sent.host()) && stored.port() == sent.port();
    }

    private static RoleServer server(TargetReport report, Credentials credentials) {
        return RoleServer.of(report, credentials.login());
    }

    private static boolean byScram(TargetReport report) {
        return report.outcome() instanceof LoginOutcome.Accepted accepted
                && accepted.facts().rule() == PasswordRule.SCRAM;
    }

    private void proven(Connection row) {
        row.testedAt = now();
        row.testOk = true;
        row.testReason = null;
    }

    /** @param credentials whether what was proven rests on the credentials that {@code before} has */
    private Uni<Connection> locked(ConnectionAudit.Act act, Connection before, boolean credentials, Change change) {
        return store.lock(before.id)
                .onItem()
                .ifNull()
                .failWith(() -> notFound(before.id))
                .call(() -> act.again(requires(Right.CONNECTION_EDIT, before))) // the row may have been locked
                .invoke(row -> {
                    requireSeen(row, change);
                    boolean moved = row.credentialsVersion != before.credentialsVersion;
                    if (credentials && moved || row.platformManaged != before.platformManaged) {
                        // What was proven was put together with settings that somebody has replaced since.
                        throw changedMeanwhile();
                    }
                });
    }

    /** @return which fields are another than before */
    private Changes apply(Connection row, Change change) {
        Changes changes = new Changes();
        if (change.name() != null) {
            changes.put("name", row.name, change.name());
            row.name = change.name();
        }
        if (change.description() != null) {
            changes.put("description", row.description, change.description().orElse(null));
            row.description = change.description().orElse(null);
        }
        row.version++;
        row.updatedAt = now();
        return changes;
    }

    private Move move(Connection before, @Nullable Credentials credentials, Change change) {
        if (credentials == null) {
            return Move.NONE;
        }
        Move move = Move.of(seal.open(before), credentials);
        return change.anotherServer() ? move.confirmed() : move;
    }

    /**
     * Refuses who may not read what is sent over the connection, since it would be sent where he says. Asked before anything is done, and
     * again in the transaction that does it, as others may have begun to use the connection meanwhile.
     */
    private Uni<Void> mayMove(ConnectionAudit.Act act, UUID id, Move move) {
        Uni<Void> asked = Uni.createFrom().voidItem();
        if (move.changed()) {
            for (ConnectionUser user : users) { // one session: one at a time
                asked = asked.chain(() -> user.requireMove(act.caller(), id));
            }
        }
        return asked;
    }

    /** @param credentials null where they stay */
    private void changed(Connection before, @Nullable Credentials credentials, Changes changes) {
        if (credentials != null) {
            seal.open(before).changed(credentials, changes);
        }
    }

    /**
     * @param led whether where it leads was looked at anew
     * @param credentials whether others were sent
     */
    private Uni<Opened> updated(
            ConnectionAudit.Act act,
            Connection row,
            boolean led,
            boolean credentials,
            Move move,
            @Nullable Ground ground,
            Changes changes) {
        Map<String, Object> facts = new LinkedHashMap<>(move.facts());
        if (ground != null && ground.confirmed() && !ground.roles().isEmpty()) {
            facts.put("anotherServerConfirmed", true);
        }
        facts.put("credentialsUpdated", credentials);
        facts.put(Changes.FACT, changes.fields());
        return mayMove(act, row.id, move)
                .chain(Panache::flush)
                .call(() -> audit.success(act, AuditType.UPDATE_APP_CONNECTION, row, facts))
                .call(() -> led ? tellUsers(row.id) : Uni.createFrom().voidItem())
                .chain(() -> store.byId(row.id))
                .chain(this::opened);
    }

    /**
     * Deletes a connection that nothing uses.
     *
     * @param discard whether a managed password, of which nobody else has a copy, may go with it
     * @return what it was
     */
    Uni<Opened> delete(ConnectionAudit.Act act, UUID id, boolean discard) {
        Uni<Opened> deleted = existing(act.caller(), id, Right.CONNECTION_DELETE)
                .chain(this::opened)
                .chain(before -> Panache.<Opened>withTransaction(() -> store.lock(id)
                        .onItem()
                        .ifNull()
                        .failWith(() -> notFound(id))
                        .call(() ->
                                act.again(requires(Right.CONNECTION_DELETE, before.row()))) // it may have been locked
                        .chain(row -> uses(id).chain(uses -> {
                            if (!uses.isEmpty()) {
                                throw inUse(uses);
                            }
                            if (row.platformManaged && !discard) {
                                throw Problem.of(
                                        ErrorCode.MANAGED_PASSWORD_WOULD_BE_LOST,
                                        "Nobody else has the password of this connection. Release it first (POST …/release),"
                                                + " or delete with discardManagedPassword=true.");
                            }
                            return managed.discard(id).chain(() -> store.deleteLocked(row));
                        }))
                        .invoke(there -> {
                            if (!there) {
                                throw notFound(id);
                            }
                        })
                        .call(() -> audit.success(act, AuditType.DELETE_APP_CONNECTION, before.row(), Map.of()))
                        .replaceWith(before)))
                .onFailure(
                        StoreFault::isReferenceViolation) // by one that does not hold the connection, as older builds
                .recoverWithUni(() -> uses(id).chain(uses -> Uni.createFrom().failure(inUse(uses))));
        return audit.failures(deleted, act, AuditType.DELETE_APP_CONNECTION, null, id.toString());
    }

    private static String named(List<ConnectionUser.Use> uses) {
        var named = uses.stream()
                .limit(MOST_NAMED)
                .map(use -> use.kind() + " " + use.name() + " (" + use.id() + ")")
                .collect(Collectors.joining(", "));
        return uses.size() > MOST_NAMED ? named + " and " + (uses.size() - MOST_NAMED) + " more" : named;
    }

    private static Problem inUse(List<ConnectionUser.Use> uses) {
        return Problem.of(
                ErrorCode.CONNECTION_IN_USE,
                "This connection is still used by " + named(uses) + ". Delete what uses it first.",
                Map.of("usedBy", uses));
    }

    // ---- The managed password -------------------------------------------------------------------------------------

    /** Gives a managed connection a new password now. */
    <R> Uni<R> rotate(
            ConnectionAudit.Act act,
            UUID id,
            String idempotencyKey,
            Class<R> replyType,
            Function<Opened, R> reply,
            Deadline deadline) {
        Uni<R> rotated = existing(act.caller(), id, Right.CONNECTION_ROTATE)
                .chain(row -> limits.counted(
                        RateLimits.Kind.ROTATE,
                        act.caller(),
                        "connection " + id,
                        () -> idempotency.once(
                                Rights.require(act.caller(), Right.CONNECTION_ROTATE, row.projectId()),
                                idempotencyKey,
                                "rotate-app-connection " + id,
                                new byte[0],
                                replyType,
                                completion -> managed.rotate(
                                                id, act, act.asking(deadline, requires(Right.CONNECTION_ROTATE, row)))
                                        .chain(() -> store.byId(id))
                                        .onItem()
                                        .ifNull()
                                        .failWith(() -> notFound(id))
                                        .chain(this::opened)
                                        .map(reply))));
        return audit.failures(rotated, act, AuditType.ROTATE_APP_CONNECTION, null, id.toString());
    }

    Uni<Opened> verify(ConnectionAudit.Act act, UUID id, Deadline deadline) {
        Uni<Opened> verified = existing(act.caller(), id, Right.CONNECTION_ROTATE)
                .chain(row -> {
                    Deadline asking = act.asking(deadline, requires(Right.CONNECTION_ROTATE, row));
                    return limits.counted(
                                    RateLimits.Kind.TEST, act.caller(), null, () -> managed.verify(id, act, asking))
                            .chain(() -> asking.stillAllowed());
                })
                .chain(() -> store.byId(id))
                .onItem()
                .ifNull()
                .failWith(() -> notFound(id))
                .chain(this::opened);
        return audit.failures(verified, act, AuditType.VERIFY_APP_CONNECTION, null, id.toString());
    }

    /**
     * @param password of the role, from now on the caller's to keep
     * @param proof whether the server takes it
     */
    record Released(Opened connection, String password, Proof proof) {
        @Override
        public String toString() {
            return "Released";
        }
    }

    /**
     * What a login has shown of a password.
     *
     * @param reason, message why it is not proven; null when it is
     */
    record Proof(
            boolean proven,
            @Nullable String reason,
            @Nullable String message) {

        private static Proof of(LoginOutcome outcome) {
            boolean proven = outcome instanceof LoginOutcome.Accepted in
                    ? in.proof().proven()
                    : outcome instanceof LoginOutcome.Refused refused && refused.signed() != null;
            return proven
                    ? new Proof(true, null, null)
                    : outcome instanceof LoginOutcome.Accepted
                            ? new Proof(
                                    false,
                                    "password_not_proven",
                                    "The server let the role in, but not visibly because of its password.")
                            : new Proof(false, outcome.code(), (outcome.message() + " " + outcome.wayOut()).strip());
        }
    }

    /** @param password with which it was tried */
    private record Tried(String password, Proof proof) {
        @Override
        public String toString() {
            return "Tried[" + proof + "]";
        }
    }

    /** What a login shows of the password that would be given out; the way out is there when the server is gone, too. */
    private Uni<Tried> tried(ConnectionAudit.Act act, Connection row, Deadline deadline) {
        return managed.login(row)
                .chain(login -> limits.counted(
                                RateLimits.Kind.TEST,
                                act.caller(),
                                null,
                                () -> targets.login(login, deadline.within(TIME_FOR_A_PROOF)))
                        .map(outcome -> new Tried(login.password(), Proof.of(outcome))));
    }

    /**
     * Hands out the password of a managed connection, which is an ordinary one with it from then on, and says whether its server takes it.
     * Repeatable until it changes.
     */
    Uni<Released> release(ConnectionAudit.Act act, UUID id, Deadline deadline) {
        Uni<Released> released = existing(act.caller(), id, Right.CONNECTION_RELEASE)
                .chain(before -> tried(act, before, deadline))
                .chain(tried -> Panache.withTransaction(() -> store.lock(id)
                        .onItem()
                        .ifNull()
                        .failWith(() -> notFound(id))
                        .call(row -> act.again(requires(Right.CONNECTION_RELEASE, row))) // the row may have been locked
                        .chain(row -> {
                            boolean first = row.platformManaged;
                            return managed.release(row, now()).chain(password -> {
                                Proof proof = password.equals(tried.password)
                                        ? tried.proof
                                        : new Proof(
                                                false,
                                                ErrorCode.CHANGED_MEANWHILE.code(),
                                                "The password was changed at the same moment: test the connection.");
                                if (first) {
                                    row.version++;
                                    row.updatedAt = now();
                                }
                                return Panache.flush()
                                        .call(() -> audit.success(
                                                act,
                                                AuditType.RELEASE_APP_CONNECTION,
                                                row,
                                                Map.of("repeated", !first, "proven", proof.proven)))
                                        .chain(() -> store.byId(id))
                                        .map(after -> new Released(
                                                new Opened(after, seal.open(after), null), password, proof));
                            });
                        })));
        return audit.failures(released, act, AuditType.RELEASE_APP_CONNECTION, null, id.toString());
    }

    // ---- Testing --------------------------------------------------------------------------------------------------

    /** Tests credentials without keeping them. A refused login is a report, not an error. */
    Uni<TargetReport> test(
            ConnectionAudit.Act act, CredentialsForm form, List<String> roles, String project, Deadline deadline) {
        Credentials credentials = form.resolve(null);
        return project(act.caller(), project, Right.CONNECTION_TEST).chain(found -> {
            UUID projectId = found.map(p -> p.id).orElse(null);
            Rights.require(act.caller(), Right.CONNECTION_TEST, projectId);
            Deadline asking = act.asking(deadline, who -> Rights.require(who, Right.CONNECTION_TEST, projectId));
            return limits.counted(
                            RateLimits.Kind.TEST,
                            act.caller(),
                            null,
                            () -> examined(credentials.login(), roles, asking))
                    .call(report -> audit.tested(act, found.orElse(null), report))
                    .call(() -> asking.stillAllowed());
        });
    }

    Uni<TargetReport> testStored(ConnectionAudit.Act act, UUID id, List<String> roles, Deadline deadline) {
        return existing(act.caller(), id, Right.CONNECTION_TEST).chain(row -> {
            Deadline asking = act.asking(deadline, requires(Right.CONNECTION_TEST, row));
            Uni<Tested> done = limits.counted(
                    RateLimits.Kind.TEST,
                    act.caller(),
                    null,
                    () -> managed.login(row)
                            .chain(login -> examined(login, roles, asking)
                                    .map(report -> new Tested(report, traces(report, login)))));
            return done.call(tested -> audit.testedStored(
                            act,
                            row,
                            tested.report(),
                            ConnectionStore.TESTED,
                            ConnectionStore.tested(
                                    row,
                                    now(),
                                    tested.report().ok(),
                                    reason(tested.report()),
                                    tested.traces(),
                                    byScram(tested.report()))))
                    .call(() -> asking.stillAllowed())
                    .map(Tested::report);
        });
    }

    /** @param traces null when the login did not come so far */
    private record Tested(TargetReport report, ConnectionLogins.@Nullable Traces traces) {}

    private ConnectionLogins.@Nullable Traces traces(TargetReport report, Login login) {
        return report.server() == null ? null : logins.traces(RoleServer.of(report, login), login.role());
    }

    private static String reason(TargetReport report) {
        TestReport.Failure failure = TestReport.failure(report);
        return failure == null ? null : failure.reason();
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    /**
     * @param right that the caller is going to use
     * @return the id of an existing project that the caller may see, or null for null
     */
    Uni<UUID> projectId(Caller caller, String id, Right right) {
        return project(caller, id, right).map(found -> found.map(p -> p.id).orElse(null));
    }

    private Uni<Optional<Project>> project(Caller caller, String id, Right right) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(caller, right);
            return id == null
                    ? Uni.createFrom().item(Optional.empty())
                    : projects.known(caller, id).map(Optional::of);
        });
    }

    private Uni<Connection> existing(Caller caller, UUID id, Right right) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(caller, right);
            return store.byId(id)
                    .onItem()
                    .ifNull()
                    .failWith(() -> notFound(id))
                    .invoke(row -> requires(right, row).accept(caller));
        });
    }

    /** Throws for who may not do this with the connection, or not any more. */
    private static Consumer<Caller> requires(Right right, Connection row) {
        UUID id = row.id;
        UUID project = row.projectId();
        return who -> {
            Rights.reach(who, right);
            Rights.requireOn(who, right, Right.CONNECTION_READ, project, () -> notFound(id));
        };
    }

    private Uni<Void> nameIsFree(Caller caller, String name, UUID project) {
        return store.byName(name, project)
                .invoke(other -> {
                    if (other != null) {
                        throw nameTaken(caller, other);
                    }
                })
                .replaceWithVoid();
    }

    /** Logs in for real. Fails with 400 and the reason when the target refuses or cannot be reached. */
    private Uni<TargetReport> provenLogin(Credentials credentials, Deadline deadline) {
        return examined(credentials.login(), List.of(), deadline)
                .call(() -> deadline.stillAllowed())
                .invoke(report -> {
                    if (!report.ok()) {
                        throw ConnectionTestFailed.of(report, credentials.password());
                    }
                });
    }

    /** In its turn; fails with 429 if that does not come in time. */
    private Uni<TargetReport> examined(Login login, List<String> roles, Deadline deadline) {
        return targets.admitted(login, Errand.LOOK, deadline, own -> targets.examine(login, roles, own));
    }

    private Uni<Void> tellUsers(UUID id) {
        Uni<Void> told = Uni.createFrom().voidItem();
        for (ConnectionUser user : users) { // one session: one at a time
            told = told.chain(() -> user.changed(id));
        }
        return told;
    }

    private Uni<List<ConnectionUser.Use>> uses(UUID id) {
        List<Supplier<Uni<? extends List<ConnectionUser.Use>>>> questions = new ArrayList<>();
        users.forEach(user -> questions.add(() -> user.uses(id)));
        Uni<List<ConnectionUser.Use>> all = Uni.createFrom().item(List.of());
        for (Supplier<Uni<? extends List<ConnectionUser.Use>>> question : questions) { // one session: one at a time
            all = all.chain(before -> question.get().map(more -> {
                List<ConnectionUser.Use> together = new ArrayList<>(before);
                together.addAll(more);
                return together;
            }));
        }
        return all;
    }

    private static Slice<Connection> slice(Page page, List<Connection> rows) {
        return page.cut(rows, row -> row.name, row -> row.id);
    }

    private Uni<Opened> opened(Connection row) {
        return managed.of(row).map(found -> new Opened(row, seal.open(row), found));
    }

    /** Milliseconds: what the wire shows is then exactly what is stored. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    private static Problem notFound(UUID id) {
        return Problem.of(ErrorCode.CONNECTION_NOT_FOUND, "There is no connection with the id " + id + ".");
    }

    private static Problem changedMeanwhile() {
        return Problem.of(
                ErrorCode.CHANGED_MEANWHILE,
                "The credentials of this connection were changed by another request at the same time. Read it again and"
                        + " repeat the change.");
    }

    /** Another was quicker with the name. */
    private <T> Uni<T> nameTaken(Caller caller, String name, UUID project) {
        return store.byName(name, project)
                .chain(other -> Uni.createFrom().failure(other == null ? nameTaken(name) : nameTaken(caller, other)));
    }

    /** With the id, if the caller may see what has the name: it may be his own, of which he was not told. */
    private static Problem nameTaken(Caller caller, Connection other) {
        return Rights.allows(caller, Right.CONNECTION_READ, other.projectId())
                ? Problem.of(
                        ErrorCode.NAME_TAKEN,
                        "A connection named " + other.name + " exists already: " + other.id + ".",
                        Map.of("id", other.id))
                : nameTaken(other.name);
    }

    private static Problem nameTaken(String name) {
        return Problem.of(ErrorCode.NAME_TAKEN, "A connection named " + name + " exists already.");
    }
}
