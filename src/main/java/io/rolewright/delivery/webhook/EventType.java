package io.rolewright.delivery.webhook;

import java.util.Arrays;
import java.util.List;

/** What can be subscribed to: the types of facts that the outbox holds. */
enum EventType {
    ROTATION_CREDENTIAL_CHANGED("rotation.credential-changed"),
    ROTATION_FAILED("rotation.failed"),
    ROTATION_IN_DOUBT("rotation.in-doubt"),
    ROTATION_DRIFTED("rotation.drifted"),
    ROTATION_RECOVERED("rotation.recovered"),
    /** The former name of {@link #ROTATION_RECOVERED}, kept while the version is 0.1. */
    ROTATION_WELL_AGAIN("rotation.well-again"),
    ROTATION_OVERDUE("rotation.overdue"),
    ROTATION_CREDENTIAL_EXPIRING("rotation.credential-expiring"),
    ROTATION_SECRETS_RENAMED("rotation.secrets-renamed"),
    ROTATION_DELETED("rotation.deleted"),
    CONNECTION_CREDENTIAL_CHANGED("app-connection.credential-changed"),
    CONNECTION_ROTATION_FAILED("app-connection.rotation-failed"),
    CONNECTION_ROTATION_IN_DOUBT("app-connection.rotation-in-doubt"),
    CONNECTION_DRIFTED("app-connection.drifted"),
    CONNECTION_RECOVERED("app-connection.recovered"),
    /** The former name of {@link #CONNECTION_RECOVERED}, kept while the version is 0.1. */
    CONNECTION_WELL_AGAIN("app-connection.well-again"),
    CONNECTION_OVERDUE("app-connection.overdue"),
    CONNECTION_CREDENTIAL_EXPIRING("app-connection.credential-expiring");

    private final String wireName;

    EventType(String wireName) {
        this.wireName = wireName;
    }

    static boolean isOne(String wireName) {
        return all().contains(wireName);
    }

    static List<String> all() {
        return Arrays.stream(values()).map(type -> type.wireName).toList();
    }
}
