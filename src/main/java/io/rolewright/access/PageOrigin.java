package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.vertx.core.http.HttpServerRequest;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Which page a browser sends a request for, by the header {@code Origin} (RFC 6454 §7), which no page can choose. */
final class PageOrigin {

    static final String HEADER = "Origin";

    private PageOrigin() {}

    /** @throws Problem 403 {@code forbidden} unless a page of this service asks: the same host and port as the request is made to */
    static void require(HttpServerRequest request) {
        List<String> said = request.headers().getAll(HEADER);
        String site = request.getHeader("Sec-Fetch-Site");
        if (said.size() != 1 || !isOurs(said.get(0), request) || site != null && !site.equals("same-origin")) {
            throw Problem.of(
                    ErrorCode.FORBIDDEN,
                    "Only a page of the console that was loaded from this address may do this (Origin).");
        }
    }

    /** Whether the browser speaks TLS, wherever that ends: the page knows by which scheme it was loaded. */
    static boolean isSecure(HttpServerRequest request) {
        String origin = request.getHeader(HEADER);
        return origin == null
                ? request.isSSL()
                : origin.toLowerCase(Locale.ROOT).startsWith("https:");
    }

    private static boolean isOurs(String origin, HttpServerRequest request) {
        String host = request.getHeader("Host");
        URI page = parse(origin);
        if (page == null || host == null || page.getRawAuthority() == null) {
            return false;
        }
        String scheme = page.getScheme().toLowerCase(Locale.ROOT);
        return (scheme.equals("https") || scheme.equals("http"))
                && origin.equalsIgnoreCase(scheme + "://" + page.getRawAuthority())
                && without(page.getRawAuthority(), scheme).equalsIgnoreCase(without(host, scheme));
    }

    private static @Nullable URI parse(String origin) {
        try {
            URI page = URI.create(origin);
            return page.getScheme() == null ? null : page;
        } catch (IllegalArgumentException malformed) {
            return null;
        }
    }

    /** The port that a browser leaves out. */
    private static String without(String authority, String scheme) {
        String port = scheme.equals("https") ? ":443" : ":80";
        return authority.endsWith(port) ? authority.substring(0, authority.length() - port.length()) : authority;
    }
}
