package io.rolewright.delivery.vault;

import io.quarkus.test.junit.QuarkusIntegrationTest;
import io.quarkus.test.junit.TestProfile;
import io.rolewright.testing.TestVault;

/** The same against what is shipped. */
@QuarkusIntegrationTest
@TestProfile(TestVault.class)
class VaultDeliveryIT extends VaultDeliveryTest {}
