package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.quarkus.test.junit.QuarkusTest;
import io.rolewright.testing.RawHttp;
import io.rolewright.testing.TestStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What RFC 9112 says of requests whose ends can be seen in two ways: none of {@link Framings} brings a second request in. */
@QuarkusTest
class FramingTest {

    @Test
    void whatIsFramedAmbiguouslyIsRefusedAndBringsNothingElse() throws IOException {
        Map<String, String> wrong = new TreeMap<>();
        List<String> smuggled = new ArrayList<>();
        for (Framings.Request request : Framings.all()) {
            String id = "smuggled-" + UUID.randomUUID();
            smuggled.add(id);
            String answer;
            try (RawHttp client = RawHttp.open()) {
                answer = request.answer(client, id);
            }
            String objection = request.objection(answer);
            if (objection != null) {
                wrong.put(request.name(), objection);
            }
        }
        arrived("marker-" + UUID.randomUUID());

        assertThat(wrong).isEmpty();
        assertThat(TestStore.sql("select request_id from audit_event where request_id in ('"
                        + String.join("','", smuggled) + "')"))
                .isEmpty();
    }

    /** What would be counted of a request that got in. */
    private static void arrived(String id) throws IOException {
        try (RawHttp client = RawHttp.open()) {
            client.send(Framings.probe(id)).readUntil("}", Framings.IN_TIME);
        }
        await().untilAsserted(() -> assertThat(TestStore.sql("select from audit_event where request_id = '" + id + "'"))
                .hasSize(1));
    }
}
