package io.rolewright.rotation;

import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.Actor;
import io.rolewright.credential.Cause;
import io.rolewright.credential.PasswordPolicies;
import io.rolewright.credential.RoleOwner;
import io.rolewright.outbox.Fact;
import io.rolewright.outbox.Outbox;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/** Moves a rotation when the passwords of its roles change, in the store transaction that changes them. */
@ApplicationScoped
class RotationOwner implements RoleOwner {

    static final String KIND = "rotation";

    private final RotationStore store;
    private final PasswordPolicies policies;
    private final RotationAudit audit;
    private final Outbox outbox;
    private final VaultDeliveries vault;

    RotationOwner(
            RotationStore store, PasswordPolicies policies, RotationAudit audit, Outbox outbox, VaultDeliveries vault) {
        this.store = store;
        this.policies = policies;
        this.audit = audit;
        this.outbox = outbox;
        this.vault = vault;
    }

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public Uni<Named> named(UUID ownerId) {
        return store.byId(ownerId).map(row -> row == null ? null : new Named(row.name, row.project.id));
    }

    @Override
    public Uni<Terms> terms(UUID ownerId, UUID roleId) {
        return store.byId(ownerId)
                .map(row -> row == null
                        ? null
                        : new Terms(
                                row.credentialVersion,
                                row.takeover,
                                row.allowPrivileged,
                                policies.of(row.id, row.passwordRequirements),
                                row.driftPolicy));
    }

    @Override
    public Uni<Instant> promoted(Promotion promotion) {
        return store.lock(promotion.ownerId())
                .onItem()
                .ifNotNull()
                .call(row -> {
                    if (promotion.cause() == Cause.REVOKE) {
                        return revoked(row, promotion);
                    }
                    serve(row, promotion);
                    Map<String, Object> facts = facts(promotion.cause(), promotion.attemptId(), "success");
                    facts.put("credentialVersion", row.credentialVersion);
                    return audit.record(
                                    AuditEvent.success(AuditType.SECRET_ROTATION_ROTATE_SECRETS),
                                    promotion.actor(),
                                    row,
                                    facts)
                            .call(() -> tell(
                                    row,
                                    "rotation.credential-changed",
                                    row.credentialVersion,
                                    Map.of("cause", promotion.cause().wireName())))
                            .call(() -> vault.due(row.id));
                })
                .replaceWith((Instant) null);
    }

    private static void serve(Rotation row, Promotion promotion) {
        row.activeIndex = promotion.roleId().equals(row.role1Id) ? 0 : 1;
        row.credentialVersion = Math.max(row.credentialVersion, promotion.floor()) + 1;
        row.takeover = false;
        row.plan.succeeded(promotion.cause(), promotion.at());
        row.updatedAt = promotion.at();
        row.reckon(promotion.at());
        if (row.revokingSince != null) {
            row.plan.look(promotion.at()); // its end waited for this
        }
    }

    private Uni<Void> revoked(Rotation row, Promotion promotion) {
        row.rolesToRevoke &= ~row.bit(promotion.roleId());
        row.plan.look(promotion.at()); // the row can go when the last is done, or the next role has its turn
        return audit.record(
                AuditEvent.success(AuditType.SECRET_ROTATION_ROTATE_SECRETS),
                promotion.actor(),
                row,
                facts(promotion.cause(), promotion.attemptId(), "success"));
    }

    /** Of a creation it may be both roles that are taken over. */
    @Override
    public Uni<Void> takesOver(UUID ownerId, UUID roleId, String replaced, Instant at) {
        return store.lock(ownerId)
                .onItem()
                .ifNotNull()
                .call(row -> {
                    row.takeover &= row.credentialVersion == 0 && !roleId.equals(row.role1Id);
                    Map<String, Object> facts = new LinkedHashMap<>();
                    facts.put("username", roleId.equals(row.role1Id) ? row.username1 : row.username2);
                    facts.put("noticed", "taken_over");
                    facts.put("replaces", replaced);
                    return audit.record(
                            AuditEvent.success(AuditType.SECRET_ROTATION_ROLE_NOTICED), Actor.SERVICE, row, facts);
                })
                .replaceWithVoid();
    }

    @Override
    public Uni<Next> ended(Ending ending) {
        return store.lock(ending.ownerId())
                .onItem()
                .ifNotNull()
                .call(row -> {
                    if (ending.finished()) {
                        row.plan.failed(ending.cause(), ending.at(), ending.message());
                    } else {
                        row.plan.waits(ending.at(), ending.message());
                    }
                    Map<String, Object> facts = facts(
                            ending.cause(),
                            ending.attemptId(),
                            ending.finished() ? "failed" : ending.inDoubt() ? "in_doubt" : "parked");
                    facts.put("sqlState", ending.sqlState());
                    return audit.record(
                                    AuditEvent.failed(AuditType.SECRET_ROTATION_ROTATE_SECRETS, ending.reason()),
                                    ending.actor(),
                                    row,
                                    facts)
                            .call(() -> tell(
                                    row,
                                    ending.inDoubt() ? "rotation.in-doubt" : "rotation.failed",
                                    null,
                                    Map.of("reason", ending.reason(), "triedAgain", !ending.finished())));
                })
                .map(row -> new Next(null, row == null ? null : row.plan.dueAt()));
    }

    @Override
    public Uni<Void> noticed(Notice notice) {
        return store.lock(notice.ownerId())
                .onItem()
                .ifNotNull()
                .call(row -> {
                    boolean well = "ok".equals(notice.reason());
                    Map<String, Object> facts = new LinkedHashMap<>();
                    facts.put("username", notice.roleId().equals(row.role1Id) ? row.username1 : row.username2);
                    facts.put("noticed", notice.reason());
                    return audit.record(
                                    well
                                            ? AuditEvent.success(AuditType.SECRET_ROTATION_ROLE_NOTICED)
                                            : AuditEvent.failed(
                                                    AuditType.SECRET_ROTATION_ROLE_NOTICED, notice.reason()),
                                    Actor.SERVICE,
                                    row,
                                    facts)
                            .call(() -> tell(
                                    row,
                                    well ? "rotation.well-again" : "rotation.drifted",
                                    null,
                                    Map.of("reason", notice.reason())));
                })
                .replaceWithVoid();
    }

    /** For those who follow what is served. @param version null for what is about none */
    private Uni<Void> tell(Rotation row, String type, Long version, Map<String, Object> facts) {
        return outbox.put(new Fact(type, row.project.id, KIND, row.id, version, facts));
    }

    private static Map<String, Object> facts(Cause cause, UUID attempt, String status) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("cause", cause.wireName());
        facts.put("attemptId", attempt);
        facts.put("status", status);
        return facts;
    }
}
