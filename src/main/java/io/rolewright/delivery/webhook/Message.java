package io.rolewright.delivery.webhook;

import io.rolewright.request.Moments;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One fact as a receiver gets it: a CloudEvent (1.0, structured, JSON). Sent again it is the same to the byte.
 *
 * @param id of the fact, and so the same for every receiver and every try
 * @param position grows with each fact of one subject
 * @param credentialVersion null for what is about none
 */
record Message(
        UUID id,
        long position,
        String type,
        UUID projectId,
        String subjectKind,
        UUID subjectId,
        @Nullable Long credentialVersion,
        JsonObject facts,
        Instant at) {

    static final String CONTENT_TYPE = "application/cloudevents+json; charset=utf-8";

    /** Of the reference's. */
    static final String PLAIN_CONTENT_TYPE = "application/json";

    /** What {@link Deliveries} adds to the facts that a webhook of the reference's is told of. */
    static final String ENVIRONMENT_ID = "environmentId";

    static final String ENVIRONMENT = "environment";
    static final String PATH = "secretPath";

    private static final String TYPE_PREFIX = "io.rolewright.";

    /** About nothing but the webhook itself, to see whether its receiver takes it. */
    static Message test(UUID projectId, UUID webhookId, Instant now) {
        return new Message(
                UUID.randomUUID(), 0, "webhook.test", projectId, "webhook", webhookId, null, new JsonObject(), now);
    }

    /** As {@link #test}, for a webhook of the reference's. */
    static Message test(UUID projectId, UUID webhookId, String environment, Receiver.Place place, Instant now) {
        JsonObject facts = new JsonObject()
                .put(ENVIRONMENT_ID, place.environmentId().toString())
                .put(ENVIRONMENT, environment)
                .put(PATH, place.secretPath());
        return new Message(UUID.randomUUID(), 0, "test", projectId, "webhook", webhookId, null, facts, now);
    }

    /**
     * As the reference sends it: of what has happened only where, and when it is sent. Unlike {@link #body} it is another one each time.
     *
     * @param epochMillis when it is sent; part of the signature too
     */
    byte[] plainBody(long epochMillis) {
        JsonObject project = new JsonObject()
                .put("workspaceId", projectId.toString())
                .put("projectId", projectId.toString())
                .put(ENVIRONMENT, facts.getString(ENVIRONMENT))
                .put(PATH, facts.getString(PATH));
        if (facts.containsKey("projectName")) {
            project.put("projectName", facts.getString("projectName"));
        }
        if (type.equals(SecretsEvent.ROTATION_FAILED.wireName())) {
            project.put("rotationName", facts.getString("rotationName")).put("errorMessage", facts.getString("reason"));
        }
        return new JsonObject()
                .put("event", type)
                .put("project", project)
                .put("timestamp", epochMillis)
                .toBuffer()
                .getBytes();
    }

    byte[] body() {
        String subject = switch (subjectKind) {
            case "rotation" -> "rotationId";
            case "app-connection" -> "connectionId";
            default -> subjectKind + "Id";
        };
        JsonObject data =
                new JsonObject().put("projectId", projectId.toString()).put(subject, subjectId.toString());
        if (credentialVersion != null) {
            data.put("credentialVersion", credentialVersion);
        }
        return new JsonObject()
                .put("specversion", "1.0")
                .put("id", id.toString())
                .put("source", "/api/v1/projects/" + projectId)
                .put("type", TYPE_PREFIX + type)
                .put("subject", subjectKind + "/" + subjectId)
                .put("time", Moments.text(at))
                // CloudEvents' sequence extension: compared as text
                .put("sequence", String.format("%020d", position))
                .put("datacontenttype", "application/json")
                .put("data", data.mergeIn(facts))
                .toBuffer()
                .getBytes();
    }
}
