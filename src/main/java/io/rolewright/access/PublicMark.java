package io.rolewright.access;

import jakarta.annotation.Priority;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.ext.Provider;

/** Runs only where {@link Public} stands, and before {@link Guard}: without its mark the guard wants a token. */
@Provider
@Public
@Priority(Priorities.AUTHENTICATION - 100)
class PublicMark implements ContainerRequestFilter {

    static final String PROPERTY = PublicMark.class.getName();

    @Override
    public void filter(ContainerRequestContext request) {
        request.setProperty(PROPERTY, Boolean.TRUE);
    }
}
