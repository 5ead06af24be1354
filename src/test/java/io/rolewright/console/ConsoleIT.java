package io.rolewright.console;

import io.quarkus.test.junit.QuarkusIntegrationTest;

/** The same on what is shipped. */
@QuarkusIntegrationTest
class ConsoleIT extends ConsoleTest {}
