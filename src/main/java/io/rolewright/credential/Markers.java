package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.StoreOrigin;
import io.rolewright.target.Fence;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.UUID;
import java.util.stream.Collectors;

/** Whose the marker in a role's comment is, and whether it may be replaced. */
@ApplicationScoped
class Markers {

    /** Of adoptions on either side of ours whose markers are known. */
    private static final int MOST_GENERATIONS = 16;

    private final Sealer sealer;
    private final StoreOrigin origin;
    private final ManagingConnections connections;

    Markers(Sealer sealer, StoreOrigin origin, ManagingConnections connections) {
        this.sealer = sealer;
        this.origin = origin;
        this.connections = connections;
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
    String of(UUID ownerId) {
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

    /**
     * @param allowed whether the new owner was told to take the role over
     * @return fails only when the store cannot be reached
     */
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
}
