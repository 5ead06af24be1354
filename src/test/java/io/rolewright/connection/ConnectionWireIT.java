package io.rolewright.connection;

import io.quarkus.test.junit.QuarkusIntegrationTest;

/** The same against what is shipped: the packaged jar, or the executable. */
@QuarkusIntegrationTest
class ConnectionWireIT extends ConnectionWireTest {}
