package io.rolewright.sealing;

import io.github.jopenlibs.vault.SslConfig;
import io.github.jopenlibs.vault.Vault;
import io.github.jopenlibs.vault.VaultConfig;
import io.github.jopenlibs.vault.VaultException;
import io.github.jopenlibs.vault.json.Json;
import io.github.jopenlibs.vault.json.JsonObject;
import io.quarkus.runtime.configuration.DurationConverter;
import io.quarkus.vault.runtime.VaultConfigHolder;
import io.quarkus.vault.runtime.VaultTransitManager;
import io.quarkus.vault.runtime.client.VaultClientProducer;
import io.quarkus.vault.runtime.config.VaultRuntimeConfig;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.VaultProtocolStub;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * The server that a test runs against: a real one if {@code VAULT_ADDR} and {@code VAULT_TOKEN} say where it is, else the
 * protocol stub. It is set up by vault-java-driver, a client that shares nothing with the one that the service uses, so
 * that the stub is not made to one client's measure. Leaves nothing behind on a real server but AppRole mounts and policies
 * whose names start with {@code rolewright-test}.
 */
final class VaultUnderTest implements AutoCloseable {

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

    static VaultUnderTest start() {
        var address = System.getenv("VAULT_ADDR");
        var token = System.getenv("VAULT_TOKEN");
        if (address != null && token != null) {
            return new VaultUnderTest(null, address, token, null);
        }
        var stub = VaultProtocolStub.start();
        return new VaultUnderTest(stub, stub.url(), VaultProtocolStub.ROOT_TOKEN, null);
    }

    /** The stub, with a certificate of an authority that nobody knows. */
    static VaultUnderTest stubWithTls(TestCertificates authority) {
        var stub = VaultProtocolStub.startTls(authority.server("localhost"));
        return new VaultUnderTest(stub, stub.url(), VaultProtocolStub.ROOT_TOKEN, authority.caFile());
    }

    String describe() {
        return stub == null
                ? "a real Vault server, " + url
                : "the protocol stub, which is not Vault (VAULT_ADDR and VAULT_TOKEN are not set)";
    }

    /** Present only when there is no real server: what it can do, no one does to a server of others. */
    Optional<VaultProtocolStub> stub() {
        return Optional.ofNullable(stub);
    }

    String url() {
        return url;
    }

    String token() {
        return token;
    }

    static String unique(String what) {
        return "rolewright-test-" + what + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    /** The second client, with the administrator's token. */
    Vault admin() {
        return client(token);
    }

    Vault client(String withToken) {
        try {
            var config = new VaultConfig().address(url).token(withToken).engineVersion(1);
            if (authority != null) {
                config.sslConfig(new SslConfig().pemFile(authority.toFile()).build());
            }
            return Vault.create(config.build());
        } catch (VaultException e) {
            throw new IllegalStateException(e);
        }
    }

    void write(String path, Map<String, Object> body) {
        try {
            admin().logical().write(path, body);
        } catch (VaultException e) {
            throw new IllegalStateException(path, e);
        }
    }

    /** Mounts a transit engine with one key. @return where */
    String transit(String key) {
        var mount = unique("transit");
        write("sys/mounts/" + mount, Map.of("type", "transit"));
        write(mount + "/keys/" + key, Map.of("type", "aes256-gcm96"));
        return mount;
    }

    void rotate(String mount, String key) {
        write(mount + "/keys/" + key + "/rotate", Map.of());
    }

    /** @return the policy's name; it allows what the service needs and no more */
    String policy(String mount, String key) {
        var name = unique("policy");
        var rule = "path \"%s/%s/%s\" { capabilities = [\"update\"] }\n";
        write(
                "sys/policies/acl/" + name,
                Map.of("policy", rule.formatted(mount, "encrypt", key) + rule.formatted(mount, "decrypt", key)));
        return name;
    }

    String token(String policy, Duration ttl) {
        try {
            var response = admin().logical()
                    .write(
                            "auth/token/create",
                            Map.of("policies", policy, "ttl", ttl.toSeconds() + "s", "no_default_policy", true));
            var body = new String(response.getRestResponse().getBody(), StandardCharsets.UTF_8);
            return ((JsonObject) Json.parse(body).asObject().get("auth")).getString("client_token");
        } catch (VaultException e) {
            throw new IllegalStateException(e);
        }
    }

    /** An AppRole login for a policy. @return role id and secret id */
    String[] appRole(String login, String policy, String tokenLife) {
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

    /** The service's client, set up as Quarkus would set it up from these settings. */
    VaultRootKey rootKey(String key, String mount, Map<String, String> more) {
        var settings = new HashMap<String, String>();
        settings.put("quarkus.vault.url", url);
        settings.put("quarkus.vault.transit-secret-engine-mount-path", mount);
        settings.put("quarkus.vault.read-timeout", "2S");
        settings.put("quarkus.vault.authentication.client-token", token);
        settings.putAll(more);
        settings.values().removeIf(String::isEmpty);
        var config = new SmallRyeConfigBuilder()
                .addDefaultInterceptors()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(VaultRuntimeConfig.class)
                .withMapping(RootKeyConfig.class)
                .withDefaultValues(settings)
                .withDefaultValue("rolewright.sealing.vault-transit.key", key)
                .build();
        var holder = new VaultConfigHolder().setVaultRuntimeConfig(config.getConfigMapping(VaultRuntimeConfig.class));
        var client = new VaultClientProducer().sharedVaultClient(vertx, holder, false);
        var transit = new VaultTransitManager(client, holder);
        return new VaultRootKey(config.getConfigMapping(RootKeyConfig.class), () -> transit);
    }

    @Override
    public void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
        if (stub != null) {
            stub.close();
        }
    }
}
