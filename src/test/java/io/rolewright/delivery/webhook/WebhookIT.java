package io.rolewright.delivery.webhook;

import io.quarkus.test.junit.QuarkusIntegrationTest;

/** The same against what is shipped. */
@QuarkusIntegrationTest
class WebhookIT extends WebhookTest {}
