package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.access.AccessSettings.BootstrapIdentity;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.StartupStep;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jboss.logging.Logger;

/**
 * Makes what access needs at the very first start (organisation, project {@code default}, signing key, first identity)
 * and reads it at every start, which costs one query.
 */
@ApplicationScoped
class Bootstrap implements StartupStep {

    /** "ROLEBOOT": of several replicas that start on an empty store, one makes it and the others wait for it. */
    private static final long LOCK = 0x524F4C45_424F4F54L;

    private static final Logger log = Logger.getLogger(Bootstrap.class);

    private final BootstrapConfig config;
    private final TokenLedger ledger;
    private final Sealer sealer;
    private final RowSeals seals;
    private final AuditLog audit;
    private final Clock clock;
    private final Vertx vertx;

    Bootstrap(
            BootstrapConfig config,
            TokenLedger ledger,
            Sealer sealer,
            RowSeals seals,
            AuditLog audit,
            Clock clock,
            Vertx vertx) {
        this.config = config;
        this.ledger = ledger;
        this.sealer = sealer;
        this.seals = seals;
        this.audit = audit;
        this.clock = clock;
        this.vertx = vertx;
    }

    @Override
    public int order() {
        return 300;
    }

    @Override
    public String name() {
        return "access";
    }

    @Override
    public Uni<Void> run() {
        return ledger.read()
                .chain(known -> known.isComplete()
                        ? Uni.createFrom().voidItem()
                        : settings().chain(this::makeOnce).chain(ledger::read).replaceWithVoid());
    }

    private Uni<Optional<BootstrapIdentity>> settings() {
        // On a worker, since the secret may stand in a file.
        return Uni.createFrom()
                .completionStage(() -> vertx.executeBlocking(() -> AccessSettings.bootstrap(config), false)
                        .toCompletionStage())
                .onFailure(AccessSettings.Malformed.class)
                .transform(e -> new NotReady(((AccessSettings.Malformed) e).sentence));
    }

    /** Everything or nothing: without a bootstrap identity the store stays as it was. */
    private Uni<Void> makeOnce(Optional<BootstrapIdentity> first) {
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> lock(session)
                        .chain(() -> exists(session, "identity"))
                        .chain(hasIdentity -> {
                            if (hasIdentity) {
                                return Uni.createFrom().voidItem(); // Another replica was first.
                            }
                            var identity = first.orElseThrow(() ->
                                    new NotReady("The store has no identity yet: set ROLEWRIGHT_BOOTSTRAP_CLIENT_ID and"
                                            + " ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET (or"
                                            + " ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE)."));
                            return make(session, identity);
                        })));
    }

    private Uni<Void> make(Mutiny.Session session, BootstrapIdentity first) {
        return exists(session, "organisation")
                .chain(there -> there ? Uni.createFrom().voidItem() : makeOrganisation(session))
                .chain(() -> exists(session, "signing_key"))
                .chain(there -> there ? Uni.createFrom().voidItem() : makeSigningKey(session))
                .chain(() -> makeIdentity(session, first));
    }

    private Uni<Void> makeOrganisation(Mutiny.Session session) {
        var project = new Project();
        project.id = UUID.randomUUID();
        project.name = "default";
        project.slug = "default";
        project.createdAt = clock.instant();
        project.updatedAt = project.createdAt;
        return session.createNativeQuery("insert into organisation (id) values (?1)")
                .setParameter(1, UUID.randomUUID())
                .executeUpdate()
                .chain(() -> session.persist(project));
    }

    private Uni<Void> makeSigningKey(Mutiny.Session session) {
        var id = UUID.randomUUID();
        byte[] key = sealer.random(TokenFormat.KEY_BYTES);
        byte[] sealed = sealer.seal(SealedField.SIGNING_KEY, id, 0, key);
        Arrays.fill(key, (byte) 0);
        return session.createNativeQuery("insert into signing_key (id, sealed) values (?1, ?2)")
                .setParameter(1, id)
                .setParameter(2, sealed)
                .executeUpdate()
                .replaceWithVoid();
    }

    private Uni<Void> makeIdentity(Mutiny.Session session, BootstrapIdentity first) {
        var identity = new Identity();
        identity.id = UUID.randomUUID();
        identity.name = "bootstrap";
        identity.clientId = first.clientId();
        identity.createdAt = clock.instant();
        identity.updatedAt = identity.createdAt;
        var secret = new ClientSecret();
        secret.id = UUID.randomUUID();
        secret.identityId = identity.id;
        secret.fingerprint = ClientSecret.fingerprint(sealer, first.clientId(), first.clientSecret());
        secret.createdAt = identity.createdAt;
        secret.description = "bootstrap";
        identity.seal(seals);
        secret.seal(seals);
        return session.persist(identity)
                .chain(session::flush)
                .chain(() -> session.persist(secret))
                .chain(session::flush)
                .chain(() -> Bindings.add(session, seals, identity.id, null, Role.ADMIN))
                .chain(() -> audit.record(AuditEvent.success(AuditType.BOOTSTRAP_IDENTITY)
                        .on("identity", identity.id)
                        .with("clientId", identity.clientId)))
                .invoke(() -> log.info("Created the bootstrap identity"));
    }

    private static Uni<Void> lock(Mutiny.Session session) {
        return session.createNativeQuery("select 1 from pg_advisory_xact_lock(?1)", Integer.class)
                .setParameter(1, LOCK)
                .getSingleResult()
                .replaceWithVoid();
    }

    private static Uni<Boolean> exists(Mutiny.Session session, String table) {
        return session.createNativeQuery("select exists (select from " + table + ")", Boolean.class)
                .getSingleResult();
    }
}
