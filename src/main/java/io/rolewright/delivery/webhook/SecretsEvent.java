package io.rolewright.delivery.webhook;

import java.util.Arrays;
import java.util.List;

/** What the reference calls the events that a webhook made by its body is told of; {@link Deliveries} says of which facts they are made. */
enum SecretsEvent {
    MODIFIED("secrets.modified"),
    ROTATION_FAILED("secrets.rotation-failed");

    /** Stored for a filter that is empty: all, and those too that come to be later. */
    static final String EVERY = "secrets";

    private final String wireName;

    SecretsEvent(String wireName) {
        this.wireName = wireName;
    }

    String wireName() {
        return wireName;
    }

    static boolean isOne(String wireName) {
        return all().contains(wireName);
    }

    static List<String> all() {
        return Arrays.stream(values()).map(SecretsEvent::wireName).toList();
    }
}
