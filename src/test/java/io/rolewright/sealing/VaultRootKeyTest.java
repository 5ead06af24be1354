package io.rolewright.sealing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.jopenlibs.vault.VaultException;
import io.quarkus.runtime.configuration.DurationConverter;
import io.quarkus.vault.runtime.VaultTransitManager;
import io.rolewright.store.StartupStep.NotReady;
import io.rolewright.testing.Ports;
import io.rolewright.testing.TestCertificates;
import io.rolewright.testing.VaultProtocolStub;
import io.rolewright.testing.VaultProtocolStub.Node;
import io.rolewright.testing.VaultUnderTest;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.mutiny.Uni;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Vault as a source of root keys, with the real client of quarkus-vault. Says at its start what it runs against; the few
 * situations that nobody makes on a server of others (sealed, standby, its own certificate) are left out there.
 */
class VaultRootKeyTest {

    private static final String KEY = "rolewright";
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final byte[] DATA_KEY = dataKey(1);

    private static VaultUnderTest vault;

    private String mount;
    private VaultRootKey root;

    @BeforeAll
    static void start() {
        vault = VaultUnderTest.start();
        System.out.println("VaultRootKeyTest runs against " + vault.describe());
    }

    @AfterAll
    static void stop() {
        vault.close();
    }

    @BeforeEach
    void mount() {
        mount = vault.transit(KEY);
        root = rootKey(vault, mount, Map.of());
    }

    @Test
    void givesBackInOneCallWhatItWrapped() {
        var wrapped = List.of(wrap(1), wrap(2), wrap(3));
        vault.stub().ifPresent(VaultProtocolStub::takeRequests);

        var opened = await(root.unwrap(wrapped));

        assertThat(opened).hasSize(3);
        assertThat(opened.get(2)).isEqualTo(dataKey(2));
        vault.stub()
                .ifPresent(
                        stub -> assertThat(stub.takeRequests()).containsExactly("POST " + mount + "/decrypt/" + KEY));
    }

    @Test
    void namesTheKeyAndItsVersion() {
        var before = wrap(1);
        vault.rotate(mount, KEY);
        var after = wrap(1);

        assertThat(before.rootKeyId()).isEqualTo("rolewright:v1");
        assertThat(before.wrapped()).startsWith("vault:v1:".getBytes(StandardCharsets.US_ASCII));
        assertThat(after.rootKeyId()).isEqualTo("rolewright:v2");
        assertThat(await(root.unwrap(List.of(before))).get(1)).isEqualTo(DATA_KEY);
    }

    @Test
    void anotherClientReadsWhatWasWrappedAndWritesWhatIsOpened() throws VaultException {
        var wrapped = wrap(7);

        var read = vault.admin()
                .logical()
                .write(mount + "/decrypt/" + KEY, Map.of("ciphertext", text(wrapped)))
                .getData();
        var plaintext = Base64.getDecoder().decode(read.get("plaintext"));

        assertThat(plaintext)
                .isEqualTo(ByteBuffer.allocate(37)
                        .put((byte) 1)
                        .putInt(7)
                        .put(dataKey(7))
                        .array());

        var written = vault.admin()
                .logical()
                .write(mount + "/encrypt/" + KEY, Map.of("plaintext", read.get("plaintext")))
                .getData()
                .get("ciphertext");
        assertThat(await(root.unwrap(List.of(with(wrapped, 7, written)))).get(7))
                .isEqualTo(dataKey(7));

        var rewrapped = vault.admin()
                .logical()
                .write(mount + "/rewrap/" + KEY, Map.of("ciphertext", written))
                .getData()
                .get("ciphertext");
        assertThat(await(root.unwrap(List.of(with(wrapped, 7, rewrapped)))).get(7))
                .isEqualTo(dataKey(7));
    }

    /** @param token that may use the key */
    private void awaitExpired(String token) {
        var text = Map.<String, Object>of("plaintext", Base64.getEncoder().encodeToString(DATA_KEY));
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> vault.client(token)
                                .logical()
                                .write(mount + "/encrypt/" + KEY, text)
                                .getRestResponse()
                                .getStatus()
                        == 403);
    }

    @Nested
    class LogsIn {

        @Test
        void withATokenThatMayDoNoMoreThanThis() throws VaultException {
            var token = vault.token(vault.policy(mount, KEY), Duration.ofMinutes(5));
            root = rootKey(vault, mount, Map.of("quarkus.vault.authentication.client-token", token));

            assertThat(await(root.unwrap(List.of(wrap(1)))).get(1)).isEqualTo(DATA_KEY);
            var refused = vault.client(token).logical().read("sys/mounts").getRestResponse();
            assertThat(refused.getStatus()).isEqualTo(403);
        }

        @Test
        void byAppRoleAndAgainWhenItsTokenHasExpired() throws Exception {
            var settings = appRole("2s");
            root = rootKey(vault, mount, settings);

            var wrapped = wrap(1);
            awaitExpired(loggedIn(settings)); // it was given later, for as long

            assertThat(await(root.unwrap(List.of(wrapped))).get(1)).isEqualTo(DATA_KEY);
        }

        @Test
        void byAppRoleNotWithAnotherSecret() throws Exception {
            var settings = new HashMap<>(appRole("1m"));
            settings.put("quarkus.vault.authentication.app-role.secret-id", "another");
            root = rootKey(vault, mount, settings);

            assertNotReady(root.wrap(1, DATA_KEY), "the AppRole login was refused");
        }

        private static final String TRUSTS_THE_CLUSTER = "quarkus.vault.tls.use-kubernetes-ca-cert";

        @Test
        void byKubernetesServiceAccount(@TempDir Path folder) throws IOException {
            assumeTrue(vault.stub().isPresent(), "takes a cluster that Vault asks about tokens");
            var login = VaultUnderTest.unique("kubernetes");
            vault.write("sys/auth/" + login, Map.of("type", "kubernetes"));
            vault.write("auth/" + login + "/role/rolewright", Map.of("token_policies", vault.policy(mount, KEY)));
            var jwt = Files.writeString(folder.resolve("token"), VaultProtocolStub.SERVICE_ACCOUNT_TOKEN);
            var settings = Map.of(
                    "quarkus.vault.authentication.client-token",
                    "",
                    "quarkus.vault.authentication.kubernetes.role",
                    "rolewright",
                    "quarkus.vault.authentication.kubernetes.jwt-token-path",
                    jwt.toString(),
                    "quarkus.vault.authentication.kubernetes.auth-mount-path",
                    login,
                    TRUSTS_THE_CLUSTER,
                    asShipped(TRUSTS_THE_CLUSTER));
            root = rootKey(vault, mount, settings);
            assertThat(await(root.unwrap(List.of(wrap(1)))).get(1)).isEqualTo(DATA_KEY);

            Files.writeString(jwt, "the token of another pod");
            root = rootKey(vault, mount, settings);
            assertNotReady(root.wrap(1, DATA_KEY), "403");
        }

        /** Without it the client looks for the CA of a pod's service account, and asks nobody where there is none. */
        private static String asShipped(String setting) throws IOException {
            var shipped = new Properties();
            try (var file = Files.newInputStream(Path.of("src/main/resources/application.properties"))) {
                shipped.load(file);
            }
            return shipped.getProperty(setting);
        }

        private String loggedIn(Map<String, String> settings) throws VaultException {
            var of = "quarkus.vault.authentication.app-role.";
            return vault.client("")
                    .auth()
                    .loginByAppRole(
                            settings.get(of + "auth-mount-path"),
                            settings.get(of + "role-id"),
                            settings.get(of + "secret-id"))
                    .getAuthClientToken();
        }

        private Map<String, String> appRole(String tokenLife) {
            var login = VaultUnderTest.unique("approle");
            var ids = vault.appRole(login, vault.policy(mount, KEY), tokenLife);
            return Map.of(
                    "quarkus.vault.authentication.client-token",
                    "",
                    "quarkus.vault.authentication.app-role.role-id",
                    ids[0],
                    "quarkus.vault.authentication.app-role.secret-id",
                    ids[1],
                    "quarkus.vault.authentication.app-role.auth-mount-path",
                    login,
                    "quarkus.vault.renew-grace-period",
                    "1S");
        }
    }

    @Nested
    class SaysWhyNot {

        @Test
        void whenTheTokenMayNotUseTheKey() {
            var token = vault.token(vault.policy(mount, "another"), Duration.ofMinutes(5));

            assertNotReady(
                    rootKey(vault, mount, Map.of("quarkus.vault.authentication.client-token", token))
                            .wrap(1, DATA_KEY),
                    "403, the token is not valid (any more) or its policy does not allow it to use key rolewright");
        }

        @Test
        void whenTheTokenHasExpired() {
            var token = vault.token(vault.policy(mount, KEY), Duration.ofSeconds(1));
            awaitExpired(token);

            assertNotReady(
                    rootKey(vault, mount, Map.of("quarkus.vault.authentication.client-token", token))
                            .wrap(1, DATA_KEY),
                    "403, the token is not valid (any more)");
        }

        @Test
        void whenThereIsNoEngine() {
            assertNotReady(
                    rootKey(vault, VaultUnderTest.unique("nothing"), Map.of()).wrap(1, DATA_KEY),
                    "404, no transit engine at the configured mount");
        }

        @Test
        void whenTheKeyIsGone() {
            var wrapped = wrap(1);
            delete();

            assertNotReady(root.unwrap(List.of(wrapped)), "it has no transit key rolewright");
        }

        @Test
        void whenItIsAnotherKeyOfThatName() {
            var wrapped = wrap(1);
            delete();
            vault.write(mount + "/keys/" + KEY, Map.of());

            assertNotReady(
                    root.unwrap(List.of(wrapped)), "its key rolewright is another one than the store was made with");
        }

        @Test
        void whenTheVersionThatIsNeededWasClosed() {
            var wrapped = List.of(wrap(1), wrap(2));
            vault.rotate(mount, KEY);
            vault.write(mount + "/keys/" + KEY + "/config", Map.of("min_decryption_version", 2));

            assertNotReady(
                    root.unwrap(wrapped),
                    "the store needs a version of key rolewright that is below its min_decryption_version");

            vault.write(mount + "/keys/" + KEY + "/config", Map.of("min_decryption_version", 1));
            assertThat(await(root.unwrap(wrapped))).hasSize(2);
        }

        @Test
        void whenAWrappedKeyWasPutInAnothersRow() {
            var wrapped = wrap(1);

            assertNotReady(
                    root.unwrap(List.of(with(wrapped, 2, text(wrapped)))),
                    "Vault's key rolewright:v1 does not open data key 2 of the store");
        }

        @Test
        void whenACiphertextWasAltered() {
            var wrapped = wrap(1);
            var altered = text(wrapped).toCharArray();
            altered[30] = altered[30] == 'A' ? 'B' : 'A';

            assertNotReady(
                    root.unwrap(List.of(with(wrapped, 1, new String(altered)))),
                    "its key rolewright is another one than the store was made with");
        }

        @Test
        void whenItIsSealedOrStandsBy() {
            var stub = vault.stub().orElse(null);
            assumeTrue(stub != null, "no one does that to a server of others");
            try {
                stub.become(Node.SEALED);
                assertNotReady(root.wrap(1, DATA_KEY), "503, it is sealed");
                stub.become(Node.STANDBY);
                assertNotReady(root.wrap(1, DATA_KEY), "503, it is a standby without an active node");
                stub.become(Node.REDIRECTING);
                assertNotReady(root.wrap(1, DATA_KEY), "307, this node is a standby");
            } finally {
                stub.become(Node.ACTIVE);
            }
        }

        @Test
        void whenNobodyListensOrNobodyAnswers() {
            int free = Ports.free();
            assertNotReady(
                    rootKey(vault, mount, Map.of("quarkus.vault.url", "http://localhost:" + free))
                            .wrap(1, DATA_KEY),
                    "not reachable (connection refused)");
            assertNotReady(
                    rootKey(vault, mount, Map.of("quarkus.vault.url", "http://no-such-host.invalid:8200"))
                            .wrap(1, DATA_KEY),
                    "not reachable (host name not found)");
            try (var silent = VaultProtocolStub.start()) {
                silent.become(Node.SILENT);
                assertNotReady(
                        rootKey(vault, mount, Map.of("quarkus.vault.url", silent.url()))
                                .wrap(1, DATA_KEY),
                        "no answer in time");
            }
        }

        private void delete() {
            vault.write(mount + "/keys/" + KEY + "/config", Map.of("deletion_allowed", true));
            try {
                vault.admin().logical().delete(mount + "/keys/" + KEY);
            } catch (VaultException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Test
    void asksInItsNamespaceOnly() {
        var stub = vault.stub().orElse(null);
        assumeTrue(stub != null, "Vault's own namespaces take a licence");
        try {
            var team = vault.admin().logical().withNameSpace("team-a");
            team.write("sys/mounts/transit", Map.of("type", "transit"));
            team.write("transit/keys/" + KEY, Map.of());
        } catch (VaultException e) {
            throw new IllegalStateException(e);
        }

        root = rootKey(vault, "transit", Map.of("quarkus.vault.enterprise.namespace", "team-a"));
        assertThat(await(root.unwrap(List.of(wrap(1)))).get(1)).isEqualTo(DATA_KEY);

        root = rootKey(vault, "transit", Map.of("quarkus.vault.enterprise.namespace", "team-b"));
        assertNotReady(root.wrap(1, DATA_KEY), "404");
    }

    @Test
    void trustsTheConfiguredAuthorityAndNoOther() {
        assumeTrue(vault.stub().isPresent(), "takes a server with a certificate of the test's own");
        var authority = TestCertificates.create();
        var other = TestCertificates.create();
        try (var server = VaultProtocolStub.startTls(authority.server("localhost"));
                var misnamed = VaultProtocolStub.startTls(authority.server("vault.example"))) {
            var trusted = Map.of(
                    "quarkus.vault.url",
                    server.url(),
                    "quarkus.vault.tls.ca-cert",
                    authority.caFile().toString());
            // Past the handshake: this server has no engine yet.
            assertNotReady(rootKey(vault, mount, trusted).wrap(1, DATA_KEY), "404");
            assertNotReady(
                    rootKey(
                                    vault,
                                    mount,
                                    Map.of(
                                            "quarkus.vault.url", server.url(),
                                            "quarkus.vault.tls.ca-cert",
                                                    other.caFile().toString()))
                            .wrap(1, DATA_KEY),
                    "not reachable (TLS handshake failed)");
            assertNotReady(
                    rootKey(vault, mount, Map.of("quarkus.vault.url", server.url()))
                            .wrap(1, DATA_KEY),
                    "not reachable (TLS handshake failed)");
            assertNotReady(
                    rootKey(
                                    vault,
                                    mount,
                                    Map.of(
                                            "quarkus.vault.url", misnamed.url(),
                                            "quarkus.vault.tls.ca-cert",
                                                    authority.caFile().toString()))
                            .wrap(1, DATA_KEY),
                    "not reachable (TLS handshake failed)");
        }
    }

    /** The service's, set up as Quarkus would set it up from these settings. */
    static VaultRootKey rootKey(VaultUnderTest vault, String mount, Map<String, String> more) {
        var settings = new HashMap<>(Map.of("quarkus.vault.transit-secret-engine-mount-path", mount));
        settings.putAll(more);
        var holder = vault.settings(settings);
        var transit = new VaultTransitManager(vault.client(holder), holder);
        var config = new SmallRyeConfigBuilder()
                .withConverter(Duration.class, 200, new DurationConverter())
                .withMapping(RootKeyConfig.class)
                .withDefaultValue("rolewright.sealing.vault-transit.key", KEY)
                .build();
        return new VaultRootKey(config.getConfigMapping(RootKeyConfig.class), () -> transit);
    }

    private WrappedKey wrap(int id) {
        return await(root.wrap(id, dataKey(id)));
    }

    private static WrappedKey with(WrappedKey key, int id, String ciphertext) {
        return new WrappedKey(id, key.source(), key.rootKeyId(), ciphertext.getBytes(StandardCharsets.US_ASCII));
    }

    private static String text(WrappedKey key) {
        return new String(key.wrapped(), StandardCharsets.US_ASCII);
    }

    private static byte[] dataKey(int id) {
        byte[] key = new byte[32];
        Arrays.fill(key, (byte) (16 * id));
        return key;
    }

    private static <T> T await(Uni<T> answer) {
        return answer.await().atMost(PATIENCE);
    }

    private static void assertNotReady(Uni<?> answer, String reason) {
        assertThatThrownBy(() -> await(answer)).isInstanceOf(NotReady.class).hasMessageContaining(reason);
    }
}
