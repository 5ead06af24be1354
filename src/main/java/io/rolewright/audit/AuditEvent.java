package io.rolewright.audit;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.store.StoreIsACopy;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One act of one caller. Everything in it is stored in clear, searched and logged: <b>names and ids only</b>, never a
 * password, token, key, host name of a target, request body or driver text.
 *
 * @param type one of {@link AuditType}
 * @param outcome how it ended
 * @param actorId identity of the caller; null if nobody was recognised
 * @param actorName his name; for a login that failed, the client id that was tried
 * @param address where the request came from, after trusted proxies; null for what the service does by itself
 * @param requestId the {@code reqId} that the caller was shown
 * @param projectId project of the subject; null for what belongs to the organisation
 * @param subjectKind what was acted on, e.g. {@code app-connection}; null if nothing in particular
 * @param subjectId its id, or what the caller called it
 * @param reason stable code of a refusal or failure, e.g. a Problem's code; null on success
 * @param facts more names, ids, numbers and booleans, under the reference's keys where it has some
 */
public record AuditEvent(
        String type,
        Outcome outcome,
        @Nullable UUID actorId,
        @Nullable String actorName,
        @Nullable String address,
        @Nullable String requestId,
        @Nullable UUID projectId,
        @Nullable String subjectKind,
        @Nullable String subjectId,
        @Nullable String reason,
        Map<String, Object> facts) {

    public AuditEvent {
        // Not Map.copyOf: it refuses null values, and its order changes from run to run.
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    }

    public static AuditEvent success(String type) {
        return new AuditEvent(type, Outcome.SUCCESS, null, null, null, null, null, null, null, null, Map.of());
    }

    /** @param reason stable code, e.g. {@code permission_denied} */
    public static AuditEvent refused(String type, String reason) {
        return new AuditEvent(type, Outcome.REFUSED, null, null, null, null, null, null, null, reason, Map.of());
    }

    /** @param reason stable code, e.g. {@code connection_test_failed} */
    public static AuditEvent failed(String type, String reason) {
        return new AuditEvent(type, Outcome.FAILED, null, null, null, null, null, null, null, reason, Map.of());
    }

    /**
     * What a request came to that ended with a problem: refused, if it lacked a right, in the project of what was asked for; else failed. Whoever
     * makes one records it.
     */
    public static AuditEvent ended(String type, Problem problem) {
        problem.setRecorded();
        return problem.isRefusal() ? refused(type, problem.code()).in(problem.project()) : failed(type, problem.code());
    }

    /** The same of whatever ended it: what has no code on the wire is a fault of this service. */
    public static AuditEvent ended(String type, Throwable failure) {
        if (failure instanceof Problem problem) {
            return ended(type, problem);
        }
        return failed(
                type,
                failure instanceof ValidationProblem
                        ? "validation_failed"
                        : (failure instanceof StoreIsACopy ? ErrorCode.STORE_IS_A_COPY : ErrorCode.INTERNAL_ERROR)
                                .code());
    }

    public AuditEvent by(@Nullable UUID id, @Nullable String name) {
        return new AuditEvent(
                type, outcome, id, name, address, requestId, projectId, subjectKind, subjectId, reason, facts);
    }

    public AuditEvent from(@Nullable String callerAddress, @Nullable String reqId) {
        return new AuditEvent(
                type,
                outcome,
                actorId,
                actorName,
                callerAddress,
                reqId,
                projectId,
                subjectKind,
                subjectId,
                reason,
                facts);
    }

    public AuditEvent in(@Nullable UUID project) {
        return new AuditEvent(
                type, outcome, actorId, actorName, address, requestId, project, subjectKind, subjectId, reason, facts);
    }

    public AuditEvent on(@Nullable String kind, @Nullable Object id) {
        return new AuditEvent(
                type,
                outcome,
                actorId,
                actorName,
                address,
                requestId,
                projectId,
                kind,
                id == null ? null : id.toString(),
                reason,
                facts);
    }

    /** Adds one fact. */
    public AuditEvent with(String name, @Nullable Object value) {
        var more = new LinkedHashMap<>(facts);
        more.put(name, value);
        return new AuditEvent(
                type, outcome, actorId, actorName, address, requestId, projectId, subjectKind, subjectId, reason, more);
    }
}
