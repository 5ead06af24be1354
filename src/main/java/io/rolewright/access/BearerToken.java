package io.rolewright.access;

import io.vertx.core.http.HttpServerRequest;
import java.util.Optional;

/** The token of {@code Authorization: Bearer <token>} (RFC 6750 §2.1). */
final class BearerToken {

    private static final String SCHEME = "Bearer ";

    private BearerToken() {}

    /** @return empty if there is no such header, several of them, or another scheme in it */
    static Optional<String> of(HttpServerRequest request) {
        var headers = request.headers().getAll("Authorization");
        if (headers.size() != 1 || !headers.get(0).regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            return Optional.empty();
        }
        return Optional.of(headers.get(0).substring(SCHEME.length()).strip()).filter(token -> !token.isEmpty());
    }
}
