package io.rolewright.listener;

import io.vertx.core.http.HttpServerRequest;

/** What others may ask about bodies. */
public final class RequestBodies {

    private RequestBodies() {}

    /** Whether the client has sent all of it, or of a body of which we do not know. On the event loop of the request. */
    public static boolean hasArrived(HttpServerRequest request) {
        Peer peer = Peer.of(request);
        return peer == null || peer.hasWholeRequest();
    }
}
