package io.rolewright.rotation;

import io.quarkus.test.junit.QuarkusIntegrationTest;

/** The same against what is shipped. */
@QuarkusIntegrationTest
class DueWorkIT extends DueWorkTest {}
