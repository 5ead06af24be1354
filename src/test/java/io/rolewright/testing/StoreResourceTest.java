package io.rolewright.testing;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Test;

@QuarkusTest
class StoreResourceTest {

    @Test
    void theServiceUnderTestHasAStoreOfItsOwn() {
        String url = ConfigProvider.getConfig().getValue("quarkus.datasource.reactive.url", String.class);

        assertThat(url).endsWith("/" + TestStore.database());
        assertThat(TestStore.sql("SELECT current_database()").get(0).getString(0))
                .isEqualTo(TestStore.database());
    }
}
