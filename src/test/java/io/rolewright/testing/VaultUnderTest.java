package io.rolewright.testing;

import io.github.jopenlibs.vault.SslConfig;
import io.github.jopenlibs.vault.Vault;
import io.github.jopenlibs.vault.VaultConfig;
import io.github.jopenlibs.vault.VaultException;
import io.github.jopenlibs.vault.json.Json;
import io.github.jopenlibs.vault.json.JsonObject;
import io.quarkus.runtime.configuration.DurationConverter;
import io.quarkus.vault.client.VaultClient;
import io.quarkus.vault.runtime.VaultConfigHolder;
import io.quarkus.vault.runtime.client.VaultClientProducer;
import io.quarkus.vault.runtime.config.VaultRuntimeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.awaitility.Awaitility;

/**
 * The server that a test runs against: a real one if {@code VAULT_ADDR} and {@code VAULT_TOKEN} say where it is, else the
 * protocol stub. It is set up by vault-java-driver, a client that shares nothing with the one that the service uses, so
 * that the stub is not made to one client's measure. Leaves nothing behind on a real server but AppRole mounts and policies
 * whose names start with {@code rolewright-test}.
 */
public final class VaultUnderTest implements AutoCloseable {

    private final Vertx vertx = Vertx.vertx();
    private final VaultProtocolStub stub;
    private final String url;
    private final String token;
    private final Path authority;

    private VaultUnderTest(VaultProtocolStub stub, String url, String token, Path authority) {
        this.stub = stub;
        this.url = url;
        this.token = token;
        this.authority = authority;
    }

    public static VaultUnderTest start() {
        var address = System.getenv("VAULT_ADDR");
        var token = System.getenv("VAULT_TOKEN");
        if (address != null && token != null) {
            return new VaultUnderTest(null, address, token, null);
        }
        var stub = VaultProtocolStub.start();
        return new VaultUnderTest(stub, stub.url(), VaultProtocolStub.ROOT_TOKEN, null);
    }

    /** The stub, with a certificate of an authority that nobody knows. */
    public static VaultUnderTest stubWithTls(TestCertificates authority) {
        var stub = VaultProtocolStub.startTls(authority.server("localhost"));
        return new VaultUnderTest(stub, stub.url(), VaultProtocolStub.ROOT_TOKEN, authority.caFile());
    }

    public String describe() {
        return stub == null
                ? "a real Vault server, " + url
                : "the protocol stub, which is not Vault (VAULT_ADDR and VAULT_TOKEN are not set)";
    }

    /** Present only when there is no real server: what it can do, no one does to a server of others. */
    public Optional<VaultProtocolStub> stub() {
        return Optional.ofNullable(stub);
    }

    public String url() {
        return url;
    }

    public String token() {
        return token;
    }

    public static String unique(String what) {
        return "rolewright-test-" + what + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    /** The second client, with the administrator's token. */
    public Vault admin() {
        return client(token);
    }

    /** The same, as it reads and writes secrets of a KV engine of version 2. */
    public Vault reader() {
        return client(token, 2);
    }

    public Vault client(String withToken) {
        return client(withToken, 1);
    }

    private Vault client(String withToken, int engineVersion) {
        try {
            var config = new VaultConfig().address(url).token(withToken).engineVersion(engineVersion);
            if (authority != null) {
                config.sslConfig(new SslConfig().pemFile(authority.toFile()).build());
            }
            return Vault.create(config.build());
        } catch (VaultException e) {
            throw new IllegalStateException(e);
        }
    }

    public void write(String path, Map<String, Object> body) {
        try {
            admin().logical().write(path, body);
        } catch (VaultException e) {
            throw new IllegalStateException(path, e);
        }
    }

    /** Mounts a transit engine with one key. @return where */
    public String transit(String key) {
        var mount = unique("transit");
        write("sys/mounts/" + mount, Map.of("type", "transit"));
        write(mount + "/keys/" + key, Map.of("type", "aes256-gcm96"));
        return mount;
    }

    /** Mounts a KV engine of version 2, and waits for a real server to have it ready. @return where */
    public String kv() {
        var mount = unique("kv");
        write("sys/mounts/" + mount, Map.of("type", "kv-v2"));
        Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .ignoreExceptions()
                .untilAsserted(() -> write(mount + "/metadata/rolewright-test-ready", Map.of("max_versions", 1)));
        return mount;
    }

    public void rotate(String mount, String key) {
        write(mount + "/keys/" + key + "/rotate", Map.of());
    }

    /** @return the policy's name; it allows what the service needs and no more */
    public String policy(String mount, String key) {
        var name = unique("policy");
        var rule = "path \"%s/%s/%s\" { capabilities = [\"update\"] }\n";
        write(
                "sys/policies/acl/" + name,
                Map.of("policy", rule.formatted(mount, "encrypt", key) + rule.formatted(mount, "decrypt", key)));
        return name;
    }

    public String token(String policy, Duration ttl) {
        return token(Map.of("policies", policy, "ttl", ttl.toSeconds() + "s", "no_default_policy", true));
    }

    /** @param asked as {@code auth/token/create} takes it */
    public String token(Map<String, Object> asked) {
        try {
            var response = admin().logical().write("auth/token/create", asked);
            var body = new String(response.getRestResponse().getBody(), StandardCharsets.UTF_8);
            return ((JsonObject) Json.parse(body).asObject().get("auth")).getString("client_token");
        } catch (VaultException e) {
            throw new IllegalStateException(e);
        }
    }

    public void revoke(String token) {
        write("auth/token/revoke", Map.of("token", token));
    }

    /** An AppRole login for a policy. @return role id and secret id */
    public String[] appRole(String login, String policy, String tokenLife) {
        write("sys/auth/" + login, Map.of("type", "approle"));
        write("auth/" + login + "/role/rolewright", Map.of("token_policies", policy, "token_ttl", tokenLife));
        try {
            var logical = admin().logical();
            return new String[] {
                logical.read("auth/" + login + "/role/rolewright/role-id")
                        .getData()
                        .get("role_id"),
                logical.write("auth/" + login + "/role/rolewright/secret-id", Map.of())
                        .getData()
                        .get("secret_id")
            };
        } catch (VaultException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The service's client, set up as Quarkus would set it up from these settings and a few of ours. */
    public VaultConfigHolder settings(Map<String, String> more) {
        var settings = new HashMap<String, String>();
        settings.put("quarkus.vault.url", url);
        settings.put("quarkus.vault.read-timeout", "2S");
        settings.put("quarkus.vault.authentication.client-token", token);
        settings.putAll(more);
        settings.values().removeIf(String::isEmpty);
        var config = new SmallRyeConfigBuilder()
                .addDefaultInterceptors()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(VaultRuntimeConfig.class)
                .withDefaultValues(settings)
                .build();
        return new VaultConfigHolder().setVaultRuntimeConfig(config.getConfigMapping(VaultRuntimeConfig.class));
    }

    public VaultClient client(VaultConfigHolder settings) {
        return new VaultClientProducer().sharedVaultClient(vertx, settings, false);
    }

    /** On whose loops the clients run. */
    public Vertx vertx() {
        return vertx;
    }

    @Override
    public void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
        if (stub != null) {
            stub.close();
        }
    }
}
