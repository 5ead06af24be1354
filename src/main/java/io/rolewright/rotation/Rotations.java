package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.Caller;
import io.rolewright.access.PagesByStatus;
import io.rolewright.access.Project;
import io.rolewright.access.Projects;
import io.rolewright.access.RateLimits;
import io.rolewright.access.Reach;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.audit.PasswordReaders;
import io.rolewright.connection.CallerSight;
import io.rolewright.connection.ConnectionDirectory;
import io.rolewright.credential.Cause;
import io.rolewright.credential.ChangeOutcome;
import io.rolewright.credential.CredentialStatus;
import io.rolewright.credential.DriftPolicy;
import io.rolewright.credential.ManagedRoles;
import io.rolewright.credential.NotChanged;
import io.rolewright.credential.PasswordChanges;
import io.rolewright.credential.PasswordPolicies;
import io.rolewright.credential.PasswordRequirements;
import io.rolewright.credential.Plan;
import io.rolewright.credential.Revoking;
import io.rolewright.credential.RoleServer;
import io.rolewright.credential.RoleStatus;
import io.rolewright.credential.Strategy;
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
import io.rolewright.rotation.RotationAudit.Act;
import io.rolewright.rotation.RotationWire.ChangedRotation;
import io.rolewright.rotation.RotationWire.NewRotation;
import io.rolewright.store.StoreFault;
import io.rolewright.target.Deadline;
import io.rolewright.target.Errand;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What may be done with rotations, and in which order.
 *
 * <p>Everything that can be refused without the target is refused before the first packet to it. A rotation is written down before its
 * first password is made, so that whatever becomes of this process, somebody finds it and goes on.
 */
@ApplicationScoped
class Rotations {

    /** Within that time the creation of a rotation is over, or its process is gone. Then due work goes on with it. */
    private static final Duration CREATION = Duration.ofSeconds(60);

    /** A moment that a caller meant as now. */
    private static final Duration CLOCKS_DIFFER = Duration.ofMinutes(5);

    /** Nobody plans a rotation further ahead than the longest interval. */
    private static final Duration FURTHEST = Duration.ofDays(366);

    /** Who waits for the answer of somebody else's request has to answer in time himself. */
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(1);

    private static final PagesByStatus.Statuses STATUSES = new PagesByStatus.Statuses(
            CredentialStatus.NOT_WELL,
            CredentialStatus.well("t"),
            Set.of(CredentialStatus.OK, CredentialStatus.MANUAL));

    private static final Logger log = Logger.getLogger(Rotations.class);

    private final RotationStore store;
    private final PagesByStatus byStatus;
    private final RotationSearch search;
    private final RotationTurn turn;
    private final RotationEnd end;
    private final Preflights preflights;
    private final PasswordReaders readers;
    private final PasswordPolicies policies;
    private final RotationAudit audit;
    private final ServedNames names;
    private final Projects projects;
    private final ConnectionDirectory connections;
    private final ManagedRoles roles;
    private final PasswordChanges changes;
    private final VaultDeliveries vault;
    private final RateLimits limits;
    private final Idempotency idempotency;
    private final UnansweredCreations creations;
    private final Clock clock;

    Rotations(
            RotationStore store,
            PagesByStatus byStatus,
            RotationSearch search,
            RotationTurn turn,
            RotationEnd end,
            Preflights preflights,
            PasswordReaders readers,
            PasswordPolicies policies,
            RotationAudit audit,
            ServedNames names,
            Projects projects,
            ConnectionDirectory connections,
            ManagedRoles roles,
            PasswordChanges changes,
            VaultDeliveries vault,
            RateLimits limits,
            Idempotency idempotency,
            UnansweredCreations creations,
            Clock clock) {
        this.store = store;
        this.byStatus = byStatus;
        this.search = search;
        this.turn = turn;
        this.end = end;
        this.preflights = preflights;
        this.readers = readers;
        this.policies = policies;
        this.audit = audit;
        this.names = names;
        this.projects = projects;
        this.connections = connections;
        this.roles = roles;
        this.changes = changes;
        this.vault = vault;
        this.limits = limits;
        this.idempotency = idempotency;
        this.creations = creations;
        this.clock = clock;
    }

    /**
     * A row and what is said with it.
     *
     * @param roles those that are managed, in the order of their index
     * @param vault null for one that is not written to Vault
     */
    record Shown(
            Rotation row,
            String connectionName,
            List<RoleStatus> roles,
            PasswordRequirements requirements,
            VaultDelivery vault) {}

    // ---- Reading --------------------------------------------------------------------------------------------------

    /**
     * @param projectId null for all projects whose rotations the caller may read
     * @param statuses empty for any
     */
    Uni<Slice<Shown>> list(Caller caller, @Nullable String projectId, Set<CredentialStatus> statuses, Page page) {
        return reach(caller, projectId)
                .chain(reach -> statuses.isEmpty()
                        ? store.list(reach.projects().iterator().next(), page)
                        : byStatus.list(
                                "secret_rotation", STATUSES, reach, statuses, page, store::byIds, row -> row.id))
                .map(rows -> page.cut(rows, row -> row.name, row -> row.id))
                .chain(slice -> shown(slice.rows()).map(rows -> new Slice<>(rows, slice.nextCursor())));
    }

    /** Those that somebody looks for. @param projectId null for all projects whose rotations the caller may read */
    Uni<Chosen<Shown>> search(
            Caller caller,
            @Nullable String projectId,
            Set<CredentialStatus> statuses,
            @Nullable Strategy strategy,
            Selection wanted) {
        return reach(caller, projectId)
                .chain(reach -> search.find(reach, statuses, strategy, wanted))
                .chain(ids -> (ids.rows().isEmpty()
                                ? Uni.createFrom().item(List.<Rotation>of())
                                : store.byIds(ids.rows()))
                        .chain(rows -> shown(PagesByStatus.ordered(ids.rows(), rows, row -> row.id)))
                        .map(rows -> new Chosen<>(rows, ids.count())));
    }

    /** Whose rotations the caller may read. @param projectId if only one project's are wanted, else null */
    Uni<Reach> reach(Caller caller, @Nullable String projectId) {
        if (projectId == null) {
            return Uni.createFrom().item(() -> Rights.reach(caller, Right.ROTATION_READ));
        }
        return readable(caller, projectId).map(project -> new Reach(false, Set.of(project.id)));
    }

    Uni<Shown> get(Caller caller, UUID id) {
        return existing(caller, id, Right.ROTATION_READ).chain(this::shown);
    }

    Uni<Shown> getByName(Caller caller, String projectId, String environment, String path, String name) {
        return readable(caller, projectId)
                .chain(project -> store.byName(new Place(project.id, environment, Place.normalised(path)), name))
                .onItem()
                .ifNull()
                .failWith(() -> Problem.of(
                        ErrorCode.ROTATION_NOT_FOUND,
                        "There is no rotation named " + name + " at " + path + " of " + environment + "."))
                .chain(this::shown);
    }

    /** The row itself, for what is told about it elsewhere. */
    Uni<Rotation> existing(Caller caller, UUID id, Right right) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(caller, right);
            return store.byId(id)
                    .onItem()
                    .ifNull()
                    .failWith(() -> notFound(id))
                    .invoke(row -> requires(right, row).accept(caller));
        });
    }

    /** Throws for who may not do this with the rotation, or not any more. */
    private static Consumer<Caller> requires(Right right, Rotation row) {
        UUID id = row.id;
        UUID project = row.project.id;
        return who -> {
            Rights.reach(who, right);
            Rights.requireOn(who, right, Right.ROTATION_READ, project, () -> notFound(id));
        };
    }

    /** @param project null for anywhere */
    private static Consumer<Caller> mayCreate(@Nullable UUID project) {
        return who -> {
            if (project == null) {
                Rights.reach(who, Right.ROTATION_CREATE);
            } else {
                Rights.require(who, Right.ROTATION_CREATE, project);
            }
        };
    }

    private static Consumer<Caller> mayCreate(NewRotation wanted, Project project, ConnectionDirectory.Entry by) {
        return mayCreate(project.id).andThen(mayUse(by)).andThen(who -> {
            if (wanted.vaultKv() != null) {
                VaultDeliveries.requireRight(who, project);
            }
        });
    }

    // ---- Creating -------------------------------------------------------------------------------------------------

    <R> Uni<R> create(
            Act act,
            NewRotation wanted,
            String idempotencyKey,
            byte[] request,
            Answer answer,
            Class<R> replyType,
            Function<Shown, R> reply,
            Deadline deadline) {
        Uni<R> created = Uni.createFrom().deferred(() -> {
            Strategy strategy = Parameters.strategy(wanted.strategy(), wanted.parameters());
            List<String> names = Parameters.roles(wanted.parameters(), strategy);
            Parameters.refuseEqualNames(wanted.secretsMapping().over(null));
            checkNext(wanted.nextRotationAt(), !Boolean.FALSE.equals(wanted.isAutoRotationEnabled()));
            if (wanted.initialPassword() != null && Boolean.TRUE.equals(wanted.takeover())) {
                throw ValidationProblem.at(
                        List.of("initialPassword"),
                        "custom",
                        "Contradicts takeover, which changes the role's comment immediately; send one of the two");
            }
            String requirements = policies.kept(wanted.parameters().passwordRequirements());
            return project(act.caller(), wanted.projectId(), Right.ROTATION_CREATE)
                    .chain(project -> {
                        ProvenRight right = Rights.require(act.caller(), Right.ROTATION_CREATE, project.id);
                        Deadline asking = act.asking(deadline, mayCreate(project.id));
                        Creation creation = creations.creation(right, "create-secret-rotation", request, answer);
                        Place place = new Place(project.id, wanted.environment(), wanted.secretPath());
                        return limits.counted(
                                RateLimits.Kind.TEST,
                                act.caller(),
                                "create rotation " + place + " " + wanted.name(),
                                () -> idempotency.once(
                                        right,
                                        idempotencyKey,
                                        "create-secret-rotation",
                                        request,
                                        replyType,
                                        completion -> store.byName(place, wanted.name())
                                                .chain(other -> other == null
                                                        ? createOnce(
                                                                        act,
                                                                        wanted,
                                                                        project,
                                                                        strategy,
                                                                        names,
                                                                        requirements,
                                                                        creation,
                                                                        asking)
                                                                .onItemOrFailure()
                                                                .invoke(() -> creations.done(creation))
                                                        : createdBefore(act, creation, other, asking))
                                                .map(reply)));
                    });
        });
        return audit.failures(created, act, AuditType.CREATE_SECRET_ROTATION, wanted.projectId(), wanted.name());
    }

    /** What was made by this very request, if its answer was lost and nothing has changed it since; else its name is taken. */
    private Uni<Shown> createdBefore(Act act, Creation creation, Rotation row, Deadline deadline) {
        return creations
                .settled(creation, row.id, deadline.left().minus(TIME_TO_ANSWER))
                .chain(() -> deadline.stillAllowed())
                .chain(() -> Panache.withTransaction(() -> store.lock(row.id)
                        .chain(now -> now == null || !now.isAsCreated()
                                ? Uni.createFrom().item(false)
                                : creations.claim(creation, now.id))
                        .invoke(claimed -> {
                            if (!claimed) {
                                throw nameTaken(act.caller(), row);
                            }
                        })
                        .call(() ->
                                audit.success(act, AuditType.CREATE_SECRET_ROTATION, row, Map.of("replayed", true)))))
                .chain(() -> store.byId(row.id))
                .onItem()
                .ifNull()
                .failWith(() -> notFound(row.id))
                .chain(this::shown);
    }

    /** With the id, if the caller may see what has the name: it may be his own, of which he was not told. */
    private static Problem nameTaken(Caller caller, Rotation other) {
        return Rights.allows(caller, Right.ROTATION_READ, other.project.id)
                ? RotationStore.nameTaken(other.name, other.place(), other.id)
                : RotationStore.nameTaken(other.name, other.place(), null);
    }

    private Uni<Shown> createOnce(
            Act act,
            NewRotation wanted,
            Project project,
            Strategy strategy,
            List<String> names,
            String requirements,
            Creation creation,
            Deadline deadline) {
        boolean allowPrivileged = Boolean.TRUE.equals(wanted.allowPrivileged());
        boolean takeover = Boolean.TRUE.equals(wanted.takeover());
        UUID connection = UUID.fromString(wanted.connectionId());
        Place place = new Place(project.id, wanted.environment(), wanted.secretPath());
        return usable(act.caller(), connection, project.id)
                .call(() -> wanted.vaultKv() == null
                        ? Uni.createFrom().voidItem()
                        : vault.require(act.caller(), project, null, wanted.vaultKv()))
                .call(() -> store.namesAreFree(
                        place, wanted.name(), wanted.secretsMapping().over(null), null))
                .chain(by -> changes.admitted(
                        connection,
                        Errand.CHANGE,
                        act.asking(deadline, mayCreate(wanted, project, by)),
                        own -> preflights
                                .look(
                                        connection,
                                        names,
                                        allowPrivileged,
                                        takeover,
                                        List.of(),
                                        CallerSight.of(act.caller()),
                                        own)
                                .call(() -> own.stillAllowed())
                                .invoke(looked -> looked.shown().require())
                                .chain(looked -> proven(wanted, connection, looked, names.get(0), own)
                                        .chain(adopted -> write(
                                                act,
                                                wanted,
                                                project,
                                                strategy,
                                                names,
                                                requirements,
                                                by,
                                                looked.server(),
                                                adopted,
                                                row -> creations.made(creation, row.id, own.left()))))
                                .chain(row -> became(row, by.name(), act, own))));
    }

    /** @return null item where the first role gets a password of ours at once */
    private Uni<ManagedRoles.@Nullable Adopted> proven(
            NewRotation wanted, UUID connection, Preflights.Looked looked, String role, Deadline deadline) {
        String password = wanted.initialPassword();
        return password == null
                ? Uni.createFrom().nullItem()
                : preflights.prove(connection, looked, role, password, deadline).call(() -> deadline.stillAllowed());
    }

    /**
     * From its COMMIT on a creation says what became of it: what goes on after the deadline, or cannot be read for want of the store,
     * is in doubt and ends by itself.
     */
    private Uni<Shown> became(Rotation row, String connectionName, Act act, Deadline deadline) {
        return CreationAnswer.of(
                deadline.left(),
                answer -> (row.credentialVersion > 0 // it began with the password that the role has
                                ? written(row.id)
                                : turn.first(row, act.actor(), deadline)
                                        .chain(outcome -> created(row, outcome, answer, deadline)))
                        .chain(this::shown),
                () -> new Shown(
                        row,
                        connectionName,
                        List.of(RoleStatus.inDoubt(row.role1Id, row.id, row.username1)),
                        policies.requirements(row.passwordRequirements),
                        null));
    }

    /**
     * From here on the rotation exists: its roles are taken, and due work would go on with its creation.
     *
     * @param by as it was before its server was looked at
     * @param server to which it led then
     * @param adopted the password that the first role has and keeps; null where it gets one of ours
     */
    private Uni<Rotation> write(
            Act act,
            NewRotation wanted,
            Project project,
            Strategy strategy,
            List<String> names,
            String requirements,
            ConnectionDirectory.Entry by,
            RoleServer server,
            ManagedRoles.@Nullable Adopted adopted,
            Function<Rotation, Uni<Void>> written) {
        Rotation row = new Rotation();
        row.id = UUID.randomUUID();
        row.project = project;
        row.environment = wanted.environment();
        row.secretPath = wanted.secretPath();
        row.name = wanted.name();
        row.description = wanted.description();
        row.connectionId = UUID.fromString(wanted.connectionId());
        row.strategy = strategy;
        row.driftPolicy = driftPolicy(wanted.driftPolicy(), DriftPolicy.REPORT);
        row.takeover = Boolean.TRUE.equals(wanted.takeover());
        row.allowPrivileged = Boolean.TRUE.equals(wanted.allowPrivileged());
        row.username1 = names.get(0);
        row.username2 = names.get(names.size() - 1);
        row.passwordRequirements = requirements;
        row.usernameSecret = wanted.secretsMapping().username();
        row.passwordSecret = wanted.secretsMapping().password();
        row.uriSecret = wanted.secretsMapping().over(null).uri();
        row.plan.auto(!Boolean.FALSE.equals(wanted.isAutoRotationEnabled()));
        row.plan.schedule(
                wanted.rotationInterval(),
                wanted.rotateAtUtc() == null ? 0 : wanted.rotateAtUtc().minuteOfDay());
        row.plan.choose(wanted.nextRotationAt());
        row.createdAt = now();
        row.updatedAt = row.createdAt;
        if (adopted == null) {
            row.plan.look(row.createdAt.plus(CREATION));
        } else {
            row.credentialVersion = 1;
            row.plan.succeeded(Cause.CREATION, row.createdAt);
            row.reckon(row.createdAt);
        }
        return Panache.withTransaction(() -> connections
                .hold(by)
                .chain(() -> roles.holdNames(names))
                .chain(() -> adopted == null
                        ? roles.register(wanted(row, names.get(0), server, act))
                        : roles.registerAsItIs(wanted(row, names.get(0), server, act), adopted))
                .invoke(role -> row.role1Id = role)
                .chain(() -> strategy == Strategy.DUAL
                        ? roles.register(wanted(row, names.get(1), server, act)).invoke(role -> row.role2Id = role)
                        : Uni.createFrom().nullItem())
                .chain(() -> roles.lookEvery(row.roleIds(), wanted.lookIntervalMinutes()))
                .chain(() -> store.insert(row))
                .chain(() -> adopted == null ? Uni.createFrom().voidItem() : roles.tellAdopted(row.role1Id))
                .chain(() -> written.apply(row))
                .chain(() ->
                        wanted.vaultKv() == null ? Uni.createFrom().voidItem() : vault.place(row.id, wanted.vaultKv()))
                .chain(() -> audit.success(act, AuditType.CREATE_SECRET_ROTATION, row, creationFacts(wanted)))
                .replaceWith(row));
    }

    private static Map<String, Object> creationFacts(NewRotation wanted) {
        Map<String, Object> facts = new LinkedHashMap<>();
        if (wanted.initialPassword() != null) {
            facts.put("adopted", true);
        }
        if (wanted.vaultKv() != null) {
            facts.putAll(vaultFact(Optional.of(wanted.vaultKv())));
        }
        return facts;
    }

    private static ManagedRoles.NewRole wanted(Rotation row, String role, RoleServer server, Act act) {
        return new ManagedRoles.NewRole(
                ManagedRoles.ROTATION, row.id, row.connectionId, false, role, server, CallerSight.of(act.caller()));
    }

    /** What definitely came to nothing leaves nothing behind. What may have come to something must be found again by the caller. */
    private Uni<Rotation> created(Rotation row, ChangeOutcome outcome, CreationAnswer answer, Deadline deadline) {
        if (outcome instanceof ChangeOutcome.Failed) {
            return answer.undo(() -> end.undo(row.id, deadline))
                    .chain(undone -> undone
                            ? deadline.stillAllowed()
                                    .chain(() -> Uni.createFrom()
                                            .failure(NotChanged.of(
                                                    outcome, ErrorCode.ROTATION_FAILED, () -> notFound(row.id))))
                            : written(row.id));
        }
        return written(row.id);
    }

    private Uni<Rotation> written(UUID id) {
        return store.byId(id).onItem().ifNull().failWith(() -> notFound(id));
    }

    // ---- Changing -------------------------------------------------------------------------------------------------

    Uni<Shown> change(Act act, UUID id, ChangedRotation wanted, IfMatch seen) {
        Uni<Shown> changed = existing(act.caller(), id, Right.ROTATION_EDIT).chain(before -> {
            refuseWhatStays(before, wanted);
            policies.kept(requirements(wanted), before.passwordRequirements); // refuses what is weak
            refuseWeaker(act, before, wanted);
            RotationWire.SecretsMapping names = wanted.secretsMapping() == null
                    ? null
                    : wanted.secretsMapping().over(before.uriSecret);
            if (names != null) {
                Parameters.refuseEqualNames(names);
            }
            String newName = before.name.equals(wanted.name()) ? null : wanted.name();
            return (wanted.vaultKv() == null || wanted.vaultKv().isEmpty()
                            ? Uni.createFrom().voidItem()
                            : vault.require(
                                    act.caller(),
                                    before.project,
                                    id,
                                    wanted.vaultKv().get()))
                    .chain(() -> store.namesAreFree(before.place(), newName, names, id))
                    .chain(() -> Panache.withTransaction(() -> apply(act, before, wanted, seen)))
                    .chain(() -> store.byId(id))
                    .onItem()
                    .ifNull()
                    .failWith(() -> notFound(id))
                    .chain(this::shown);
        });
        return audit.failures(changed, act, AuditType.UPDATE_SECRET_ROTATION, null, id.toString());
    }

    /** Real clients send these with every change; other values would leave stored credentials and roles disagreeing. */
    private static void refuseWhatStays(Rotation row, ChangedRotation wanted) {
        if (row.revokingSince != null) {
            throw Revoking.problem();
        }
        stays(
                "connectionId",
                row.connectionId.toString(),
                lower(wanted.connectionId()),
                "another connection may lead to another server");
        stays("environment", row.environment, wanted.environment(), "whoever reads the secrets looks for them there");
        stays("secretPath", row.secretPath, wanted.secretPath(), "whoever reads the secrets looks for them there");
        stays("strategy", row.strategy.wireName(), wanted.strategy(), "it decides which roles there are");
        if (wanted.parameters() != null) {
            String roles = "its roles hold passwords that are in use";
            stays("parameters.username1", row.username1, wanted.parameters().username1(), roles);
            stays("parameters.username2", row.username2, wanted.parameters().username2(), roles);
            Parameters.refuseOtherStatement(wanted.parameters().rotationStatement());
        }
    }

    private static void stays(String field, String stored, String sent, String reason) {
        if (sent != null && !sent.equals(stored)) {
            throw Problem.of(
                    ErrorCode.FIELD_CANNOT_CHANGE,
                    field + " of a rotation cannot be changed, because " + reason
                            + ". Delete the rotation and create another (with Terraform: apply -replace=<the rotation>).",
                    Map.of("field", field, "stored", stored));
        }
    }

    private Uni<Void> apply(Act act, Rotation before, ChangedRotation wanted, IfMatch seen) {
        UUID id = before.id;
        Changes changes = new Changes();
        Uni<Rotation> locked = roles.lookEvery(before.roleIds(), wanted.lookIntervalMinutes()) // roles are locked first
                .invoke(another -> changes.put("lookIntervalMinutes", another))
                .chain(() -> store.lock(id))
                .onItem()
                .ifNull()
                .failWith(() -> notFound(id))
                .call(() -> act.again(requires(Right.ROTATION_EDIT, before))); // the row may have been locked
        Uni<Rotation> asSeen = locked.call(row -> !seen.isSent()
                ? Uni.createFrom().voidItem()
                : vault.of(List.of(id))
                        .map(written -> written.get(id))
                        .invoke(at -> seen.require(RotationView.etag(row, at), RotationView.settings(row, at))));
        return asSeen.chain(row -> {
            if (row.revokingSince != null) { // since it was read
                throw Revoking.problem();
            }
            Map<String, Object> settings = RotationView.settings(row);
            String formerRequirements = row.passwordRequirements;
            Instant formerNext = row.plan.nextRotationAt();
            boolean weaker = refuseWeaker(act, row, wanted); // again: another may have strengthened them meanwhile
            Plan plan = row.plan;
            boolean auto = wanted.isAutoRotationEnabled() == null ? plan.auto() : wanted.isAutoRotationEnabled();
            checkNext(wanted.nextRotationAt(), auto);
            boolean changed = auto != plan.auto();
            plan.auto(auto);
            changed |= plan.schedule(
                    wanted.rotationInterval(),
                    wanted.rotateAtUtc() == null ? null : wanted.rotateAtUtc().minuteOfDay());
            row.name = wanted.name() == null ? row.name : wanted.name();
            row.description = wanted.description() == null
                    ? row.description
                    : wanted.description().orElse(null);
            row.driftPolicy = driftPolicy(wanted.driftPolicy(), row.driftPolicy);
            row.takeover = wanted.takeover() == null ? row.takeover : wanted.takeover();
            row.allowPrivileged = wanted.allowPrivileged() == null ? row.allowPrivileged : wanted.allowPrivileged();
            String requirements = policies.kept(requirements(wanted), row.passwordRequirements); // again, for the same
            row.passwordRequirements = requirements == null ? row.passwordRequirements : requirements;
            if (changed || wanted.nextRotationAt() != null) {
                plan.choose(wanted.nextRotationAt());
                row.reckon(row.storeNow);
            }
            row.updatedAt = now();
            Uni<Void> renamed = Uni.createFrom().voidItem();
            boolean hadUri = row.uriSecret != null;
            if (wanted.secretsMapping() != null) {
                List<String> formerNames = ServedNames.of(row);
                row.usernameSecret = wanted.secretsMapping().username();
                row.passwordSecret = wanted.secretsMapping().password();
                row.uriSecret = wanted.secretsMapping().over(row.uriSecret).uri();
                renamed = store.renameSecrets(row).chain(() -> names.renamed(row, formerNames));
            }
            RotationView.settings(row).forEach((field, now) -> changes.put(field, settings.get(field), now));
            changes.put(
                            "nextRotationAt",
                            wanted.nextRotationAt() != null
                                    && !wanted.nextRotationAt().equals(formerNext))
                    .put("parameters.passwordRequirements", formerRequirements, row.passwordRequirements);
            return renamed.chain(() -> store.flushed(row))
                    .chain(() ->
                            wanted.vaultKv() == null ? Uni.createFrom().item(false) : vault.moves(id, wanted.vaultKv()))
                    .invoke(moves -> changes.put("vaultKv", moves))
                    .chain(() -> wanted.vaultKv() == null
                            ? hadUri == (row.uriSecret != null)
                                    ? Uni.createFrom().voidItem()
                                    : vault.due(id)
                            : wanted.vaultKv()
                                    .map(place -> vault.place(id, place))
                                    .orElseGet(() -> vault.remove(id)))
                    .chain(() -> {
                        Map<String, Object> facts = changedFields(wanted, weaker);
                        facts.put(Changes.FACT, changes.fields());
                        return audit.success(act, AuditType.UPDATE_SECRET_ROTATION, row, facts);
                    });
        });
    }

    private static @Nullable PasswordRequirements requirements(ChangedRotation wanted) {
        return wanted.parameters() == null ? null : wanted.parameters().passwordRequirements();
    }

    /**
     * Whoever has passwords made that are easier to guess may guess them, and so must be allowed to read them.
     *
     * @return whether they will be easier to guess
     */
    private boolean refuseWeaker(Act act, Rotation row, ChangedRotation wanted) {
        boolean weaker = policies.weakens(row.passwordRequirements, requirements(wanted));
        if (weaker) {
            Rights.require(
                    act.caller(),
                    Right.ROTATION_READ_CREDENTIALS,
                    row.project.id,
                    ", and these passwordRequirements make passwords easier to guess");
        }
        return weaker;
    }

    private static Map<String, Object> changedFields(ChangedRotation wanted, boolean weaker) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("nameUpdated", wanted.name() == null ? null : true);
        facts.put("isAutoRotationEnabled", wanted.isAutoRotationEnabled());
        facts.put("rotationInterval", wanted.rotationInterval());
        facts.put("secretsMappingUpdated", wanted.secretsMapping() != null);
        facts.put("driftPolicy", wanted.driftPolicy());
        facts.put("nextRotationAt", wanted.nextRotationAt());
        facts.put("lookIntervalMinutes", wanted.lookIntervalMinutes());
        facts.put("takeover", wanted.takeover());
        facts.put("allowPrivileged", wanted.allowPrivileged());
        facts.put("passwordRequirementsUpdated", requirements(wanted) == null ? null : true);
        facts.put("requirementsWeakened", weaker ? true : null);
        facts.values().removeIf(java.util.Objects::isNull);
        if (wanted.vaultKv() != null) {
            facts.putAll(vaultFact(wanted.vaultKv()));
        }
        return facts;
    }

    private static Map<String, Object> vaultFact(Optional<RotationWire.VaultPlace> place) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("vaultKv", place.map(at -> at.mount() + ":" + at.path()).orElse("none"));
        if (place.isPresent() && place.get().confirms()) {
            facts.put("anotherVaultConfirmed", true);
        }
        return facts;
    }

    private void checkNext(Instant next, boolean auto) {
        if (next == null) {
            return;
        }
        if (!auto) {
            throw Problem.of(
                    ErrorCode.AUTO_ROTATION_IS_OFF,
                    "nextRotationAt needs isAutoRotationEnabled: true. Without it the rotation runs only when asked to.");
        }
        if (next.isBefore(clock.instant().minus(CLOCKS_DIFFER))) {
            throw ValidationProblem.at(
                    List.of("nextRotationAt"), "too_small", "Must not be past; to rotate now: POST …/rotate-secrets");
        }
        if (next.isAfter(clock.instant().plus(FURTHEST))) {
            throw ValidationProblem.at(List.of("nextRotationAt"), "too_big", "Must be within the next 366 days");
        }
    }

    // ---- Rotating -------------------------------------------------------------------------------------------------

    <R> Uni<R> rotate(
            Act act,
            UUID id,
            boolean force,
            String idempotencyKey,
            Class<R> replyType,
            Function<Shown, R> reply,
            Deadline deadline) {
        Uni<R> rotated = existing(act.caller(), id, Right.ROTATION_ROTATE)
                .chain(row -> limits.counted(
                        RateLimits.Kind.ROTATE,
                        act.caller(),
                        "rotation " + id,
                        () -> idempotency.once(
                                Rights.require(act.caller(), Right.ROTATION_ROTATE, row.project.id),
                                idempotencyKey,
                                "rotate-secrets",
                                (id + " " + force).getBytes(java.nio.charset.StandardCharsets.US_ASCII),
                                replyType,
                                completion -> changes.alone(
                                                id,
                                                NotChanged::inProgress,
                                                () -> turn.mayBegin(row, force)
                                                        .chain(() -> changes.admitted(
                                                                row.connectionId,
                                                                Errand.CHANGE,
                                                                act.asking(
                                                                        deadline, requires(Right.ROTATION_ROTATE, row)),
                                                                own -> turn.take(
                                                                        row, Cause.MANUAL, force, act.actor(), own))))
                                        .invoke(outcome -> NotChanged.requireDone(
                                                outcome, ErrorCode.ROTATION_FAILED, () -> notFound(id)))
                                        .chain(done -> store.byId(id))
                                        .onItem()
                                        .ifNull()
                                        .failWith(() -> notFound(id))
                                        .chain(this::shown)
                                        .map(reply))));
        return audit.failures(rotated, act, AuditType.SECRET_ROTATION_ROTATE_SECRETS, null, id.toString());
    }

    /** Looks now at every role that has a password of ours, one after the other. */
    Uni<Shown> verify(Act act, UUID id, Deadline deadline) {
        Uni<Shown> verified = existing(act.caller(), id, Right.ROTATION_ROTATE)
                .chain(row -> {
                    Deadline asking = act.asking(deadline, requires(Right.ROTATION_ROTATE, row));
                    return limits.counted(
                                    RateLimits.Kind.TEST,
                                    act.caller(),
                                    null,
                                    () -> changes.admitted(row.connectionId, Errand.LOOK, asking, own -> {
                                        Uni<Void> looked = Uni.createFrom().voidItem();
                                        for (UUID role : row.roleIds()) {
                                            looked = looked.chain(() -> changes.verify(role, act.actor(), own));
                                        }
                                        return looked;
                                    }))
                            .chain(() -> asking.stillAllowed());
                })
                .chain(() -> store.byId(id))
                .onItem()
                .ifNull()
                .failWith(() -> notFound(id))
                .chain(this::shown);
        return audit.failures(verified, act, AuditType.VERIFY_SECRET_ROTATION, null, id.toString());
    }

    // ---- Deleting -------------------------------------------------------------------------------------------------

    /** Who was given its passwords, for whoever may delete it. */
    Uni<RotationUsage> usage(Caller caller, UUID id) {
        return existing(caller, id, Right.ROTATION_DELETE).chain(this::usage);
    }

    private Uni<RotationUsage> usage(Rotation row) {
        return readers.of(row.id, row.project.id, row.plan.lastRotatedAt()).map(RotationUsage::of);
    }

    /** To be told along with something else, which does not fail for it: null then. */
    private Uni<@Nullable RotationUsage> usageIfKnown(Rotation row) {
        return usage(row)
                .onFailure()
                .invoke(failure -> StoreFault.warn(log, "Could not find out who reads a rotation", failure))
                .onFailure()
                .recoverWithNull();
    }

    /**
     * What was deleted.
     *
     * @param shown what it was; with revoke and a target that does not answer, what it is now: revoking
     * @param usage null if it could not be found out
     */
    record Deleted(Shown shown, @Nullable RotationUsage usage) {}

    /** @param abandon whether a password that may be live, and of which nobody else has a copy, may get lost */
    Uni<Deleted> delete(Act act, UUID id, boolean revoke, boolean deleteSecrets, boolean abandon, Deadline deadline) {
        if (revoke && abandon) {
            throw ValidationProblem.at(
                    List.of("abandon"),
                    "custom",
                    "Contradicts revokeGeneratedCredentials, which waits for the server; send one of the two");
        }
        Map<String, Object> facts =
                Map.of("deleteSecrets", deleteSecrets, "revokeGeneratedCredentials", revoke, "abandon", abandon);
        Uni<Deleted> deleted = existing(act.caller(), id, Right.ROTATION_DELETE)
                .chain(this::shown)
                // Without revoking, the server is only asked to take the markers off, which is a courtesy: nobody waits
                // for that.
                .chain(before -> usageIfKnown(before.row())
                        .chain(usage -> (revoke
                                        ? changes.admitted(
                                                before.row().connectionId,
                                                Errand.CHANGE,
                                                act.asking(deadline, requires(Right.ROTATION_DELETE, before.row())),
                                                own -> end.revoke(act, before, facts, own))
                                        : end.release(
                                                act,
                                                before,
                                                facts,
                                                abandon,
                                                act.asking(deadline, requires(Right.ROTATION_DELETE, before.row())),
                                                deadline))
                                .chain(() -> store.byId(id))
                                .chain(left -> left == null ? Uni.createFrom().item(before) : shown(left))
                                .map(shown -> new Deleted(shown, usage))));
        return audit.failures(deleted, act, AuditType.DELETE_SECRET_ROTATION, null, id.toString());
    }

    // ---- Trying ---------------------------------------------------------------------------------------------------

    /** Looks and rehearses, and changes nothing. */
    Uni<RotationPreflight> preflight(Act act, RotationWire.PreflightRequest wanted, Deadline deadline) {
        Uni<RotationPreflight> looked = Uni.createFrom().deferred(() -> {
            List<String> names =
                    Parameters.roles(wanted.parameters(), Parameters.strategy(wanted.strategy(), wanted.parameters()));
            policies.kept(wanted.parameters().passwordRequirements()); // as its creation would refuse them
            UUID connection = UUID.fromString(wanted.connectionId());
            Uni<UUID> project = wanted.projectId() == null
                    ? Uni.createFrom().nullItem()
                    : project(act.caller(), wanted.projectId(), Right.ROTATION_CREATE)
                            .map(found -> found.id);
            return project.invoke(found -> mayCreate(found).accept(act.caller()))
                    .chain(found -> usable(act.caller(), connection, found)
                            .map(by -> act.asking(deadline, mayCreate(found).andThen(mayUse(by)))))
                    .chain(asking -> limits.counted(
                                    RateLimits.Kind.TEST,
                                    act.caller(),
                                    null,
                                    () -> changes.admitted(
                                            connection,
                                            Errand.LOOK,
                                            asking,
                                            own -> preflights
                                                    .look(
                                                            connection,
                                                            names,
                                                            Boolean.TRUE.equals(wanted.allowPrivileged()),
                                                            Boolean.TRUE.equals(wanted.takeover()),
                                                            List.of(),
                                                            CallerSight.of(act.caller()),
                                                            own)
                                                    .chain(seen -> preflights.compared(connection, names, seen, own))))
                            .call(() -> asking.stillAllowed()));
        });
        return audit.failures(
                looked, act, AuditType.PREFLIGHT_SECRET_ROTATION, wanted.projectId(), wanted.connectionId());
    }

    /** Whoever may delete it is told who reads it. */
    Uni<RotationPreflight> preflight(Act act, UUID id, Deadline deadline) {
        Uni<RotationPreflight> looked = existing(act.caller(), id, Right.ROTATION_ROTATE)
                .chain(row -> {
                    Consumer<Caller> require = requires(Right.ROTATION_ROTATE, row);
                    List<String> names = List.of(row.username1, row.username2)
                            .subList(0, row.roleIds().size());
                    Uni<RotationPreflight> rehearsed = limits.counted(
                            RateLimits.Kind.TEST,
                            act.caller(),
                            null,
                            () -> changes.admitted(
                                    row.connectionId,
                                    Errand.LOOK,
                                    act.asking(deadline, require),
                                    own -> preflights
                                            .look(
                                                    row.connectionId,
                                                    names,
                                                    row.allowPrivileged,
                                                    row.takeover,
                                                    row.roleIds(),
                                                    CallerSight.of(act.caller()),
                                                    own)
                                            .chain(seen -> preflights.compared(row.connectionId, names, seen, own))
                                            .map(shown -> shown.beside(row.plan.nextRotationAt()))));
                    return rehearsed.chain(shown -> act.again(require)
                            .chain(now -> Rights.reachIfAny(now.caller(), Right.ROTATION_DELETE)
                                            .covers(row.project.id)
                                    ? usageIfKnown(row).map(shown::with)
                                    : Uni.createFrom().item(shown)));
                });
        return audit.failures(looked, act, AuditType.PREFLIGHT_SECRET_ROTATION, null, id.toString());
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private Uni<Project> readable(Caller caller, String projectId) {
        return project(caller, projectId, Right.ROTATION_READ)
                .invoke(project -> Rights.require(caller, Right.ROTATION_READ, project.id));
    }

    private Uni<Project> project(Caller caller, String id, Right right) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(caller, right);
            return projects.known(caller, id);
        });
    }

    /** The connection must be there, be of this project or the organisation, and the caller must be allowed to use it. */
    private Uni<ConnectionDirectory.Entry> usable(Caller caller, UUID connection, UUID project) {
        return connections
                .find(connection)
                .onItem()
                .ifNull()
                .failWith(() -> noConnection(connection))
                .invoke(found -> {
                    mayUse(found).accept(caller);
                    if (found.projectId() != null
                            && project != null
                            && !found.projectId().equals(project)) {
                        throw Problem.of(
                                ErrorCode.CONNECTION_OF_ANOTHER_PROJECT,
                                "The connection belongs to another project than the rotation.");
                    }
                });
    }

    private static Consumer<Caller> mayUse(ConnectionDirectory.Entry connection) {
        return who -> Rights.requireOn(
                who,
                Right.CONNECTION_CONNECT,
                Right.CONNECTION_READ,
                connection.projectId(),
                () -> noConnection(connection.id()));
    }

    private static Problem noConnection(UUID id) {
        return Problem.of(ErrorCode.CONNECTION_NOT_FOUND, "There is no connection with the id " + id + ".");
    }

    private Uni<Shown> shown(Rotation row) {
        return shown(List.of(row)).map(rows -> rows.get(0));
    }

    private Uni<List<Shown>> shown(List<Rotation> rows) {
        List<UUID> ids = rows.stream().map(row -> row.id).toList();
        return connections
                .find(rows.stream().map(row -> row.connectionId).collect(Collectors.toSet()))
                .chain(names -> vault.of(ids)
                        .chain(written -> roles.of(ids).map(statuses -> {
                            Map<UUID, List<RoleStatus>> byOwner =
                                    statuses.stream().collect(Collectors.groupingBy(RoleStatus::ownerId));
                            return rows.stream()
                                    .map(row -> new Shown(
                                            row,
                                            names.get(row.connectionId).name(),
                                            byOwner.getOrDefault(row.id, List.of()),
                                            policies.requirements(row.passwordRequirements),
                                            written.get(row.id)))
                                    .toList();
                        })));
    }

    private static DriftPolicy driftPolicy(String wireName, DriftPolicy otherwise) {
        return wireName == null ? otherwise : DriftPolicy.valueOf(wireName.toUpperCase(Locale.ROOT));
    }

    private static String lower(String text) {
        return text == null ? null : text.toLowerCase(Locale.ROOT);
    }

    /** Milliseconds: what the wire shows is then exactly what is stored. */
    private Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    static Problem notFound(UUID id) {
        return Problem.of(ErrorCode.ROTATION_NOT_FOUND, "There is no rotation with the id " + id + ".");
    }
}
