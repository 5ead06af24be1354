package io.rolewright.delivery.vault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.jopenlibs.vault.VaultException;
import io.github.jopenlibs.vault.api.WriteOptions;
import io.github.jopenlibs.vault.json.Json;
import io.github.jopenlibs.vault.json.JsonObject;
import io.rolewright.delivery.vault.VaultKv.Answer;
import io.rolewright.testing.Ports;
import io.rolewright.testing.VaultProtocolStub;
import io.rolewright.testing.VaultProtocolStub.Node;
import io.rolewright.testing.VaultUnderTest;
import io.smallrye.mutiny.Uni;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/**
 * Vault's KV engine, version 2, with the real client of quarkus-vault; what it writes is read, and what stands in its way is written, by
 * vault-java-driver. Says at its start what it runs against; the few situations that nobody makes on a server of others are left out there.
 */
class VaultKvTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final String PATH = "rolewright/default/orders-db";

    private static VaultUnderTest vault;
    private static String mount;

    private final String path = PATH + "-" + UUID.randomUUID();
    private final UUID rotation = UUID.randomUUID();
    private final VaultKv kv = client(Map.of());

    @BeforeAll
    static void start() {
        vault = VaultUnderTest.start();
        System.out.println("VaultKvTest runs against " + vault.describe());
        mount = vault.kv();
    }

    @AfterAll
    static void stop() throws VaultException {
        vault.admin().logical().delete("sys/mounts/" + mount);
        vault.close();
    }

    @Test
    void anotherClientReadsWhatIsWritten() throws VaultException {
        assertThat(put(secret(3, "first"))).isEqualTo(Answer.WRITTEN);

        assertThat(vault.reader().logical().read(mount + "/" + path).getData())
                .isEqualTo(Map.of(
                        "rotationId", rotation.toString(),
                        "credentialVersion", "3",
                        "host", "db.example.com",
                        "port", "5432",
                        "database", "orders",
                        "sslMode", "verify-full",
                        "username", "app_a",
                        "password", "first"));
        assertThat(marks())
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of("rotationId", rotation.toString(), "credentialVersion", "3"));
        assertThat(version()).isEqualTo(1);
    }

    @Test
    void isWrittenOnceHoweverOftenItIsSent() throws VaultException {
        put(secret(1, "first"));
        vault.stub().ifPresent(VaultProtocolStub::takeRequests);

        assertThat(put(secret(1, "first"))).isEqualTo(Answer.WRITTEN);

        assertThat(version()).isEqualTo(1);
        assertThat(put(secret(2, "second"))).isEqualTo(Answer.WRITTEN);
        assertThat(version()).isEqualTo(2);
        assertThat(read("password")).isEqualTo("second");
    }

    @Test
    void whatChangedWithoutANewVersionIsWrittenToo() throws VaultException {
        put(secret(1, "first"));

        Map<String, Object> moved = new HashMap<>(secret(1, "first").fields());
        moved.put("host", "other.example.com");
        assertThat(put(new VaultSecret(rotation, 1, moved))).isEqualTo(Answer.WRITTEN);

        assertThat(read("host")).isEqualTo("other.example.com");
    }

    @Test
    void anOlderCredentialIsNotWrittenOverANewerOne() throws VaultException {
        put(secret(10, "tenth"));

        assertThat(put(secret(9, "ninth"))).isEqualTo(Answer.refused("newer_there"));

        assertThat(read("password")).isEqualTo("tenth");
    }

    @Test
    void writersThatCrossEachOtherLeaveTheNewestAndNeverGoBack() throws VaultException {
        List<Integer> versions =
                new ArrayList<>(IntStream.rangeClosed(1, 8).boxed().toList());
        Collections.shuffle(versions, new Random(6));
        List<VaultKv> replicas = List.of(client(Map.of()), client(Map.of()));

        List<Answer> answers = Uni.join()
                .all(versions.stream()
                        .map(each -> replicas.get(each % 2).put(mount, path, secret(each, "p" + each), PATIENCE))
                        .toList())
                .andFailFast()
                .await()
                .atMost(PATIENCE.multipliedBy(2));
        // Who lost too many races says so, and is told again.
        for (int i = 0; i < versions.size(); i++) {
            assertThat(answers.get(i).failure()).isIn(null, "newer_there", "changed_meanwhile");
        }
        put(secret(8, "p8"));

        assertThat(read("credentialVersion")).isEqualTo("8");
        List<Integer> written = new ArrayList<>();
        for (int version = 1; version <= version(); version++) {
            written.add(Integer.valueOf(vault.reader()
                    .logical()
                    .read(mount + "/" + path, true, version)
                    .getData()
                    .get("credentialVersion")));
        }
        assertThat(written).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void whoeverIsQuickerIsLookedAtAgain() throws VaultException {
        VaultProtocolStub stub = stub();
        put(secret(1, "first"));

        stub.beforeNext("POST " + mount + "/data/" + path, () -> put(secret(3, "third")));
        assertThat(put(secret(2, "second"))).isEqualTo(Answer.refused("newer_there"));
        assertThat(read("password")).isEqualTo("third");

        stub.beforeNext("POST " + mount + "/data/" + path, () -> put(secret(4, "fourth")));
        assertThat(put(secret(5, "fifth"))).isEqualTo(Answer.WRITTEN);
        assertThat(read("password")).isEqualTo("fifth");
    }

    @Test
    void anAnswerThatGotLostIsNoSecondVersion() throws VaultException {
        VaultProtocolStub stub = stub();
        stub.loseAnswerOfNext("POST " + mount + "/data/" + path);

        assertThat(put(secret(1, "first"))).isEqualTo(new Answer("vault_not_reachable", true));
        assertThat(marks()).isNull();
        assertThat(put(secret(1, "first"))).isEqualTo(Answer.WRITTEN);

        assertThat(version()).isEqualTo(1);
        assertThat(marks().get("credentialVersion")).isEqualTo("1");
    }

    @Test
    void theOtherClientsCheckAndSetIsHeldToo() throws VaultException {
        put(secret(1, "first"));
        Map<String, Object> theirs = Map.of("password", "theirs");

        assertThat(vault.reader()
                        .logical()
                        .write(mount + "/" + path, theirs, null, new WriteOptions().checkAndSet(0L))
                        .getRestResponse()
                        .getStatus())
                .isEqualTo(400);
        assertThat(vault.reader()
                        .logical()
                        .write(mount + "/" + path, theirs, null, new WriteOptions().checkAndSet(1L))
                        .getRestResponse()
                        .getStatus())
                .isEqualTo(200);
    }

    @Test
    void keepsCustomMetadataOfOthersAndTheSettingsOfASecret() throws VaultException {
        write(
                "metadata",
                Json.object()
                        .add("cas_required", true)
                        .add("max_versions", 3)
                        .add("custom_metadata", Json.object().add("team", "payments")));

        assertThat(put(secret(1, "first"))).isEqualTo(Answer.WRITTEN);

        assertThat(marks())
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of("team", "payments", "rotationId", rotation.toString(), "credentialVersion", "1"));
        assertThat(metadata().getInt("max_versions")).isEqualTo(3);
        assertThat(metadata().getBoolean("cas_required")).isTrue();
    }

    @Nested
    class WhatIsNotOurs {

        @Test
        void isNotOverwritten() throws VaultException {
            byHand("somebody else's");

            assertThat(put(secret(1, "first"))).isEqualTo(Answer.refused("not_ours"));

            assertThat(read("password")).isEqualTo("somebody else's");
            assertThat(marks()).isNull();
        }

        @Test
        void norAnotherRotations() throws VaultException {
            UUID other = UUID.randomUUID();
            await(kv.put(mount, path, secret(other, 1, "other"), PATIENCE));

            assertThat(put(secret(2, "ours"))).isEqualTo(Answer.refused("not_ours"));

            assertThat(read("password")).isEqualTo("other");
        }

        @Test
        void norWhatItsOwnerDeletedAndCouldTakeBack() throws VaultException {
            byHand("somebody else's");
            vault.admin().logical().delete(mount + "/data/" + path);

            assertThat(put(secret(1, "first"))).isEqualTo(Answer.refused("not_ours"));
        }

        @Test
        void isOursWhenItsCustomMetadataSaysSo() throws VaultException {
            byHand("before");
            write(
                    "metadata",
                    Json.object().add("custom_metadata", Json.object().add("rotationId", rotation.toString())));

            assertThat(put(secret(1, "first"))).isEqualTo(Answer.WRITTEN);

            assertThat(read("password")).isEqualTo("first");
            assertThat(version()).isEqualTo(2);
        }
    }

    @Test
    void whatOfOursWasDeletedOrChangedByHandIsWrittenAgain() throws VaultException {
        put(secret(1, "first"));
        vault.admin().logical().delete(mount + "/data/" + path);

        assertThat(put(secret(1, "first"))).isEqualTo(Answer.WRITTEN);
        assertThat(read("password")).isEqualTo("first");

        byHand("changed");
        assertThat(put(secret(1, "first"))).isEqualTo(Answer.WRITTEN);
        assertThat(read("password")).isEqualTo("first");
        assertThat(version()).isEqualTo(4);
    }

    @Test
    void needsNoMoreThanToCreateReadAndUpdate() {
        String policy = VaultUnderTest.unique("policy");
        String rule = "path \"%s/%s/rolewright/*\" { capabilities = [\"create\", \"read\", \"update\"] }\n";
        vault.write(
                "sys/policies/acl/" + policy,
                Map.of("policy", rule.formatted(mount, "data") + rule.formatted(mount, "metadata")));
        String token = vault.token(policy, Duration.ofMinutes(5));

        VaultKv narrow = client(Map.of("quarkus.vault.authentication.client-token", token));

        assertThat(await(narrow.put(mount, path, secret(1, "first"), PATIENCE))).isEqualTo(Answer.WRITTEN);
        assertThat(await(narrow.put(mount, path, secret(2, "second"), PATIENCE)))
                .isEqualTo(Answer.WRITTEN);
        assertThat(await(narrow.put(mount, "elsewhere/" + path, secret(1, "first"), PATIENCE)))
                .isEqualTo(Answer.refused("vault_forbidden"));
    }

    /** Of all secrets at once, and so of Vault: not of each for itself, an hour apart. */
    @Test
    void aTokenThatIsRefusedIsATroubleOfVault() {
        String token = vault.token("default", Duration.ofMinutes(5));
        VaultKv revoked = client(Map.of("quarkus.vault.authentication.client-token", token));
        vault.revoke(token);

        assertThat(await(revoked.put(mount, path, secret(1, "first"), PATIENCE)))
                .isEqualTo(new Answer("vault_token_refused", true));
    }

    @Nested
    class SaysWhyNot {

        @Test
        void whenThereIsNoSuchEngine() {
            assertThat(await(kv.put(VaultUnderTest.unique("nothing"), path, secret(1, "first"), PATIENCE)))
                    .isEqualTo(Answer.refused("vault_no_such_engine"));
        }

        @Test
        void whenItIsTheOldEngine() {
            String old = VaultUnderTest.unique("kv");
            vault.write("sys/mounts/" + old, Map.of("type", "kv-v1"));

            assertThat(await(kv.put(old, path, secret(1, "first"), PATIENCE)))
                    .isEqualTo(Answer.refused("vault_engine_is_version_1"));
        }

        @Test
        void whenItIsSealedOrStandsBy() {
            VaultProtocolStub stub = stub();
            try {
                for (Node part : List.of(Node.SEALED, Node.STANDBY, Node.REDIRECTING)) {
                    stub.become(part);
                    assertThat(put(secret(1, "first"))).isEqualTo(new Answer("vault_unavailable", true));
                }
            } finally {
                stub.become(Node.ACTIVE);
            }
        }

        @Test
        void whenNobodyListensOrNobodyAnswers() {
            int free = Ports.free();
            assertThat(await(client(Map.of("quarkus.vault.url", "http://localhost:" + free))
                            .put(mount, path, secret(1, "first"), PATIENCE)))
                    .isEqualTo(new Answer("vault_not_reachable", true));
            try (VaultProtocolStub silent = VaultProtocolStub.start()) {
                silent.become(Node.SILENT);
                Map<String, String> patient =
                        Map.of("quarkus.vault.url", silent.url(), "quarkus.vault.read-timeout", "60S");
                long begun = System.nanoTime();
                assertThat(await(client(patient).put(mount, path, secret(1, "first"), Duration.ofSeconds(1))))
                        .as("our own bound, whatever the client's")
                        .isEqualTo(new Answer("vault_timed_out", true));
                assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(30));
            }
        }

        @Test
        void whenItsLoginIsRefused() {
            String login = VaultUnderTest.unique("approle");
            String[] ids = vault.appRole(login, "default", "1m");
            Map<String, String> another = Map.of(
                    "quarkus.vault.authentication.client-token",
                    "",
                    "quarkus.vault.authentication.app-role.role-id",
                    ids[0],
                    "quarkus.vault.authentication.app-role.secret-id",
                    "another",
                    "quarkus.vault.authentication.app-role.auth-mount-path",
                    login);

            assertThat(await(client(another).put(mount, path, secret(1, "first"), PATIENCE)))
                    .isEqualTo(new Answer("vault_login_refused", true));
        }
    }

    // ---- Parts ------------------------------------------------------------------------------------------------------

    private static VaultKv client(Map<String, String> settings) {
        var client = vault.client(vault.settings(settings));
        return new VaultKv(() -> client);
    }

    private static VaultProtocolStub stub() {
        assumeTrue(vault.stub().isPresent(), "no one does that to a server of others");
        return vault.stub().orElseThrow();
    }

    private VaultSecret secret(long version, String password) {
        return secret(rotation, version, password);
    }

    private static VaultSecret secret(UUID rotation, long version, String password) {
        return new VaultSecret(
                rotation,
                version,
                Map.of(
                        "rotationId", rotation.toString(),
                        "credentialVersion", Long.toString(version),
                        "host", "db.example.com",
                        "port", "5432",
                        "database", "orders",
                        "sslMode", "verify-full",
                        "username", "app_a",
                        "password", password));
    }

    private Answer put(VaultSecret secret) {
        return await(kv.put(mount, path, secret, PATIENCE));
    }

    private static Answer await(Uni<Answer> answer) {
        return answer.await().atMost(PATIENCE.multipliedBy(2));
    }

    private void byHand(String password) throws VaultException {
        vault.reader().logical().write(mount + "/" + path, Map.of("password", password));
    }

    private void write(String kind, JsonObject body) throws VaultException {
        Map<String, Object> fields = new HashMap<>();
        body.forEach(member -> fields.put(member.getName(), member.getValue()));
        vault.admin().logical().write(mount + "/" + kind + "/" + path, fields);
    }

    private String read(String field) throws VaultException {
        return vault.reader().logical().read(mount + "/" + path).getData().get(field);
    }

    private JsonObject metadata() throws VaultException {
        String body = new String(
                vault.admin()
                        .logical()
                        .read(mount + "/metadata/" + path)
                        .getRestResponse()
                        .getBody(),
                StandardCharsets.UTF_8);
        return Json.parse(body).asObject().get("data").asObject();
    }

    private int version() throws VaultException {
        return metadata().getInt("current_version");
    }

    /** Null if there are none. */
    private Map<String, String> marks() throws VaultException {
        var marks = metadata().get("custom_metadata");
        if (marks.isNull()) {
            return null;
        }
        Map<String, String> all = new HashMap<>();
        marks.asObject().forEach(mark -> all.put(mark.getName(), mark.getValue().asString()));
        return all;
    }
}
