package io.rolewright.credential;

import io.rolewright.password.PasswordPolicy;
import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A feature whose records own managed roles; it says on which terms, and is told what became of them. One bean per kind. */
public interface RoleOwner {

    /** {@code rotation} or {@code connection}, as in {@link ManagedRoles.NewRole#ownerKind}. */
    String kind();

    /** @param projectId null for one of the organisation */
    record Named(String name, @Nullable UUID projectId) {}

    /** What an owner is called, for those who may see it. Joins the running transaction; null item: it is gone. */
    Uni<@Nullable Named> named(UUID ownerId);

    /** On which terms this role's password is changed now. Called outside of any store transaction; null item: the owner is gone. */
    Uni<@Nullable Terms> terms(UUID ownerId, UUID roleId);

    /**
     * A new version has become current. Called inside the store transaction that makes it so, and joins it: the owner moves its own
     * columns, writes audit and outbox. Not called when the current version was merely applied again.
     *
     * @return when the next scheduled change of this very role is due, for owners without a schedule of their own table; else null
     */
    Uni<@Nullable Instant> promoted(Promotion promotion);

    /**
     * An attempt has failed for good, or was parked for another reason than before. Called inside the store transaction that writes it
     * down, and joins it.
     *
     * @return what is next
     */
    Uni<Next> ended(Ending ending);

    /**
     * What follows an attempt that came to nothing.
     *
     * @param change as for {@link #promoted}; null keeps what there is (a scheduled change that failed is then tried again after the shortest pause of a {@link Plan})
     * @param attempt when the owner's own schedule tries again; null for owners without one
     */
    record Next(@Nullable Instant change, @Nullable Instant attempt) {}

    /** The role left its {@code state} or {@code reason}, for example was found changed by a third party. Joins the transaction. */
    default Uni<Void> noticed(Notice notice) {
        return Uni.createFrom().voidItem();
    }

    /**
     * The marker of somebody else is about to be replaced by ours, because the owner allowed it: the leave is used up. Called inside the
     * store transaction that writes it down before it is sent, and joins it.
     *
     * @param replaced the other marker
     */
    default Uni<Void> takesOver(UUID ownerId, UUID roleId, String replaced, Instant at) {
        return Uni.createFrom().voidItem();
    }

    /**
     * @param version of the credential, as its consumers see it; 0 before the first
     * @param takeover whether a marker of another store or rotation is replaced
     * @param allowPrivileged whether superuser and replication roles may be changed
     */
    record Terms(long version, boolean takeover, boolean allowPrivileged, PasswordPolicy policy, DriftPolicy drift) {}

    /**
     * @param number of the version that is current now
     * @param floor the credential's version, as consumers see it, is to be above this one too; 0 where the store has forgotten none
     */
    record Promotion(
            UUID ownerId,
            UUID roleId,
            UUID attemptId,
            Cause cause,
            Actor actor,
            UUID versionId,
            long number,
            long floor,
            Instant at) {}

    /**
     * @param finished whether the attempt has failed for good; else it is parked and tried again at {@code nextTryAt}
     * @param inDoubt whether a send was left without an answer
     * @param reason stable code
     */
    record Ending(
            UUID ownerId,
            UUID roleId,
            UUID attemptId,
            Cause cause,
            Actor actor,
            boolean finished,
            boolean inDoubt,
            String reason,
            @Nullable String sqlState,
            String message,
            @Nullable Instant nextTryAt,
            Instant at) {}

    /**
     * @param reason {@code changed_by_third_party}, {@code target_went_back}, or what a probe found; {@code ok} when all is well again
     */
    record Notice(UUID ownerId, UUID roleId, String reason, String message, Instant at) {}
}
