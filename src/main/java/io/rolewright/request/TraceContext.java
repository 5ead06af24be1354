package io.rolewright.request;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * By which ids a request is found again: those that its caller has sent, where they are well-formed, and ours. What is malformed is as if it
 * had not been sent, and stands nowhere.
 *
 * @param id of the request: the caller's {@code X-Request-Id}, else his trace's id and ours, else ours
 * @param traceId 32 hexadecimal digits, of the caller's {@code traceparent}; null without one
 * @param spanId 16 hexadecimal digits: ours, of this request
 */
record TraceContext(String id, @Nullable String traceId, String spanId) {

    /** Not what begins as the ids do that this service makes: nobody shall pass his request off as another one. */
    private static final Pattern ID = Pattern.compile("(?!req-|due-)[A-Za-z0-9][A-Za-z0-9._:-]{0,127}");

    /** W3C Trace Context, level 1, §3.2: what comes after a dash is for later versions alone. */
    private static final Pattern PARENT =
            Pattern.compile("(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?");

    /**
     * @param ids values of all headers {@code X-Request-Id}
     * @param parents those of {@code traceparent}; several of either count as none
     */
    static TraceContext of(List<String> ids, List<String> parents) {
        String span = hex(8);
        String trace = parents.size() == 1 ? traceId(parents.get(0)) : null;
        if (ids.size() == 1 && ID.matcher(ids.get(0)).matches()) {
            return new TraceContext(ids.get(0), trace, span);
        }
        return new TraceContext(trace != null ? trace + "-" + span : "req-" + hex(10), trace, span);
    }

    private static @Nullable String traceId(String parent) {
        Matcher parts = PARENT.matcher(parent);
        boolean known = parts.matches() && (!parts.group(1).equals("00") || parts.group(3) == null);
        return known ? parts.group(2) : null;
    }

    /** Random: unique enough to find one request in a log, and no count of requests to read from it. */
    static String hex(int bytes) {
        byte[] bits = new byte[bytes];
        new SecureRandom().nextBytes(bits);
        return HexFormat.of().formatHex(bits);
    }
}
