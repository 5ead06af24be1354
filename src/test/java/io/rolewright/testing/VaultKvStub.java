package io.rolewright.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.rolewright.testing.VaultProtocolStub.Answer;
import io.rolewright.testing.VaultProtocolStub.Refused;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One mount of the stub's KV engine. Version 2 as Vault 1.15 documents it: versions, check-and-set, soft deletion, custom metadata, at most
 * {@code max_versions} of a secret; version 1 as far as it takes to see what happens to who takes it for version 2.
 */
final class VaultKvStub {

    /** Vault's when neither the engine nor the secret says. */
    private static final int MOST_VERSIONS = 10;

    private static final ObjectMapper JSON = new ObjectMapper();

    private static final class Version {
        final JsonNode data;
        final Instant created = Instant.now();
        Instant deleted;
        boolean destroyed;

        Version(JsonNode data) {
            this.data = data;
        }

        boolean readable() {
            return !destroyed && (deleted == null || deleted.isAfter(Instant.now()));
        }

        Map<String, Object> described() {
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("created_time", created.toString());
            all.put("deletion_time", deleted == null ? "" : deleted.toString());
            all.put("destroyed", destroyed);
            return all;
        }
    }

    private static final class Secret {
        final Instant created = Instant.now();
        final TreeMap<Integer, Version> versions = new TreeMap<>();
        int current;
        int mostVersions;
        boolean casRequired;
        Duration deleteAfter = Duration.ZERO;
        Map<String, String> marks;

        Map<String, Object> metadata(int version) {
            Map<String, Object> all = versions.get(version).described();
            all.put("version", version);
            all.put("custom_metadata", marks);
            return all;
        }
    }

    private final boolean versioned;
    private final String uuid;
    private final Map<String, Secret> secrets = new HashMap<>();
    private final Map<String, JsonNode> unversioned = new HashMap<>();

    VaultKvStub(boolean versioned, String uuid) {
        this.versioned = versioned;
        this.uuid = uuid;
    }

    /** As {@code sys/internal/ui/mounts} has it. */
    Answer mounted(String mount) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("accessor", "kv_" + uuid.substring(0, 8));
        all.put("config", Map.of("default_lease_ttl", 0, "force_no_cache", false, "max_lease_ttl", 0));
        all.put("description", "");
        all.put("local", false);
        all.put("options", versioned ? Map.of("version", "2") : null);
        all.put("path", mount + "/");
        all.put("type", "kv");
        all.put("uuid", uuid);
        return Answer.data(all);
    }

    /** Takes back what was written since, as a restore of a backup does. */
    Runnable backup() {
        Map<String, Map<Integer, Version>> then = new HashMap<>();
        Map<String, Map<String, String>> marks = new HashMap<>();
        secrets.forEach((name, secret) -> {
            then.put(name, new TreeMap<>(secret.versions));
            marks.put(name, secret.marks);
        });
        return () -> {
            secrets.keySet().retainAll(then.keySet());
            secrets.forEach((name, secret) -> {
                secret.versions.clear();
                secret.versions.putAll(then.get(name));
                secret.current = secret.versions.lastKey();
                secret.marks = marks.get(name);
            });
        };
    }

    /** For the capability that a write needs: create or update. */
    boolean has(String path) {
        return versioned ? secrets.containsKey(path.replaceFirst("^[^/]+/", "")) : unversioned.containsKey(path);
    }

    Answer answer(String method, String path, int wantedVersion, JsonNode body) {
        if (!versioned) {
            return versionOne(method, path, body);
        }
        String name = path.replaceFirst("^[^/]+/", "");
        return switch (method + " " + path.substring(0, path.length() - name.length())) {
            case "GET data/" -> read(existing(name), wantedVersion);
            case "POST data/" -> write(name, body);
            case "DELETE data/" -> {
                Secret secret = secrets.get(name);
                if (secret != null && secret.current > 0) {
                    secret.versions.get(secret.current).deleted = Instant.now();
                }
                yield Answer.none();
            }
            case "POST undelete/" -> {
                body.path("versions").forEach(each -> existing(name).versions.get(each.asInt()).deleted = null);
                yield Answer.none();
            }
            case "POST destroy/" -> {
                body.path("versions").forEach(each -> existing(name).versions.get(each.asInt()).destroyed = true);
                yield Answer.none();
            }
            case "GET metadata/" -> Answer.data(described(existing(name)));
            case "POST metadata/" -> configure(name, body);
            case "DELETE metadata/" -> {
                secrets.remove(name);
                yield Answer.none();
            }
            default -> throw new Refused(404, "unsupported path");
        };
    }

    private Secret existing(String name) {
        Secret secret = secrets.get(name);
        if (secret == null) {
            throw new Refused(404);
        }
        return secret;
    }

    private Answer read(Secret secret, int wanted) {
        int number = wanted == 0 ? secret.current : wanted;
        Version version = secret.versions.get(number);
        if (version == null) {
            throw new Refused(404);
        }
        boolean readable = version.readable();
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("data", readable ? version.data : null);
        found.put("metadata", secret.metadata(number));
        return Answer.of(readable ? 200 : 404, "data", found);
    }

    private Answer write(String name, JsonNode body) {
        if (!body.has("data")) {
            throw new Refused(400, "no data provided");
        }
        Secret secret = secrets.getOrDefault(name, new Secret());
        JsonNode cas = body.path("options").path("cas");
        if (!cas.isMissingNode() && cas.asInt() != secret.current) {
            throw new Refused(400, "check-and-set parameter did not match the current version");
        }
        if (cas.isMissingNode() && secret.casRequired) {
            throw new Refused(400, "check-and-set parameter required for this call");
        }
        secrets.put(name, secret);
        secret.current++;
        Version written = new Version(body.get("data"));
        written.deleted = secret.deleteAfter.isZero() ? null : written.created.plus(secret.deleteAfter);
        secret.versions.put(secret.current, written);
        int most = secret.mostVersions == 0 ? MOST_VERSIONS : secret.mostVersions;
        while (secret.versions.size() > most) {
            secret.versions.pollFirstEntry();
        }
        return Answer.data(secret.metadata(secret.current));
    }

    private Answer configure(String name, JsonNode body) {
        JsonNode marks = body.path("custom_metadata");
        marks.forEach(value -> {
            if (!value.isTextual() || value.asText().length() > 512) {
                throw new Refused(400, "custom_metadata validation failed");
            }
        });
        Secret secret = secrets.computeIfAbsent(name, missing -> new Secret());
        secret.mostVersions = body.path("max_versions").asInt(secret.mostVersions);
        secret.casRequired = body.path("cas_required").asBoolean(secret.casRequired);
        if (body.has("delete_version_after")) {
            secret.deleteAfter =
                    Duration.parse("PT" + body.path("delete_version_after").asText());
        }
        if (!marks.isMissingNode()) {
            secret.marks = new LinkedHashMap<>();
            marks.fields()
                    .forEachRemaining(mark ->
                            secret.marks.put(mark.getKey(), mark.getValue().asText()));
        }
        return Answer.none();
    }

    private static Map<String, Object> described(Secret secret) {
        Map<String, Object> versions = new LinkedHashMap<>();
        secret.versions.forEach((number, version) -> versions.put(number.toString(), version.described()));
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("cas_required", secret.casRequired);
        all.put("created_time", secret.created.toString());
        all.put("current_version", secret.current);
        all.put("custom_metadata", secret.marks);
        all.put("delete_version_after", secret.deleteAfter.toSeconds() + "s");
        all.put("max_versions", secret.mostVersions);
        all.put("oldest_version", secret.versions.isEmpty() ? 0 : secret.versions.firstKey());
        all.put("updated_time", Instant.now().toString());
        all.put("versions", versions);
        return all;
    }

    private Answer versionOne(String method, String path, JsonNode body) {
        if (method.equals("POST")) {
            unversioned.put(path, body);
            return Answer.none();
        }
        if (method.equals("DELETE")) {
            unversioned.remove(path);
            return Answer.none();
        }
        if (!unversioned.containsKey(path)) {
            throw new Refused(404);
        }
        return Answer.data(JSON.convertValue(unversioned.get(path), Map.class));
    }

    static List<String> types() {
        return List.of("kv", "kv-v1", "kv-v2");
    }
}
