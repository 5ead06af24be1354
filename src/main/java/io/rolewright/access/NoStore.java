package io.rolewright.access;

import jakarta.ws.rs.core.HttpHeaders;
import org.jboss.resteasy.reactive.RestResponse;
import org.jboss.resteasy.reactive.RestResponse.ResponseBuilder;

/** Replies that nobody on the way may keep (RFC 9111 §5.2.2.5). */
final class NoStore {

    private NoStore() {}

    static <T> RestResponse<T> ok(T body) {
        return ResponseBuilder.ok(body)
                .header(HttpHeaders.CACHE_CONTROL, "no-store")
                .build();
    }
}
