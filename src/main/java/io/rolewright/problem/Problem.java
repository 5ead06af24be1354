package io.rolewright.problem;

import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A request that we understood and will not carry out. {@code ProblemMappers} renders it in the one error shape.
 *
 * <p>It carries no stack trace: it is an expected answer, not a fault. Features subclass it or use {@link #of}.
 */
public class Problem extends RuntimeException {

    /** Under which the context of a request has the problem that ended it. */
    public static final String OF_REQUEST = "rolewright.problem";

    private final ErrorCode code;
    private final String message;
    private final transient Map<String, Object> details;
    private final transient Map<String, String> headers;
    private transient @Nullable UUID project;
    private transient boolean hiding;
    private transient boolean recorded;

    /**
     * @param code what programs decide by, with its status
     * @param message shown to the caller: names and ids only, never SQL, driver text or a secret
     * @param details what helps to get out of it (for example the exact GRANT); may be empty
     * @param headers response headers, such as {@code Retry-After}; may be empty
     */
    protected Problem(ErrorCode code, String message, Map<String, Object> details, Map<String, String> headers) {
        super(message, null, false, false);
        this.code = code;
        this.message = message;
        this.details = Map.copyOf(details);
        this.headers = Map.copyOf(headers);
    }

    public static Problem of(ErrorCode code, String message) {
        return new Problem(code, message, Map.of(), Map.of());
    }

    public static Problem of(ErrorCode code, String message, Map<String, Object> details) {
        return new Problem(code, message, details, Map.of());
    }

    public ErrorCode errorCode() {
        return code;
    }

    /** As on the wire. */
    public String code() {
        return code.code();
    }

    @Override
    public String getMessage() {
        return message;
    }

    public final int status() {
        return code.status();
    }

    public Map<String, Object> details() {
        return details;
    }

    public Map<String, String> headers() {
        return headers;
    }

    /** Says of which project that is which was asked for. The answer says nothing of it; the audit does. */
    public Problem in(@Nullable UUID projectId) {
        project = projectId;
        return this;
    }

    /** The same of a thing that is there, and is answered as if it were not, because the caller does not see that project. */
    public Problem hiding(UUID projectId) {
        hiding = true;
        return in(projectId);
    }

    /** @return the project of what was asked for, which the caller may not know; null if it was not found out, or is none */
    public @Nullable UUID project() {
        return project;
    }

    /** @return whether it says that the caller is nobody or lacks a right, or hides from him what he lacks the right to see */
    public boolean isRefusal() {
        return hiding || status() == 401 || status() == 403;
    }

    /** To be called by whoever records it in the audit. */
    public void setRecorded() {
        recorded = true;
    }

    /** @return whether somebody has recorded it, so that nobody else need */
    public boolean isRecorded() {
        return recorded;
    }
}
