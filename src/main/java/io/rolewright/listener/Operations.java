package io.rolewright.listener;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Every operation of the API with the largest body that it takes. A test holds this table against the OpenAPI document, so whoever adds
 * an operation has to choose; what is not in it may send as much as an operation without a body.
 */
public final class Operations {

    private static final String TABLE = """
            GET    NONE          /api/status
            GET    NONE          /api/v1/app-connections
            GET    NONE          /api/v1/app-connections/options
            GET    NONE          /api/v1/app-connections/postgres
            POST   PEM           /api/v1/app-connections/postgres
            GET    NONE          /api/v1/app-connections/postgres/available
            GET    NONE          /api/v1/app-connections/postgres/connection-name/{connectionName}
            POST   PEM           /api/v1/app-connections/postgres/test
            GET    NONE          /api/v1/app-connections/postgres/{connectionId}
            DELETE NONE          /api/v1/app-connections/postgres/{connectionId}
            PATCH  PEM           /api/v1/app-connections/postgres/{connectionId}
            GET    NONE          /api/v1/app-connections/postgres/{connectionId}/active
            GET    NONE          /api/v1/app-connections/postgres/{connectionId}/ca.pem
            GET    NONE          /api/v1/app-connections/postgres/{connectionId}/versions
            GET    NONE          /api/v1/app-connections/postgres/{connectionId}/attempts
            POST   NONE          /api/v1/app-connections/postgres/{connectionId}/release
            POST   NONE          /api/v1/app-connections/postgres/{connectionId}/rotate
            POST   FORM          /api/v1/app-connections/postgres/{connectionId}/test
            POST   NONE          /api/v1/app-connections/postgres/{connectionId}/verify
            GET    NONE          /api/v1/app-connections/postgres/{connectionId}/usage
            GET    NONE          /api/v1/audit-events
            GET    NONE          /api/v1/audit-events/export.csv
            GET    NONE          /api/v1/audit-events/export.jsonl
            GET    NONE          /api/v1/auth/caller
            POST   NONE          /api/v1/auth/console-session
            POST   NONE          /api/v1/auth/console-session/resume
            PUT    PEM           /api/v1/auth/kubernetes-auth/identities/{identityId}
            POST   PEM           /api/v1/auth/kubernetes-auth/identities/{identityId}
            PATCH  PEM           /api/v1/auth/kubernetes-auth/identities/{identityId}
            DELETE NONE          /api/v1/auth/kubernetes-auth/identities/{identityId}
            GET    NONE          /api/v1/auth/kubernetes-auth/identities/{identityId}
            POST   FOREIGN_TOKEN /api/v1/auth/kubernetes-auth/login
            PUT    PEM           /api/v1/auth/oidc-auth/identities/{identityId}
            POST   PEM           /api/v1/auth/oidc-auth/identities/{identityId}
            PATCH  PEM           /api/v1/auth/oidc-auth/identities/{identityId}
            DELETE NONE          /api/v1/auth/oidc-auth/identities/{identityId}
            GET    NONE          /api/v1/auth/oidc-auth/identities/{identityId}
            POST   FOREIGN_TOKEN /api/v1/auth/oidc-auth/login
            POST   FOREIGN_TOKEN /api/v1/auth/jwt-auth/login
            GET    NONE          /api/v1/auth/signing-keys
            POST   FORM          /api/v1/auth/signing-keys/rotate
            GET    NONE          /api/v1/auth/token-auth/identities/{identityId}/tokens
            POST   FORM          /api/v1/auth/token-auth/identities/{identityId}/tokens
            POST   NONE          /api/v1/auth/token-auth/identities/{identityId}/tokens/{tokenId}/revoke
            GET    NONE          /api/v1/auth/token-auth/identities/{identityId}
            POST   FORM          /api/v1/auth/token-auth/identities/{identityId}
            PATCH  FORM          /api/v1/auth/token-auth/identities/{identityId}
            DELETE NONE          /api/v1/auth/token-auth/identities/{identityId}
            GET    NONE          /api/v1/auth/token-auth/tokens/{tokenId}
            PATCH  FORM          /api/v1/auth/token-auth/tokens/{tokenId}
            POST   NONE          /api/v1/auth/token-auth/tokens/{tokenId}/revoke
            GET    NONE          /api/v1/auth/universal-auth/identities/{identityId}
            POST   FORM          /api/v1/auth/universal-auth/identities/{identityId}
            PATCH  FORM          /api/v1/auth/universal-auth/identities/{identityId}
            DELETE NONE          /api/v1/auth/universal-auth/identities/{identityId}
            POST   LOGIN         /api/v1/auth/token/renew
            POST   LOGIN         /api/v1/auth/token/revoke
            GET    NONE          /api/v1/auth/universal-auth/identities/{identityId}/client-secrets
            POST   FORM          /api/v1/auth/universal-auth/identities/{identityId}/client-secrets
            GET    NONE          /api/v1/auth/universal-auth/identities/{identityId}/client-secrets/{clientSecretId}
            POST   NONE          /api/v1/auth/universal-auth/identities/{identityId}/client-secrets/{clientSecretId}/revoke
            POST   LOGIN         /api/v1/auth/universal-auth/login
            GET    NONE          /api/v1/discarded-passwords
            GET    NONE          /api/v1/discarded-passwords/{passwordId}
            GET    NONE          /api/v1/identities
            POST   FORM          /api/v1/identities
            GET    NONE          /api/v1/identities/details
            GET    NONE          /api/v1/identities/{identityId}
            DELETE NONE          /api/v1/identities/{identityId}
            PATCH  FORM          /api/v1/identities/{identityId}
            GET    NONE          /api/v1/keys
            GET    NONE          /api/v1/keys/runs
            POST   FORM          /api/v1/keys/runs
            GET    NONE          /api/v1/keys/runs/{runId}
            GET    NONE          /api/v1/projects
            POST   FORM          /api/v1/projects
            GET    NONE          /api/v1/projects/slug/{slug}
            GET    NONE          /api/v1/projects/{projectId}
            DELETE NONE          /api/v1/projects/{projectId}
            PATCH  FORM          /api/v1/projects/{projectId}
            GET    NONE          /api/v1/projects/{projectId}/identities
            POST   FORM          /api/v1/projects/{projectId}/identities
            GET    NONE          /api/v1/projects/{projectId}/identities/{identityId}
            DELETE NONE          /api/v1/projects/{projectId}/identities/{identityId}
            PATCH  FORM          /api/v1/projects/{projectId}/identities/{identityId}
            GET    NONE          /api/v1/projects/{projectId}/identity-memberships
            PUT    FORM          /api/v1/projects/{projectId}/identity-memberships/{identityId}
            DELETE NONE          /api/v1/projects/{projectId}/identity-memberships/{identityId}
            GET    NONE          /api/v1/projects/{projectId}/memberships/identities/{identityId}
            PATCH  FORM          /api/v1/projects/{projectId}/memberships/identities/{identityId}
            POST   NONE          /api/v1/rotations/run-due
            GET    NONE          /api/v1/store
            POST   NONE          /api/v1/store/adopt
            GET    NONE          /api/v1/webhooks
            POST   PEM           /api/v1/webhooks
            GET    NONE          /api/v1/webhooks/{webhookId}
            DELETE NONE          /api/v1/webhooks/{webhookId}
            PATCH  PEM           /api/v1/webhooks/{webhookId}
            GET    NONE          /api/v1/webhooks/{webhookId}/deliveries
            GET    NONE          /api/v1/webhooks/{webhookId}/deliveries/{deliveryId}
            POST   NONE          /api/v1/webhooks/{webhookId}/deliveries/{deliveryId}/replay
            POST   NONE          /api/v1/webhooks/{webhookId}/replay-dead
            POST   NONE          /api/v1/webhooks/{webhookId}/rotate-secret
            POST   NONE          /api/v1/webhooks/{webhookId}/test
            GET    NONE          /api/v1/troubles
            GET    NONE          /api/v2/secret-rotations
            GET    NONE          /api/v2/secret-rotations/options
            GET    NONE          /api/v2/secret-rotations/postgres-credentials
            POST   FORM          /api/v2/secret-rotations/postgres-credentials
            POST   FORM          /api/v2/secret-rotations/postgres-credentials/preflight
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/rotation-name/{rotationName}
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}
            DELETE NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}
            PATCH  FORM          /api/v2/secret-rotations/postgres-credentials/{rotationId}
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/active
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/ca.pem
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/attempts
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/generated-credentials
            POST   NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/preflight
            POST   NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/rotate-secrets
            POST   NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/verify
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/usage
            GET    NONE          /api/v2/secret-rotations/postgres-credentials/{rotationId}/versions
            GET    NONE          /api/v2/secret-rotations/summary
            GET    NONE          /api/v1/workspace/{projectId}
            POST   FORM          /api/v1/workspace/{projectId}/environments
            GET    NONE          /api/v1/workspace/environments/{environmentId}
            GET    NONE          /api/v1/projects/{projectId}/environments/slug/{slug}
            PATCH  FORM          /api/v1/workspace/{projectId}/environments/{environmentId}
            DELETE NONE          /api/v1/workspace/{projectId}/environments/{environmentId}
            POST   FORM          /api/v1/events/subscribe/project-events
            GET    NONE          /api/v1/folders
            POST   FORM          /api/v1/folders
            GET    NONE          /api/v1/folders/{folderId}
            PATCH  FORM          /api/v1/folders/{folderId}
            DELETE NONE          /api/v2/folders/{folderId}
            POST   FORM          /api/v2/workspace
            GET    NONE          /api/v2/workspace/{slug}
            DELETE NONE          /api/v2/workspace/{slug}
            GET    NONE          /api/v2/workspace/{projectId}/identity-memberships/{identityId}
            POST   FORM          /api/v2/workspace/{projectId}/identity-memberships/{identityId}
            PATCH  FORM          /api/v2/workspace/{projectId}/identity-memberships/{identityId}
            DELETE NONE          /api/v2/workspace/{projectId}/identity-memberships/{identityId}
            GET    NONE          /api/v3/secrets/raw
            GET    NONE          /api/v3/secrets/raw/{secretName}
            GET    NONE          /api/v4/secrets
            GET    NONE          /api/v4/secrets/{secretName}
            """;

    /** By method and path as it stands in the OpenAPI document: {@code "POST /api/v1/projects"}. */
    private static final Map<String, BodySize> SIZES = read();

    /** What has variables in its path, by method and number of segments. */
    private static final Map<String, List<Template>> TEMPLATES = templates();

    private static final Set<String> PATHS =
            SIZES.keySet().stream().map(operation -> operation.split(" ")[1]).collect(Collectors.toUnmodifiableSet());

    private static final Set<String> METHODS =
            SIZES.keySet().stream().map(operation -> operation.split(" ")[0]).collect(Collectors.toUnmodifiableSet());

    private record Template(String[] segments, BodySize size) {

        boolean fits(String[] path) {
            for (int i = 0; i < segments.length; i++) {
                if (!segments[i].startsWith("{") && !segments[i].equals(path[i])) {
                    return false;
                }
            }
            return true;
        }
    }

    private Operations() {}

    /** The paths of the API as the OpenAPI document has them, with their variables in braces. */
    public static Set<String> paths() {
        return PATHS;
    }

    static Map<String, BodySize> sizes() {
        return SIZES;
    }

    /**
     * The methods that a path knows, {@code HEAD} and {@code OPTIONS} included, in the order of the alphabet.
     *
     * @param path without query
     * @return empty for a path that is none of the API
     */
    static Set<String> methods(String path) {
        String plain = plain(path);
        // Of a path without variables only its own: what stands in the place of another's variable is not that.
        Set<String> methods = METHODS.stream()
                .filter(method -> PATHS.contains(plain)
                        ? SIZES.containsKey(method + " " + plain)
                        : find(method, path).isPresent())
                .collect(Collectors.toCollection(TreeSet::new));
        if (methods.contains("GET")) {
            methods.add("HEAD");
        }
        if (!methods.isEmpty()) {
            methods.add("OPTIONS");
        }
        return methods;
    }

    /** @param path without query */
    static BodySize sizeOf(String method, String path) {
        return find(method, path).orElse(BodySize.NONE);
    }

    private static String plain(String path) {
        return path.length() > 1 && path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    }

    private static Optional<BodySize> find(String method, String path) {
        String plain = plain(path);
        BodySize exact = SIZES.get(method + " " + plain);
        if (exact != null) {
            return Optional.of(exact);
        }
        String[] segments = plain.split("/", -1);
        return TEMPLATES.getOrDefault(method + " " + segments.length, List.of()).stream()
                .filter(template -> template.fits(segments))
                .map(Template::size)
                .findFirst();
    }

    private static Map<String, BodySize> read() {
        Map<String, BodySize> sizes = new LinkedHashMap<>();
        TABLE.lines().forEach(line -> {
            String[] columns = line.strip().split(" +");
            sizes.put(columns[0] + " " + columns[2], BodySize.valueOf(columns[1]));
        });
        return Map.copyOf(sizes);
    }

    private static Map<String, List<Template>> templates() {
        Map<String, List<Template>> templates = new HashMap<>();
        SIZES.forEach((operation, size) -> {
            String[] columns = operation.split(" ");
            if (columns[1].contains("{")) {
                String[] segments = columns[1].split("/", -1);
                templates
                        .computeIfAbsent(columns[0] + " " + segments.length, none -> new ArrayList<>())
                        .add(new Template(segments, size));
            }
        });
        return templates;
    }
}
