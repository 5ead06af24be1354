package io.rolewright.connection;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.Caller;
import io.rolewright.access.Project;
import io.rolewright.access.Projects;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditType;
import io.rolewright.connection.ConnectionStore.Scope;
import io.rolewright.idempotency.Completion;
import io.rolewright.idempotency.Idempotency;
import io.rolewright.problem.Problem;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.rolewright.target.TargetReport;
import io.rolewright.target.Targets;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What may be done with connections, and in which order.
 *
 * <p>Everything that can be refused without the target is refused before the first packet to it; a store transaction is
 * opened only after the target has answered; what was done, and what failed, is audited.
 */
@ApplicationScoped
class Connections {

    private final ConnectionStore store;
    private final ConnectionSeal seal;
    private final ConnectionAudit audit;
    private final Projects projects;
    private final Targets targets;
    private final Idempotency idempotency;
    private final Instance<ConnectionUser> users;
    private final Clock clock;

    Connections(
            ConnectionStore store,
            ConnectionSeal seal,
            ConnectionAudit audit,
            Projects projects,
            Targets targets,
            Idempotency idempotency,
            Instance<ConnectionUser> users,
            Clock clock) {
        this.store = store;
        this.seal = seal;
        this.audit = audit;
        this.projects = projects;
        this.targets = targets;
        this.idempotency = idempotency;
        this.users = users;
        this.clock = clock;
    }

    /** A row and what it holds, for as long as an answer is made of it. */
    record Opened(Connection row, Credentials credentials) {}

    // ---- Reading --------------------------------------------------------------------------------------------------

    /** Opens every row, which is off the event loop: ten thousand of them take tens of milliseconds. */
    Uni<Slice<Opened>> list(Caller caller, Scope scope, UUID project, Page page) {
        return store.list(scope, project, Rights.reach(caller, Right.CONNECTION_READ), page)
                .emitOn(Infrastructure.getDefaultWorkerPool())
                .map(rows -> slice(page, rows).map(this::opened));
    }

    /** What may be used in a rotation; it shows names only, so nothing is opened. */
    Uni<Slice<Connection>> available(Caller caller, Scope scope, UUID project, Page page) {
        return store.list(scope, project, Rights.reach(caller, Right.CONNECTION_CONNECT), page)
                .map(rows -> slice(page, rows));
    }

    Uni<Opened> get(Caller caller, UUID id) {
        return existing(caller, id, Right.CONNECTION_READ).map(this::opened);
    }

    Uni<Opened> getByName(Caller caller, String name, UUID project) {
        Supplier<Problem> notThere = () -> Problem.of(
                404,
                "connection_not_found",
                "There is no connection named " + name
                        + (project == null ? " in the organisation." : " in project " + project + "."));
        Rights.reach(caller, Right.CONNECTION_READ);
        return store.byName(name, project)
                .onItem()
                .ifNull()
                .failWith(notThere)
                .invoke(row -> Rights.requireOn(
                        caller, Right.CONNECTION_READ, Right.CONNECTION_READ, row.projectId(), notThere))
                .map(this::opened);
    }

    /** Who uses a connection, and would break without it. */
    Uni<List<ConnectionUser.Use>> usage(Caller caller, UUID id) {
        return existing(caller, id, Right.CONNECTION_READ).chain(row -> uses(row.id));
    }

    // ---- Changing -------------------------------------------------------------------------------------------------

    /** @param project the id of the project as the caller wrote it; null for a connection of the organisation */
    record New(String name, String description, String project, CredentialsForm credentials) {}

    <R> Uni<R> create(
            ConnectionAudit.Act act,
            New wanted,
            String idempotencyKey,
            byte[] request,
            Class<R> replyType,
            Function<Opened, R> reply,
            Deadline deadline) {
        Credentials credentials = wanted.credentials().resolve(null);
        Uni<R> created = project(act.caller(), wanted.project(), Right.CONNECTION_CREATE)
                .chain(project -> {
                    Rights.require(
                            act.caller(),
                            Right.CONNECTION_CREATE,
                            project.map(p -> p.id).orElse(null));
                    return idempotency.once(
                            act.caller().id(),
                            idempotencyKey,
                            "create-app-connection",
                            request,
                            replyType,
                            completion -> createOnce(act, wanted, project, credentials, completion, reply, deadline));
                });
        return audit.failures(created, act, AuditType.CREATE_APP_CONNECTION, wanted.project(), wanted.name());
    }

    private <R> Uni<R> createOnce(
            ConnectionAudit.Act act,
            New wanted,
            Optional<Project> project,
            Credentials credentials,
            Completion completion,
            Function<Opened, R> reply,
            Deadline deadline) {
        UUID projectId = project.map(p -> p.id).orElse(null);
        return nameIsFree(wanted.name(), projectId)
                .chain(() -> provenLogin(credentials, deadline))
                .chain(() -> Panache.withTransaction(() -> {
                    Connection row = new Connection();
                    row.id = UUID.randomUUID();
                    row.project = project.orElse(null);
                    row.name = wanted.name();
                    row.description = wanted.description();
                    row.version = 1;
                    row.createdAt = now();
                    row.updatedAt = row.createdAt;
                    seal.put(row, credentials);
                    R answer = reply.apply(new Opened(row, credentials));
                    return store.insert(row)
                            .call(() -> audit.success(act, AuditType.CREATE_APP_CONNECTION, row, Map.of()))
                            .call(() -> completion.store(answer))
                            .replaceWith(answer);
                }))
                .onFailure(StoreFault::isUniqueViolation)
                .transform(clash -> nameTaken(wanted.name()));
    }

    /**
     * What a PATCH changes; null leaves a thing as it is.
     *
     * @param description empty to remove it, null to keep it
     */
    record Change(String name, Optional<String> description, CredentialsForm credentials) {}

    Uni<Opened> change(ConnectionAudit.Act act, UUID id, Change change, Deadline deadline) {
        Uni<Opened> changed = existing(act.caller(), id, Right.CONNECTION_EDIT).chain(before -> {
            Credentials credentials =
                    change.credentials() == null ? null : change.credentials().resolve(seal.open(before));
            Uni<Void> nameChecked = change.name() == null || change.name().equals(before.name)
                    ? Uni.createFrom().voidItem()
                    : nameIsFree(change.name(), before.project == null ? null : before.project.id);
            Uni<Void> proven = credentials == null ? Uni.createFrom().voidItem() : provenLogin(credentials, deadline);
            return nameChecked
                    .chain(() -> proven)
                    .chain(() -> Panache.withTransaction(() -> apply(act, before, change, credentials)))
                    .onFailure(StoreFault::isUniqueViolation)
                    .transform(clash -> nameTaken(change.name()));
        });
        return audit.failures(changed, act, AuditType.UPDATE_APP_CONNECTION, null, id.toString());
    }

    private Uni<Opened> apply(ConnectionAudit.Act act, Connection before, Change change, Credentials credentials) {
        return store.lock(before.id)
                .onItem()
                .ifNull()
                .failWith(() -> notFound(before.id))
                .chain(row -> {
                    if (credentials != null && row.credentialsVersion != before.credentialsVersion) {
                        // What was proven was put together with settings that somebody has replaced since.
                        throw Problem.of(
                                400,
                                "changed_meanwhile",
                                "The credentials of this connection were changed by another request at the same time."
                                        + " Read it again and repeat the change.");
                    }
                    if (change.name() != null) {
                        row.name = change.name();
                    }
                    if (change.description() != null) {
                        row.description = change.description().orElse(null);
                    }
                    if (credentials != null) {
                        seal.put(row, credentials);
                    }
                    row.version++;
                    row.updatedAt = now();
                    Uni<Void> written = Panache.flush()
                            .call(() -> audit.success(
                                    act,
                                    AuditType.UPDATE_APP_CONNECTION,
                                    row,
                                    Map.of("credentialsUpdated", credentials != null)));
                    return written.chain(() -> store.byId(row.id)).map(after -> opened(after));
                });
    }

    /** Deletes a connection that nothing uses. @return what it was */
    Uni<Opened> delete(ConnectionAudit.Act act, UUID id) {
        Uni<Opened> deleted = existing(act.caller(), id, Right.CONNECTION_DELETE)
                .chain(before -> Panache.<Connection>withTransaction(() -> store.lock(id)
                        .onItem()
                        .ifNull()
                        .failWith(() -> notFound(id))
                        .chain(row -> uses(id).chain(uses -> {
                            if (!uses.isEmpty()) {
                                throw Problem.of(
                                        400,
                                        "connection_in_use",
                                        "This connection is still used. Delete what uses it first.",
                                        Map.of("usedBy", uses));
                            }
                            return store.delete(row);
                        }))
                        .call(() -> audit.success(act, AuditType.DELETE_APP_CONNECTION, before, Map.of()))
                        .replaceWith(before)))
                .map(this::opened);
        return audit.failures(deleted, act, AuditType.DELETE_APP_CONNECTION, null, id.toString());
    }

    // ---- Testing --------------------------------------------------------------------------------------------------

    /** Tests credentials without keeping them. A refused login is a report, not an error. */
    Uni<TargetReport> test(
            ConnectionAudit.Act act, CredentialsForm form, List<String> roles, String project, Deadline deadline) {
        Credentials credentials = form.resolve(null);
        return project(act.caller(), project, Right.CONNECTION_TEST).chain(found -> {
            Rights.require(
                    act.caller(), Right.CONNECTION_TEST, found.map(p -> p.id).orElse(null));
            return targets.examine(credentials.login(), roles, deadline)
                    .call(report -> audit.tested(act, null, found.orElse(null), report));
        });
    }

    Uni<TargetReport> testStored(ConnectionAudit.Act act, UUID id, List<String> roles, Deadline deadline) {
        return existing(act.caller(), id, Right.CONNECTION_TEST)
                .chain(row -> targets.examine(seal.open(row).login(), roles, deadline)
                        .call(report -> audit.tested(act, row, row.project, report)));
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
            return id == null ? Uni.createFrom().item(Optional.empty()) : existingProject(caller, id);
        });
    }

    private Uni<Optional<Project>> existingProject(Caller caller, String id) {
        return projects.find(caller, id).invoke(found -> {
            if (found.isEmpty()) {
                throw Problem.of(400, "project_not_found", "There is no project with the id " + id + ".");
            }
        });
    }

    private Uni<Connection> existing(Caller caller, UUID id, Right right) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(caller, right);
            return store.byId(id)
                    .onItem()
                    .ifNull()
                    .failWith(() -> notFound(id))
                    .invoke(row -> Rights.requireOn(
                            caller, right, Right.CONNECTION_READ, row.projectId(), () -> notFound(id)));
        });
    }

    private Uni<Void> nameIsFree(String name, UUID project) {
        return store.byName(name, project)
                .invoke(other -> {
                    if (other != null) {
                        throw nameTaken(name);
                    }
                })
                .replaceWithVoid();
    }

    /** Logs in for real. Fails with 400 and the reason when the target refuses or cannot be reached. */
    private Uni<Void> provenLogin(Credentials credentials, Deadline deadline) {
        return targets.examine(credentials.login(), List.of(), deadline)
                .invoke(report -> {
                    if (!report.ok()) {
                        throw ConnectionTestFailed.of(report);
                    }
                })
                .replaceWithVoid();
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

    private Opened opened(Connection row) {
        return new Opened(row, seal.open(row));
    }

    /** Milliseconds: what the wire shows is then exactly what is stored. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    private static Problem notFound(UUID id) {
        return Problem.of(404, "connection_not_found", "There is no connection with the id " + id + ".");
    }

    private static Problem nameTaken(String name) {
        return Problem.of(400, "name_taken", "A connection named " + name + " exists already.");
    }
}
