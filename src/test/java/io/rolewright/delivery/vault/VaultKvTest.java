package io.rolewright.delivery.vault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.jopenlibs.vault.VaultException;
import io.github.jopenlibs.vault.api.WriteOptions;
import io.github.jopenlibs.vault.json.Json;
import io.github.jopenlibs.vault.json.JsonObject;
import io.rolewright.delivery.vault.VaultKv.Answer;
import io.rolewright.rotation.VaultDeliveries.Evidence;
import io.rolewright.rotation.VaultDeliveries.Known;
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
import org.awaitility.Awaitility;
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
                        .map(each -> put(replicas.get(each % 2), mount, path, secret(each, "p" + each)))
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
            await(put(kv, mount, path, secret(other, 1, "other")));

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

        assertThat(await(put(narrow, mount, path, secret(1, "first")))).isEqualTo(Answer.WRITTEN);
        assertThat(await(put(narrow, mount, path, secret(2, "second")))).isEqualTo(Answer.WRITTEN);
        assertThat(await(put(narrow, mount, "elsewhere/" + path, secret(1, "first"))))
                .isEqualTo(Answer.refused("vault_forbidden"));
    }

    /** Of all secrets at once, and so of Vault: not of each for itself, an hour apart. */
    @Test
    void aTokenThatIsRefusedIsATroubleOfVault() {
        String token = vault.token("default", Duration.ofMinutes(5));
        VaultKv revoked = client(Map.of("quarkus.vault.authentication.client-token", token));
        vault.revoke(token);

        assertThat(await(put(revoked, mount, path, secret(1, "first"))))
                .isEqualTo(new Answer("vault_token_refused", true));
    }

    /** What is there is known by what Vault said when it was written. */
    @Nested
    class KnowsItsVault {

        @Test
        void byTheMountAndNotByItsName() throws VaultException {
            Known known = known(written(1, "first"));
            Known another = new Known(UUID.randomUUID().toString(), known.evidence(), null, false);

            assertThat(send(2, "second", another).answer()).isEqualTo(Answer.refused("vault_engine_replaced"));
            assertThat(verified(1, "first", another)).isEqualTo("vault_engine_replaced");

            assertThat(read("password")).isEqualTo("first");
            assertThat(send(2, "second", known).answer()).isEqualTo(Answer.WRITTEN);
        }

        @Test
        void andByTheVersionThatWasWrittenLast() throws VaultException {
            VaultKv.Put first = written(1, "first");
            VaultKv.Put second = written(2, "second");
            assertThat(first.evidence().version()).isEqualTo(1);
            assertThat(second.evidence().version()).isEqualTo(2);
            Evidence lost = new Evidence(5, second.evidence().at().plusSeconds(1), null);
            Evidence anothers = new Evidence(2, second.evidence().at().plusMillis(1), null);
            Evidence passed = first.evidence();

            for (Evidence evidence : List.of(lost, anothers)) {
                Known known = new Known(second.engine(), evidence, null, false);
                assertThat(send(3, "third", known).answer()).isEqualTo(Answer.refused("vault_went_back"));
                assertThat(verified(2, "second", known)).isEqualTo("vault_went_back");
                assertThat(await(kv.stands(mount, path, evidence, PATIENCE))).isFalse();
            }
            assertThat(read("password")).isEqualTo("second");
            assertThat(await(kv.stands(mount, path, passed, PATIENCE))).isTrue();
            assertThat(send(3, "third", new Known(second.engine(), passed, null, false))
                            .answer())
                    .isEqualTo(Answer.WRITTEN);
        }

        @Test
        void aSecretThatWasDeletedAndBegunAnewIsNoRestore() throws VaultException {
            Known known = known(written(1, "first"));
            known = known(send(2, "second", known));
            vault.admin().logical().delete(mount + "/metadata/" + path);

            assertThat(send(3, "third", known).answer()).isEqualTo(Answer.refused("vault_secret_gone"));
            assertThat(send(3, "third", known.withoutEvidence()).answer()).isEqualTo(Answer.WRITTEN);
            assertThat(send(4, "fourth", known).answer()).isEqualTo(Answer.WRITTEN);
        }

        @Test
        void whatIsThereAsItShouldBeIsNotTouched() throws VaultException {
            Known known = known(written(1, "first"));

            assertThat(verified(1, "first", known)).isNull();

            assertThat(version()).isEqualTo(1);
        }

        @Test
        void tellsApartHowItWasLost() throws VaultException {
            Known known = known(written(1, "first"));

            byHand("changed");
            assertThat(verified(1, "first", known)).isEqualTo("vault_changed_by_hand");
            known = known(send(1, "first", known));
            vault.admin().logical().delete(mount + "/data/" + path);
            assertThat(verified(1, "first", known)).isEqualTo("vault_version_deleted");
            known = known(send(1, "first", known));
            vault.reader()
                    .logical()
                    .destroy(mount + "/" + path, new int[] {known.evidence().version()});
            assertThat(verified(1, "first", known)).isEqualTo("vault_version_destroyed");
            known = known(send(1, "first", known));
            vault.admin().logical().delete(mount + "/metadata/" + path);
            assertThat(verified(1, "first", known)).isEqualTo("vault_secret_gone");
        }

        @Test
        void andWhatHasEndedByItself() throws VaultException {
            write("metadata", Json.object().add("delete_version_after", "1s"));
            Known known = known(written(1, "first"));
            assertThat(known.evidence().until()).isEqualTo(known.evidence().at().plusSeconds(1));

            Known ends = known;
            Awaitility.await()
                    .atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(verified(1, "first", ends)).isEqualTo("vault_version_expired"));
            assertThat(send(1, "first", known).answer()).isEqualTo(Answer.WRITTEN);
        }

        @Test
        void aMarkThatMayNotBeSetHoldsNothingUp() throws VaultException {
            VaultKv narrow = narrow("create, read, update", "read");

            VaultKv.Put first = await(narrow.put(mount, path, secret(1, "first"), Known.NOTHING, PATIENCE));
            assertThat(first.answer()).isEqualTo(Answer.WRITTEN);
            assertThat(first.warning()).isEqualTo("vault_mark_forbidden");
            assertThat(marks()).isNull();
            vault.admin().logical().delete(mount + "/data/" + path);

            assertThat(await(put(narrow, mount, path, secret(2, "second"))))
                    .as("nothing says whose it was")
                    .isEqualTo(Answer.refused("not_ours"));
            assertThat(await(narrow.put(mount, path, secret(2, "second"), known(first), PATIENCE))
                            .answer())
                    .as("it is the version that we wrote")
                    .isEqualTo(Answer.WRITTEN);
        }

        private VaultKv.Put written(long version, String password) {
            return send(version, password, Known.NOTHING);
        }

        private VaultKv.Put send(long version, String password, Known known) {
            return await(kv.put(mount, path, secret(version, password), known, PATIENCE));
        }

        private String verified(long version, String password, Known known) {
            return await(kv.verify(mount, path, secret(version, password), known, PATIENCE))
                    .answer()
                    .failure();
        }

        private Known known(VaultKv.Put put) {
            return new Known(put.engine(), put.evidence(), null, false);
        }
    }

    @Nested
    class SaysWhyNot {

        @Test
        void whenThereIsNoSuchEngine() {
            assertThat(await(put(kv, VaultUnderTest.unique("nothing"), path, secret(1, "first"))))
                    .isEqualTo(Answer.refused("vault_no_such_engine"));
        }

        @Test
        void whenItIsTheOldEngine() {
            String old = VaultUnderTest.unique("kv");
            vault.write("sys/mounts/" + old, Map.of("type", "kv-v1"));

            assertThat(await(put(kv, old, path, secret(1, "first"))))
                    .isEqualTo(Answer.refused("vault_engine_is_version_1"));

            assertThat(status(old + "/data/" + path))
                    .as("an ordinary path of that engine")
                    .isEqualTo(404);
        }

        @Test
        void whenItIsAnEngineForSomethingElse() {
            assertThat(await(put(kv, vault.transit("a-key"), path, secret(1, "first"))))
                    .isEqualTo(Answer.refused("vault_not_a_kv_engine"));
        }

        @Test
        void whenTheMetadataMayNotBeRead() {
            VaultKv narrow = narrow("create, read, update", "update");

            assertThat(await(put(narrow, mount, path, secret(1, "first"))))
                    .isEqualTo(Answer.refused("vault_metadata_forbidden"));

            assertThat(status(mount + "/data/" + path)).isEqualTo(404);
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
            assertThat(await(put(
                            client(Map.of("quarkus.vault.url", "http://localhost:" + free)),
                            mount,
                            path,
                            secret(1, "first"))))
                    .isEqualTo(new Answer("vault_not_reachable", true));
            try (VaultProtocolStub silent = VaultProtocolStub.start()) {
                silent.become(Node.SILENT);
                Map<String, String> patient =
                        Map.of("quarkus.vault.url", silent.url(), "quarkus.vault.read-timeout", "60S");
                long begun = System.nanoTime();
                assertThat(await(client(patient)
                                .put(mount, path, secret(1, "first"), Known.NOTHING, Duration.ofSeconds(1))
                                .map(VaultKv.Put::answer)))
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

            assertThat(await(put(client(another), mount, path, secret(1, "first"))))
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

    /** With a policy of what it may do with secrets, and with their metadata. */
    private static VaultKv narrow(String data, String metadata) {
        String policy = VaultUnderTest.unique("policy");
        String rule = "path \"%s/%s/rolewright/*\" { capabilities = [%s] }\n";
        vault.write(
                "sys/policies/acl/" + policy,
                Map.of(
                        "policy",
                        rule.formatted(mount, "data", quoted(data))
                                + rule.formatted(mount, "metadata", quoted(metadata))));
        return client(Map.of("quarkus.vault.authentication.client-token", vault.token(policy, Duration.ofMinutes(5))));
    }

    private static String quoted(String words) {
        return '"' + words.replace(", ", "\", \"") + '"';
    }

    /** What an administrator's read is answered. */
    private static int status(String path) {
        try {
            return vault.admin().logical().read(path).getRestResponse().getStatus();
        } catch (VaultException refused) {
            return refused.getHttpStatusCode();
        }
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

    private static Uni<Answer> put(VaultKv kv, String mount, String path, VaultSecret secret) {
        return kv.put(mount, path, secret, Known.NOTHING, PATIENCE).map(VaultKv.Put::answer);
    }

    private Answer put(VaultSecret secret) {
        return await(put(kv, mount, path, secret));
    }

    private static <T> T await(Uni<T> answer) {
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
