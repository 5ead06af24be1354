package io.rolewright.access;

import io.rolewright.idempotency.ProvenRight;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one place that decides whether a caller may do something.
 *
 * <p>How an endpoint asks:
 * <ol>
 * <li>At first, before anything is looked up, {@link #reach}: who has the right nowhere is refused there, whatever the
 *     request names.
 * <li>A list shows what its reach covers.
 * <li>For one thing that was looked up, {@link #requireOn}: what the caller may not see is not there.
 * <li>For something new, {@link #require} in its project.
 * </ol>
 */
public final class Rights {

    private Rights() {}

    /**
     * Where the caller has the right.
     *
     * @throws Problem 403 {@code permission_denied} if nowhere
     */
    public static Reach reach(Caller caller, Right right) {
        var reach = caller.grants().reach(right);
        if (reach.isNowhere()) {
            throw denied(right);
        }
        return reach;
    }

    /** The same for what is only part of an answer, and left out for who has the right nowhere. */
    public static Reach reachIfAny(Caller caller, Right right) {
        return caller.grants().reach(right);
    }

    /**
     * Lets the caller go on or refuses, for what belongs to the organisation.
     *
     * @return what whoever must not act without having asked wants to see
     * @throws Problem 403 {@code permission_denied}, naming the action and the subject
     */
    public static ProvenRight require(Caller caller, Right right) {
        return require(caller, right, "");
    }

    /**
     * The same, where it is not obvious why it takes this right.
     *
     * @param because appended to the sentence of the refusal; empty, or it begins with {@code ", "} or the like
     */
    public static ProvenRight require(Caller caller, Right right, String because) {
        return required(caller, right, null, because);
    }

    /**
     * The same for what belongs to a project that the caller is known to see.
     *
     * @return what whoever must not act without having asked wants to see
     * @throws Problem 403 {@code permission_denied}, naming the action and the subject
     */
    public static ProvenRight require(Caller caller, Right right, UUID projectId) {
        return require(caller, right, projectId, "");
    }

    /** The same, where it is not obvious why it takes this right. */
    public static ProvenRight require(Caller caller, Right right, UUID projectId, String because) {
        return required(caller, right, projectId, because);
    }

    private static ProvenRight required(Caller caller, Right right, @Nullable UUID projectId, String because) {
        if (!caller.grants().allow(right, projectId)) {
            throw denied(right, because).in(projectId);
        }
        return new Proven(caller.id());
    }

    /**
     * Lets the caller go on with a thing that exists, or refuses.
     *
     * @param seeing the right without which the thing is not there for the caller
     * @param projectId the project that the thing belongs to
     * @param notThere what is answered if the thing does not exist
     * @return what whoever must not act without having asked wants to see
     * @throws Problem {@code notThere}, or 403 {@code permission_denied} for a thing that the caller may see
     */
    public static ProvenRight requireOn(
            Caller caller, Right right, Right seeing, UUID projectId, Supplier<? extends Problem> notThere) {
        if (!caller.grants().allow(right, projectId)) {
            throw caller.grants().allow(seeing, projectId)
                    ? denied(right).in(projectId)
                    : notThere.get().hiding(projectId);
        }
        return new Proven(caller.id());
    }

    /**
     * Only asks, for what is said in an answer or left out of it; whoever acts asks with {@link #require} or {@link #requireOn}.
     *
     * @param projectId the project that the thing belongs to, or null for the organisation
     */
    public static boolean allows(Caller caller, Right right, @Nullable UUID projectId) {
        return caller.grants().allow(right, projectId);
    }

    private static final class Proven extends ProvenRight {
        Proven(UUID holder) {
            super(holder);
        }
    }

    /** The refusal, for whoever has not even found what the caller asks for. */
    public static Problem denied(Right right) {
        return denied(right, "");
    }

    private static Problem denied(Right right, String because) {
        return Problem.of(
                ErrorCode.PERMISSION_DENIED,
                "You are not allowed to " + right.action() + " on " + right.subject() + because + ".",
                Map.of("action", right.action(), "subject", right.subject()));
    }
}
