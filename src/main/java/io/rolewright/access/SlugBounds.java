package io.rolewright.access;

/** A feature that bounds projects by their slugs: then a slug is nothing that those may change whom it bounds. */
public interface SlugBounds {

    /** Whether slugs bound anything here, by the operator's settings. */
    boolean boundBySlug();
}
