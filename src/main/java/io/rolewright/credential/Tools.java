package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.password.PasswordGenerator;
import io.rolewright.password.PasswordPolicy;
import io.rolewright.password.ScramSecret;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Deadline;
import io.rolewright.target.Fence;
import io.rolewright.target.FencedApply;
import io.rolewright.target.Login;
import io.rolewright.target.Preflight;
import io.rolewright.target.Purpose;
import io.rolewright.target.TargetReport;
import io.rolewright.target.Targets;
import io.rolewright.target.UnmarkedApply;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What every run works with. */
@ApplicationScoped
class Tools {

    /** Of adoptions on either side of ours whose markers are known. */
    private static final int MOST_GENERATIONS = 16;

    private final Claims claims;
    private final Ledger ledger;
    private final VersionSeal seal;
    private final ManagingConnections connections;
    private final Targets targets;
    private final FencedApply fenced;
    private final UnmarkedApply unmarked;
    private final Sealer sealer;
    private final LoginUse logins;
    private final StoreOrigin origin;
    private final OtherAddresses addresses;
    private final SecureRandom random = new SecureRandom();
    private final PasswordGenerator generator = new PasswordGenerator(random);

    Tools(
            Claims claims,
            Ledger ledger,
            VersionSeal seal,
            ManagingConnections connections,
            Targets targets,
            FencedApply fenced,
            UnmarkedApply unmarked,
            Sealer sealer,
            LoginUse logins,
            StoreOrigin origin,
            OtherAddresses addresses) {
        this.claims = claims;
        this.ledger = ledger;
        this.seal = seal;
        this.connections = connections;
        this.targets = targets;
        this.fenced = fenced;
        this.unmarked = unmarked;
        this.sealer = sealer;
        this.logins = logins;
        this.origin = origin;
        this.addresses = addresses;
    }

    Claims claims() {
        return claims;
    }

    Ledger ledger() {
        return ledger;
    }

    VersionSeal seal() {
        return seal;
    }

    ManagingConnections connections() {
        return connections;
    }

    Targets targets() {
        return targets;
    }

    FencedApply fenced() {
        return fenced;
    }

    UnmarkedApply unmarked() {
        return unmarked;
    }

    LoginUse logins() {
        return logins;
    }

    /**
     * Whether somebody manages the role over another address of the server, which only the servers themselves can tell. Not to be called
     * within a store transaction.
     *
     * @param here a login to the server
     * @param except the owner that wants the role; absent for none
     * @return null item when nobody does, as far as the servers answer
     */
    Uni<LoginUse.@Nullable Conflict> managedElsewhere(
            String roleName,
            RoleServer server,
            Login here,
            @Nullable UUID except,
            Sight sight,
            Purpose purpose,
            Deadline deadline) {
        return addresses.conflict(roleName, server, here, this::managing, except, sight, purpose, deadline);
    }

    /** Milliseconds of CPU: never on an event loop. */
    VersionSeal.Opened make(PasswordPolicy policy, int iterations) {
        String password = generator.generate(policy);
        return new VersionSeal.Opened(password, derive(password, iterations));
    }

    ScramSecret derive(String password, int iterations) {
        return ScramSecret.derive(password, Math.min(iterations, ScramSecret.MAXIMUM_ITERATIONS), random);
    }

    /**
     * The name by which this store is known in markers: the same for its copies until one is adopted, different for every other store. Who
     * has no key of the store can't make that of a later generation.
     */
    private String store(long generation) {
        byte[] number = generation == 0
                ? new byte[0]
                : ByteBuffer.allocate(Long.BYTES).putLong(generation).array();
        return HexFormat.of().formatHex(sealer.fingerprint("marker", number), 0, 16);
    }

    /** What stands in the comment of this owner's roles. */
    String marker(UUID ownerId) {
        return store(origin.standing().generation()) + "/" + ownerId;
    }

    /** Whether this owner has written the marker, be it before this store was adopted. */
    boolean isOf(UUID ownerId, Fence marker) {
        return marker.owner().endsWith("/" + ownerId) && isOfThisStore(marker);
    }

    private boolean isOfThisStore(Fence marker) {
        long now = origin.standing().generation();
        for (long generation = now; generation >= Math.max(0, now - MOST_GENERATIONS); generation--) {
            if (marker.owner().startsWith(store(generation) + "/")) {
                return true;
            }
        }
        return false;
    }

    /** Whether the marker is of a copy of this store that was adopted: then this store stands still from now on. */
    Uni<Boolean> superseded(Fence marker) {
        long now = origin.standing().generation();
        for (long generation = now + 1; generation <= now + MOST_GENERATIONS; generation++) {
            if (marker.owner().startsWith(store(generation) + "/")) {
                return origin.superseded(generation).replaceWith(true);
            }
        }
        return Uni.createFrom().item(false);
    }

    /** Of the role that was looked at, as it is now. */
    RoleIdentity identity(Preflight found) {
        return new RoleIdentity(found.oid(), server(found.report()));
    }

    /** By what a server is known where it gives numbers to roles; null where it keeps its identifier to itself. */
    byte @Nullable [] server(TargetReport report) {
        TargetReport.Server server = report.server();
        String identifier = server == null ? null : server.systemIdentifier();
        return identifier == null
                ? null
                : sealer.fingerprint("role-server", identifier.getBytes(StandardCharsets.UTF_8));
    }

    /** Whether the marker of somebody else may be replaced. */
    enum Leave {
        /** Nobody needs to be asked: its owner has given the role up, or is gone. */
        FREE,
        /** Because the new owner was told to take the role over. */
        TAKEOVER,
        /** Only if the new owner is told to take the role over. */
        ASKED,
        /** Its owner is of this store and has the role still: it must be deleted by who may. */
        ALIVE,
        /** It is of a copy of this store that was adopted, and this one stands still. */
        ADOPTED
    }

    /** @param allowed whether the new owner was told to take the role over */
    Uni<Leave> leave(Fence marker, String roleName, RoleServer server, boolean allowed) {
        if (marker.ended()) {
            return Uni.createFrom().item(Leave.FREE);
        }
        Leave asked = allowed ? Leave.TAKEOVER : Leave.ASKED;
        if (!isOfThisStore(marker)) {
            return superseded(marker).map(superseded -> superseded ? Leave.ADOPTED : asked);
        }
        UUID owner;
        try {
            owner = UUID.fromString(marker.owner().substring(marker.owner().indexOf('/') + 1));
        } catch (IllegalArgumentException notOurs) {
            return Uni.createFrom().item(asked);
        }
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "from ManagedRole r where r.ownerId = ?1 and r.roleName = ?2 and r.deletedAt is null",
                                ManagedRole.class)
                        .setParameter(1, owner)
                        .setParameter(2, roleName)
                        .getResultList())
                .chain(rows -> rows.isEmpty()
                        ? Uni.createFrom().item(Leave.FREE)
                        : connections
                                .leadingTo(
                                        server,
                                        rows.stream()
                                                .map(row -> row.connectionId)
                                                .collect(Collectors.toSet()))
                                .map(there -> there.isEmpty() ? asked : Leave.ALIVE)));
    }

    /**
     * The logins of a managing role, likeliest first: the connection's own, or where its password is managed too, the current one and
     * then the one that may have taken its place.
     */
    Uni<List<Login>> managing(UUID connectionId, Login stored) {
        if (!stored.password().isEmpty()) { // that of a managed connection is among the versions of its role
            return Uni.createFrom().item(List.of(stored));
        }
        return Panache.withSession(() -> Panache.getSession()
                .chain(session -> session.createSelectionQuery(
                                "from ManagedRole r where r.ownerId = ?1 and r.self = true and r.deletedAt is null",
                                ManagedRole.class)
                        .setParameter(1, connectionId)
                        .getSingleResultOrNull())
                .chain(own -> own == null
                        ? Uni.createFrom().item(List.of(stored))
                        : CredentialStore.version(own.id, VersionState.CURRENT)
                                .chain(current -> CredentialStore.unfinishedVersion(own.id)
                                        .map(unfinished -> logins(stored, own, current, unfinished)))));
    }

    /**
     * Until a password of ours has taken its place, the one that a person chose may be shown to a server in the form it asks for. Not once a
     * secret was derived from it here, nor where the role's own login was asked for it by SCRAM.
     */
    Login login(Login place, ManagedRole role, PasswordVersion version) {
        String password = seal.open(version, role).password();
        Login ours = place.as(role.roleName, password);
        boolean chosen = version.cause == Cause.ADOPTED
                && version.state == VersionState.CURRENT
                && version.appliedAt == null
                && !(role.self && place.scramOnly());
        return chosen ? ours.with(password) : ours;
    }

    private List<Login> logins(Login stored, ManagedRole own, PasswordVersion current, PasswordVersion unfinished) {
        List<Login> logins = new ArrayList<>();
        for (PasswordVersion each : new PasswordVersion[] {current, unfinished}) {
            if (each != null) {
                logins.add(login(stored, own, each));
            }
        }
        return logins;
    }
}
