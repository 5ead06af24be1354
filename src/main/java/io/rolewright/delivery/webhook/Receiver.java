package io.rolewright.delivery.webhook;

import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a webhook goes and what it is signed with: what lies sealed in its row.
 *
 * @param caCert PEM of the authority of its certificate; null for the usual ones
 * @param previousKey signs beside the key until {@code previousUntil}, so that a receiver can change its secret at leisure
 */
record Receiver(
        URI url,
        @Nullable String caCert,
        byte[] key,
        byte @Nullable [] previousKey,
        @Nullable Instant previousUntil) {

    Receiver at(URI other, @Nullable String otherCaCert) {
        return new Receiver(other, otherCaCert, key, previousKey, previousUntil);
    }

    Receiver withKey(byte[] next, Instant previousKeyUntil) {
        return new Receiver(url, caCert, next, key, previousKeyUntil);
    }

    /** The header's value: one signature for each key that counts. */
    String signatures(String id, Instant now, byte[] body) {
        List<String> all = new ArrayList<>();
        all.add(Signature.of(key, id, now.getEpochSecond(), body));
        if (previousKey != null && now.isBefore(previousUntil)) {
            all.add(Signature.of(previousKey, id, now.getEpochSecond(), body));
        }
        return String.join(" ", all);
    }

    byte[] encode() {
        JsonObject json = new JsonObject().put("url", url.toString()).put("key", key);
        if (caCert != null) {
            json.put("caCert", caCert);
        }
        if (previousKey != null) {
            json.put("previousKey", previousKey).put("previousUntil", previousUntil);
        }
        return json.toBuffer().getBytes();
    }

    static Receiver decode(byte[] plain) {
        JsonObject json = new JsonObject(io.vertx.core.buffer.Buffer.buffer(plain));
        return new Receiver(
                URI.create(json.getString("url")),
                json.getString("caCert"),
                json.getBinary("key"),
                json.getBinary("previousKey"),
                json.getInstant("previousUntil"));
    }

    @Override
    public String toString() {
        return "Receiver[" + url.getHost() + "]";
    }
}
