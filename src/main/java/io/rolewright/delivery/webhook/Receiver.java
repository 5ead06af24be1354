package io.rolewright.delivery.webhook;

import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Where a webhook goes and what it is signed with: what lies sealed in its row.
 *
 * @param caCert PEM of the authority of its certificate; null for the usual ones
 * @param place null for ours; else it was made by the reference's body, and gets its message and its signature
 * @param previousKey signs beside the key until {@code previousUntil}, so that a receiver can change its secret at leisure
 */
record Receiver(
        URI url,
        @Nullable String caCert,
        byte[] key,
        byte @Nullable [] previousKey,
        @Nullable Instant previousUntil,
        @Nullable Place place) {

    Receiver(
            URI url,
            @Nullable String caCert,
            byte[] key,
            byte @Nullable [] previousKey,
            @Nullable Instant previousUntil) {
        this(url, caCert, key, previousKey, previousUntil, null);
    }

    /**
     * The secrets that a webhook of the reference's is about, and what its messages are signed with.
     *
     * @param secretPath may end with {@code /*}, which is one level, or {@code /**}, which is the path and all below it
     * @param secretKey null for one whose messages are not signed
     */
    record Place(
            UUID environmentId, String secretPath, @Nullable String secretKey) {

        boolean covers(Message message) {
            String path = message.facts().getString(Message.PATH);
            return environmentId.toString().equals(message.facts().getString(Message.ENVIRONMENT_ID))
                    && path != null
                    && covers(path);
        }

        private boolean covers(String path) {
            if (secretPath.endsWith("/**")) {
                String above = secretPath.substring(0, secretPath.length() - 3);
                return path.equals(above) || path.startsWith(above + "/");
            }
            if (secretPath.endsWith("/*")) {
                String above = secretPath.substring(0, secretPath.length() - 1);
                return path.length() > above.length()
                        && path.startsWith(above)
                        && path.indexOf('/', above.length()) < 0;
            }
            return path.equals(secretPath);
        }

        @Override
        public String toString() {
            return "Place[" + environmentId + " " + secretPath + "]";
        }
    }

    Receiver at(URI other, @Nullable String otherCaCert) {
        return new Receiver(other, otherCaCert, key, previousKey, previousUntil, place);
    }

    Receiver withKey(byte[] next, Instant previousKeyUntil) {
        return new Receiver(url, caCert, next, key, previousKeyUntil, place);
    }

    /** Whether it has asked for this: what the store's rows say of it may be somebody else's word. */
    boolean wants(Message message) {
        return place == null || place.covers(message);
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
        if (place != null) {
            json.put(
                    "place",
                    new JsonObject()
                            .put("environmentId", place.environmentId().toString())
                            .put("secretPath", place.secretPath())
                            .put("secretKey", place.secretKey()));
        }
        return json.toBuffer().getBytes();
    }

    static Receiver decode(byte[] plain) {
        JsonObject json = new JsonObject(io.vertx.core.buffer.Buffer.buffer(plain));
        JsonObject place = json.getJsonObject("place");
        return new Receiver(
                URI.create(json.getString("url")),
                json.getString("caCert"),
                json.getBinary("key"),
                json.getBinary("previousKey"),
                json.getInstant("previousUntil"),
                place == null
                        ? null
                        : new Place(
                                UUID.fromString(place.getString("environmentId")),
                                place.getString("secretPath"),
                                place.getString("secretKey")));
    }

    @Override
    public String toString() {
        return "Receiver[" + url.getHost() + "]";
    }
}
