package io.rolewright.connection;

import io.quarkus.test.junit.QuarkusIntegrationTest;
import io.quarkus.test.junit.TestProfile;

/** The same against what is shipped: the packaged jar, or the executable. */
@QuarkusIntegrationTest
@TestProfile(SilentTargetTest.OneStoreSession.class)
class SilentTargetIT extends SilentTargetTest {}
