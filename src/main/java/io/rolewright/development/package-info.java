/**
 * The embedded PostgreSQL of {@code ./mvnw quarkus:dev} and of the tests: unpacked from Maven Central, run as the user
 * who runs us, with passwords, on 127.0.0.1 only. Nothing but the tests and the development mode may use it, and nothing
 * of it is in the production jar or the executable.
 *
 * <p>Start reading at {@link io.rolewright.development.PostgresServer}.
 */
package io.rolewright.development;
