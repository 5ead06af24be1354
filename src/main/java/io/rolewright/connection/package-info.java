/**
 * PostgreSQL App Connections: how to reach a customer's server and log in to it, kept sealed, on the wire of the reference.
 *
 * <p>The invariant: a connection is stored only after a login with it succeeded, and its password never leaves this package
 * except inside the {@link io.rolewright.target.Login} of one call. Read {@link io.rolewright.connection.Connections}
 * first: it has the order of things; {@code ConnectionResource} is the wire, {@code ConnectionStore} the SQL.
 */
package io.rolewright.connection;
