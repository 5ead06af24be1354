package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.outbox.Fact;
import io.rolewright.outbox.Outbox;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedRow;
import io.rolewright.store.StorePulse;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What follows for a credential when the password of one of its roles has changed, has not, or turned out to be another: its plan and what
 * it serves move, the audit log and the outbox are told. Every method joins the store transaction that writes the change itself, whose role
 * is locked; of a credential that is gone nothing follows.
 */
@ApplicationScoped
class Consequences {

    static final String WELL = "ok";

    /** In the audit, of whatever kind of rotation. */
    private static final String ROTATION_TYPE = "postgres-credentials";

    private static final String OWNER = "SELECT project_id, row_seal FROM app_connection WHERE id = ?1";

    private final RowSeals seals;
    private final AuditLog audit;
    private final Outbox outbox;
    private final StorePulse pulse;

    Consequences(RowSeals seals, AuditLog audit, Outbox outbox, StorePulse pulse) {
        this.seals = seals;
        this.audit = audit;
        this.outbox = outbox;
        this.pulse = pulse;
    }

    /**
     * A new version has become current. Not to be called when the current version was merely applied again.
     *
     * @return when the plan has the next change; null item when it has none
     */
    Uni<@Nullable Instant> promoted(ManagedRole role, Attempt attempt, PasswordVersion version) {
        return held(role, credential -> {
            Instant at = shown(credential, role.storeNow);
            if (attempt.cause == Cause.REVOKE) {
                credential.revoked(role.id, at);
            } else {
                long floor = role.marked
                        ? role.versionFloor
                        : Math.max(role.versionFloor, credential.versionFloor(pulse.suspicion(), role.refusedSince));
                credential.serves(role.id, attempt.cause, floor, at);
            }
            return record(
                            credential,
                            credential.self()
                                    ? AuditEvent.success(AuditType.ROTATE_APP_CONNECTION)
                                    : AuditEvent.success(AuditType.SECRET_ROTATION_ROTATE_SECRETS),
                            attempt.actor(),
                            promotion(credential, attempt, version))
                    .call(() -> attempt.cause == Cause.REVOKE
                            ? Uni.createFrom().voidItem()
                            : tell(
                                    credential,
                                    "credential-changed",
                                    credential.self() ? (Long) version.number : credential.credentialVersion,
                                    Map.of("cause", attempt.cause.wireName())));
        });
    }

    /** A credential begins with the password that its role has. */
    Uni<Void> adopted(ManagedRole role) {
        return held(
                        role,
                        credential -> tell(
                                credential,
                                "credential-changed",
                                credential.credentialVersion,
                                Map.of("cause", Cause.ADOPTED.wireName())))
                .replaceWithVoid();
    }

    private static Map<String, @Nullable Object> promotion(
            Credential credential, Attempt attempt, PasswordVersion version) {
        Map<String, @Nullable Object> facts = new LinkedHashMap<>();
        facts.put("cause", attempt.cause.wireName());
        if (credential.self()) {
            facts.put("credentialVersion", version.number);
            return facts;
        }
        facts.put("attemptId", attempt.id);
        facts.put("status", "success");
        if (attempt.cause != Cause.REVOKE) {
            facts.put("credentialVersion", credential.credentialVersion);
        }
        return facts;
    }

    /**
     * An attempt has failed for good, or is parked for another reason than before.
     *
     * @param finished whether it has failed for good; else it is tried again
     * @param inDoubt whether a send was left without an answer
     * @return when the plan has it tried again; null item when it has nothing planned
     */
    Uni<@Nullable Instant> stopped(ManagedRole role, Attempt attempt, boolean finished, boolean inDoubt, Stop stop) {
        return held(role, credential -> {
            Instant at = shown(credential, role.storeNow);
            if (finished) {
                credential.plan.failed(attempt.cause, at, stop.message());
            } else {
                credential.plan.waits(at, stop.message());
            }
            if (credential.self()) {
                credential.updatedAt = at;
            }
            return record(
                            credential,
                            AuditEvent.failed(
                                    credential.self()
                                            ? AuditType.ROTATE_APP_CONNECTION
                                            : AuditType.SECRET_ROTATION_ROTATE_SECRETS,
                                    stop.reason()),
                            attempt.actor(),
                            ending(credential, attempt, finished, inDoubt, stop))
                    .call(() -> tell(
                            credential,
                            (credential.self() ? "rotation-" : "") + (inDoubt ? "in-doubt" : "failed"),
                            null,
                            Map.of("reason", stop.reason(), "triedAgain", !finished)));
        });
    }

    private static Map<String, @Nullable Object> ending(
            Credential credential, Attempt attempt, boolean finished, boolean inDoubt, Stop stop) {
        Map<String, @Nullable Object> facts = new LinkedHashMap<>();
        facts.put("cause", attempt.cause.wireName());
        if (credential.self()) {
            facts.put("inDoubt", inDoubt);
            facts.put("triedAgain", !finished);
        } else {
            facts.put("attemptId", attempt.id);
            facts.put("status", finished ? "failed" : inDoubt ? "in_doubt" : "parked");
            facts.put("sqlState", stop.sqlState());
        }
        return facts;
    }

    /**
     * The role left its state or reason.
     *
     * @param reason {@code changed_by_third_party}, {@code target_went_back}, or what a probe found; {@code ok} when all is well again
     */
    Uni<Void> noticed(ManagedRole role, String reason) {
        boolean well = WELL.equals(reason);
        return held(role, credential -> {
                    String type =
                            credential.self() ? AuditType.PROBE_APP_CONNECTION : AuditType.SECRET_ROTATION_ROLE_NOTICED;
                    Map<String, @Nullable Object> facts = new LinkedHashMap<>();
                    if (!credential.self()) {
                        facts.put("username", role.roleName);
                        facts.put("noticed", reason);
                    }
                    return record(
                                    credential,
                                    well ? AuditEvent.success(type) : AuditEvent.failed(type, reason),
                                    Actor.SERVICE,
                                    facts)
                            .call(() ->
                                    tell(credential, well ? "well-again" : "drifted", null, Map.of("reason", reason)));
                })
                .replaceWithVoid();
    }

    /** Before the next change that is planned, the server lets the role in no more ({@code VALID UNTIL}). */
    Uni<Void> ends(ManagedRole role) {
        return held(
                        role,
                        credential -> tell(
                                credential,
                                "credential-expiring",
                                credential.credentialVersion,
                                ScheduleNotices.ends(role)))
                .replaceWithVoid();
    }

    /** The same, if that comes before the change that is planned. @return whether it does */
    Uni<Boolean> endsBefore(ManagedRole role) {
        return CredentialStore.hold(role.ownerId).chain(credential -> {
            Instant next = credential == null || credential.released() || credential.revokingSince != null
                    ? null
                    : credential.plan.nextRotationAt();
            return next != null && role.validUntil != null && role.validUntil.isBefore(next)
                    ? ends(role).replaceWith(true)
                    : Uni.createFrom().item(false);
        });
    }

    /**
     * The marker of somebody else is about to be replaced by ours, because that was allowed.
     *
     * @param replaced the other marker
     */
    Uni<Void> takesOver(ManagedRole role, String replaced) {
        return held(role, credential -> {
                    credential.takesOver(role.id);
                    Map<String, @Nullable Object> facts = new LinkedHashMap<>();
                    facts.put("username", role.roleName);
                    facts.put("noticed", "taken_over");
                    facts.put("replaces", replaced);
                    return record(
                            credential,
                            AuditEvent.success(
                                    credential.self()
                                            ? AuditType.PROBE_APP_CONNECTION
                                            : AuditType.SECRET_ROTATION_ROLE_NOTICED),
                            Actor.SERVICE,
                            facts);
                })
                .replaceWithVoid();
    }

    /** The role has got another number on its server, or its server another identifier, and is the same as far as the evidence goes. */
    Uni<Void> recognised(ManagedRole role) {
        return held(
                        role,
                        credential -> record(
                                credential,
                                AuditEvent.success(
                                        credential.self()
                                                ? AuditType.PROBE_APP_CONNECTION
                                                : AuditType.SECRET_ROTATION_ROLE_NOTICED),
                                Actor.SERVICE,
                                Map.of("username", role.roleName, "noticed", "role_recognised")))
                .replaceWithVoid();
    }

    // ---- Parts ----------------------------------------------------------------------------------------------------

    private Uni<@Nullable Instant> held(ManagedRole role, Function<Credential, Uni<Void>> work) {
        return CredentialStore.hold(role.ownerId)
                .onItem()
                .ifNotNull()
                .call(credential -> owned(credential).chain(() -> work.apply(credential)))
                .map(credential -> credential == null ? null : credential.plan.dueAt());
    }

    /** Whose a connection is, and who is told of it, its own row says, which is sealed; that of its credential only says it again. */
    Uni<Void> owned(Credential credential) {
        if (!credential.self()) {
            return Uni.createFrom().voidItem(); // a rotation's row says so itself
        }
        return Panache.getSession()
                .chain(session -> session.createNativeQuery(OWNER, Object[].class)
                        .setParameter(1, credential.id)
                        .getSingleResultOrNull())
                .onItem()
                .ifNotNull()
                .invoke(row -> {
                    seals.require(SealedRow.CONNECTION, credential.id, (byte[]) row[1], row[0]);
                    credential.projectId = (UUID) row[0];
                })
                .replaceWithVoid();
    }

    private Uni<Void> record(
            Credential credential, AuditEvent event, Actor actor, Map<String, @Nullable Object> facts) {
        AuditEvent full = event.by(actor.id(), actor.name())
                .from(actor.address(), actor.requestId())
                .in(credential.projectId);
        if (credential.self()) {
            full = full.on("app-connection", credential.id);
        } else {
            full = full.on("secret-rotation", credential.id)
                    .with("type", ROTATION_TYPE)
                    .with("rotationId", credential.id)
                    .with("connectionId", credential.connectionId)
                    .with("environment", credential.environment)
                    .with("secretPath", credential.secretPath);
        }
        full = full.with("name", credential.name);
        for (Map.Entry<String, @Nullable Object> fact : facts.entrySet()) {
            full = full.with(fact.getKey(), fact.getValue());
        }
        return audit.record(full);
    }

    /** For those who follow what is served. @param version null for what is about none */
    private Uni<Void> tell(Credential credential, String what, @Nullable Long version, Map<String, Object> facts) {
        String kind = credential.subjectKind();
        return outbox.put(new Fact(kind + "." + what, credential.projectId, kind, credential.id, version, facts));
    }

    /** Of a connection in milliseconds: what the wire shows is then exactly what is stored. */
    private static Instant shown(Credential credential, Instant at) {
        return credential.self() ? at.truncatedTo(ChronoUnit.MILLIS) : at;
    }
}
