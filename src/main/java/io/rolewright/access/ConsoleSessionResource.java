package io.rolewright.access;

import io.netty.handler.codec.http.cookie.ServerCookieDecoder;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.smallrye.mutiny.Uni;
import io.vertx.core.http.Cookie;
import io.vertx.core.http.CookieSameSite;
import io.vertx.core.http.HttpServerRequest;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.security.SecurityRequirements;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestResponse;

/**
 * Lets a page of the console that is loaded anew go on as who signed in, by a cookie that no script reads.
 *
 * <p><b>What this protects against:</b> a cookie that does more than that. The browser sends it to one path, which accepts it from
 * pages of this origin only and answers with an access token; nothing else looks at it, and as a bearer token it is refused.
 * <b>What it does not:</b> somebody at the same browser, for as long as the session lasts and the browser is open.
 */
@Path(ConsoleSessionResource.PATH)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
class ConsoleSessionResource {

    static final String PATH = "/api/v1/auth/console-session";

    /** The only path that the browser sends it to. */
    private static final String ACCEPTED_AT = PATH + "/resume";

    /** With the prefix a browser takes it over TLS only, from us only over TLS (RFC 6265bis §4.1.3.1). */
    private static final String NAME = "rolewright-console";

    private static final String SECURE_NAME = "__Secure-" + NAME;

    private final Tokens tokens;
    private final RequestOrigins origins;
    private final CurrentVertxRequest current;

    ConsoleSessionResource(Tokens tokens, RequestOrigins origins, CurrentVertxRequest current) {
        this.tokens = tokens;
        this.origins = origins;
        this.current = current;
    }

    @POST
    @Operation(
            operationId = "keepConsoleSession",
            summary = "Let the console go on after a reload",
            description =
                    "For the console. Sets a cookie (HttpOnly, SameSite=Strict, Secure over TLS) that `…/resume` alone accepts"
                            + " and that ends with the login of the bearer token, or when that is revoked. Not with a static token.")
    public Uni<RestResponse<Kept>> keep() {
        HttpServerRequest request = current.getCurrent().request();
        if (request.getHeader(PageOrigin.HEADER) != null) {
            PageOrigin.require(request);
        }
        String bearer = origins.bearerOfCurrentRequest().orElseThrow(TokenRefused::missing);
        return tokens.session(bearer, origins.ofCurrentRequest()).map(session -> {
            request.response().addCookie(cookie(request, session));
            return NoStore.ok(new Kept("A page of the console that is loaded anew goes on as you."));
        });
    }

    @POST
    @Path("resume")
    @Public
    @SecurityRequirements
    @Operation(
            operationId = "resumeConsoleSession",
            summary = "Go on after a reload of the console",
            description =
                    "For the console: an access token for the cookie of `keepConsoleSession`, of the same login, as a renewal"
                            + " would give. Only for a page of this origin (`Origin`), else 403 `forbidden`. A cookie that does not"
                            + " count any more is taken away.")
    public Uni<RestResponse<GrantedToken>> resume() {
        HttpServerRequest request = current.getCurrent().request();
        PageOrigin.require(request);
        List<String> sent = sent(request, PageOrigin.isSecure(request) ? SECURE_NAME : NAME);
        if (sent.isEmpty()) {
            throw TokenRefused.missing();
        }
        // Of two, one is not ours: somebody else of this domain may have set it.
        Uni<GrantedToken> resumed = sent.size() == 1
                ? tokens.resume(sent.get(0), origins.ofCurrentRequest())
                : Uni.createFrom().failure(TokenRefused.invalid());
        return resumed.onFailure(TokenRefused.class)
                .invoke(() -> request.response().addCookie(cookie(request, "").setMaxAge(0)))
                .map(NoStore::ok);
    }

    /** Every one of this name: Vert.x would show one of two. */
    private static List<String> sent(HttpServerRequest request, String name) {
        return request.headers().getAll("Cookie").stream()
                .flatMap(header -> ServerCookieDecoder.STRICT.decodeAll(header).stream())
                .filter(cookie -> cookie.name().equals(name))
                .map(io.netty.handler.codec.http.cookie.Cookie::value)
                .toList();
    }

    /** Until the browser is closed; how long it counts, it says itself. */
    private static Cookie cookie(HttpServerRequest request, String value) {
        boolean secure = PageOrigin.isSecure(request);
        return Cookie.cookie(secure ? SECURE_NAME : NAME, value)
                .setPath(ACCEPTED_AT)
                .setHttpOnly(true)
                .setSameSite(CookieSameSite.STRICT)
                .setSecure(secure);
    }

    @Schema(name = "ConsoleSessionResponse")
    record Kept(
            @Schema(required = true, examples = "A page of the console that is loaded anew goes on as you.")
            String message) {}
}
