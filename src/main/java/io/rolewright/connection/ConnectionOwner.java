package io.rolewright.connection;

import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.Actor;
import io.rolewright.credential.DriftPolicy;
import io.rolewright.credential.RoleOwner;
import io.rolewright.outbox.Fact;
import io.rolewright.outbox.Outbox;
import io.rolewright.password.PasswordPolicy;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.UUID;

/** Connections as owners of the role that they log in as: what changing its password does to them. */
@ApplicationScoped
class ConnectionOwner implements RoleOwner {

    static final String KIND = "connection";

    /** Whether a superuser may be managed was decided when management began. */
    private static final Terms TERMS =
            new Terms(0, false, true, PasswordPolicy.MANAGED_CONNECTIONS, DriftPolicy.REPORT);

    private final ConnectionStore store;
    private final ManagedStore managed;
    private final ConnectionDirectory directory;
    private final AuditLog audit;
    private final Outbox outbox;

    ConnectionOwner(
            ConnectionStore store, ManagedStore managed, ConnectionDirectory directory, AuditLog audit, Outbox outbox) {
        this.store = store;
        this.managed = managed;
        this.directory = directory;
        this.audit = audit;
        this.outbox = outbox;
    }

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public Uni<Named> named(UUID connectionId) {
        return directory
                .find(connectionId)
                .map(entry -> entry == null ? null : new Named(entry.name(), entry.projectId()));
    }

    @Override
    public Uni<Terms> terms(UUID connectionId, UUID roleId) {
        return store.byId(connectionId).map(row -> row == null || !row.platformManaged ? null : TERMS);
    }

    @Override
    public Uni<Instant> promoted(Promotion promotion) {
        return managed.lock(promotion.ownerId()).chain(row -> {
            row.plan.succeeded(promotion.cause(), shown(promotion.at()));
            row.plan.reckon(promotion.at());
            row.updatedAt = shown(promotion.at());
            return store.byId(promotion.ownerId())
                    .call(connection -> record(
                            connection,
                            promotion.actor(),
                            AuditEvent.success(AuditType.ROTATE_APP_CONNECTION)
                                    .with("cause", promotion.cause().wireName())
                                    .with("credentialVersion", promotion.number())))
                    .call(connection -> outbox.put(new Fact(
                            "app-connection.credential-changed",
                            connection.projectId(),
                            ConnectionAudit.KIND,
                            connection.id,
                            promotion.number(),
                            Map.of("cause", promotion.cause().wireName()))))
                    .replaceWith(row.plan.dueAt());
        });
    }

    @Override
    public Uni<Next> ended(Ending ending) {
        return managed.lock(ending.ownerId()).chain(row -> {
            row.updatedAt = shown(ending.at());
            if (ending.finished()) {
                row.plan.failed(ending.cause(), shown(ending.at()), ending.message());
            } else {
                row.plan.waits(shown(ending.at()), ending.message());
            }
            return store.byId(ending.ownerId())
                    .call(connection -> record(
                            connection,
                            ending.actor(),
                            AuditEvent.failed(AuditType.ROTATE_APP_CONNECTION, ending.reason())
                                    .with("cause", ending.cause().wireName())
                                    .with("inDoubt", ending.inDoubt())
                                    .with("triedAgain", !ending.finished())))
                    .call(connection -> outbox.put(new Fact(
                            ending.inDoubt() ? "app-connection.rotation-in-doubt" : "app-connection.rotation-failed",
                            connection.projectId(),
                            ConnectionAudit.KIND,
                            connection.id,
                            null,
                            Map.of("reason", ending.reason(), "triedAgain", !ending.finished()))))
                    .replaceWith(new Next(row.plan.dueAt(), null));
        });
    }

    @Override
    public Uni<Void> noticed(Notice notice) {
        boolean well = notice.reason().equals("ok");
        AuditEvent event = well
                ? AuditEvent.success(AuditType.PROBE_APP_CONNECTION)
                : AuditEvent.failed(AuditType.PROBE_APP_CONNECTION, notice.reason());
        return store.byId(notice.ownerId())
                .call(connection -> record(connection, Actor.SERVICE, event))
                .call(connection -> outbox.put(new Fact(
                        well ? "app-connection.well-again" : "app-connection.drifted",
                        connection.projectId(),
                        ConnectionAudit.KIND,
                        connection.id,
                        null,
                        Map.of("reason", notice.reason()))))
                .replaceWithVoid();
    }

    private Uni<Void> record(Connection connection, Actor actor, AuditEvent event) {
        return audit.record(event.by(actor.id(), actor.name())
                .from(actor.address(), actor.requestId())
                .in(connection.projectId())
                .on(ConnectionAudit.KIND, connection.id)
                .with("name", connection.name));
    }

    /** Milliseconds: what the wire shows is then exactly what is stored. */
    private static Instant shown(Instant at) {
        return at.truncatedTo(ChronoUnit.MILLIS);
    }
}
