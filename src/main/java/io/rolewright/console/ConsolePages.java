package io.rolewright.console;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.rolewright.request.Gzip;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Serves the one page of the console under each of its paths, so that every view has a link, and locks the page down: what
 * is not a file of ours does not run, is not loaded and is not called, and nobody frames it.
 */
@ApplicationScoped
class ConsolePages {

    private static final String PAGE = "/index.html";
    private static final String HOME = "/console/";

    /** A name that changes with what is in it; not in development. */
    private static final Pattern HASHED = Pattern.compile("/static/bundle/\\w+-[A-Z0-9]{8}\\.(js|css)");

    /** After the request has its id, before anything is served. */
    private static final int PRIORITY = 800;

    /**
     * No inline script or style, no eval; markup is made by one policy, Lit's, from templates that are constants. Nothing is
     * submitted by a form: a page that lost its script must not put a secret into a URL.
     */
    private static final String CONTENT_SECURITY_POLICY = String.join(
            "; ",
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types lit-html");

    private static final Map<String, String> HEADERS = Map.of(
            "Content-Security-Policy", CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options", "nosniff",
            "X-Frame-Options", "DENY",
            "Referrer-Policy", "no-referrer",
            "Cross-Origin-Opener-Policy", "same-origin",
            "Cross-Origin-Resource-Policy", "same-origin",
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");

    private final PackedFiles files;

    ConsolePages(PackedFiles files) {
        this.files = files;
    }

    void register(@Observes Filters filters) {
        filters.register(this::serve, PRIORITY);
    }

    private void serve(RoutingContext routing) {
        String path = routing.normalizedPath();
        boolean read = routing.request().method() == HttpMethod.GET
                || routing.request().method() == HttpMethod.HEAD;
        if (!read || path.startsWith("/api/") || path.startsWith("/q/")) { // not ours; /q is the Dev UI of quarkus:dev
            routing.next();
            return;
        }
        if (path.equals("/") || path.equals("/console")) {
            routing.response().setStatusCode(302).putHeader("Location", HOME).end();
            return;
        }
        if (path.startsWith(HOME)) {
            routing.reroute(PAGE);
            return;
        }
        MultiMap headers = routing.response().headers();
        headers.addAll(HEADERS);
        // The page says by which names the rest is found. Set last, because what serves files has a rule of its own.
        if (path.equals(PAGE)) {
            routing.addHeadersEndHandler(ignored -> headers.set("Cache-Control", "no-cache"));
        } else if (HASHED.matcher(path).matches()) {
            routing.addHeadersEndHandler(
                    ignored -> headers.set("Cache-Control", "public, max-age=31536000, immutable"));
        }
        if (path.equals(PAGE) || HASHED.matcher(path).matches()) {
            headers.add("Vary", "Accept-Encoding");
            if (Gzip.isAccepted(routing.request().getHeader("Accept-Encoding"))) {
                packed(routing, path);
                return;
            }
        }
        routing.next();
    }

    private void packed(RoutingContext routing, String path) {
        files.get(path).onComplete(done -> {
            PackedFiles.Packed file = done.result();
            if (file == null) { // none of that name, or too small: whoever serves the others knows what to do
                routing.next();
                return;
            }
            routing.response()
                    .putHeader("Content-Type", file.type())
                    .putHeader("Content-Encoding", Gzip.NAME)
                    .putHeader("Content-Length", Integer.toString(file.bytes().length()));
            if (routing.request().method() == HttpMethod.HEAD) {
                routing.response().end();
            } else {
                routing.response().end(file.bytes());
            }
        });
    }
}
