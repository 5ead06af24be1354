/**
 * What tests stand on: real PostgreSQL servers of several versions ({@link io.rolewright.testing.TestPostgres}), certificates
 * good and bad, the store of a service under test, a clock that is moved by hand.
 */
package io.rolewright.testing;
