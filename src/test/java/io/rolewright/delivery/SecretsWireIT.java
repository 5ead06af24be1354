package io.rolewright.delivery;

import io.quarkus.test.junit.QuarkusIntegrationTest;

/** The same against what is shipped. */
@QuarkusIntegrationTest
class SecretsWireIT extends SecretsWireTest {}
