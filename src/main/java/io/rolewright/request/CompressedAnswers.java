package io.rolewright.request;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import jakarta.annotation.Priority;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ContainerResponseFilter;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.ext.Provider;
import java.lang.annotation.Annotation;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestContext;

/** Writes and compresses the answers of {@link Compressible} operations, on a worker's thread: a long list takes tens of milliseconds. */
@Provider
@Compressible
@Priority(Priorities.ENTITY_CODER)
class CompressedAnswers implements ContainerResponseFilter {

    private static final int QUICKEST = 1;

    private final ObjectMapper json;

    CompressedAnswers(ObjectMapper json) {
        this.json = json;
    }

    @Override
    public void filter(ContainerRequestContext request, ContainerResponseContext response) {
        Object entity = response.getEntity();
        Context context = Vertx.currentContext();
        if (response.getStatus() != 200 || entity == null || context == null) {
            return;
        }
        response.getHeaders().add(HttpHeaders.VARY, HttpHeaders.ACCEPT_ENCODING);
        if (!Gzip.isAccepted(request.getHeaderString(HttpHeaders.ACCEPT_ENCODING))) {
            return;
        }
        ResteasyReactiveContainerRequestContext suspended = (ResteasyReactiveContainerRequestContext) request;
        suspended.suspend();
        context.<byte[]>executeBlocking(
                        () -> {
                            byte[] plain = json.writeValueAsBytes(entity);
                            return plain.length < Gzip.SMALLEST ? null : Gzip.of(plain, QUICKEST);
                        },
                        false)
                .onSuccess(packed -> {
                    if (packed != null) {
                        response.getHeaders().putSingle(HttpHeaders.CONTENT_ENCODING, Gzip.NAME);
                        response.setEntity(packed, new Annotation[0], MediaType.APPLICATION_JSON_TYPE);
                    }
                    suspended.resume();
                })
                .onFailure(suspended::resume);
    }
}
