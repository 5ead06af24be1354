/**
 * The store: our own PostgreSQL. How it is reached (TLS included), its schema and migrations, and what has to be done
 * against it before the service is ready.
 *
 * <p>No store transaction is ever open while a target is being talked to.
 */
@NullMarked
package io.rolewright.store;

import org.jspecify.annotations.NullMarked;
