package io.rolewright.delivery.vault;

import io.quarkus.vault.client.VaultClient;
import io.quarkus.vault.client.VaultClientException;
import io.quarkus.vault.client.api.common.VaultAnyResult;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2ReadSecretData;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2ReadSecretMetadataResultData;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2ReadSecretMetadataVersion;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2UpdateSecretOptions;
import io.quarkus.vault.client.common.VaultJSONResultExtractor;
import io.quarkus.vault.client.common.VaultRequest;
import io.rolewright.rotation.VaultDeliveries.Evidence;
import io.rolewright.rotation.VaultDeliveries.Known;
import io.rolewright.store.CallersContext;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes one secret of a KV engine, version 2, of the operator's Vault (or OpenBao). The address is his setting and not a caller's, so no
 * guard stands before it.
 *
 * <p>It looks first: at the engine, which must be a KV engine of version 2 and the mount that was written to before, whatever its URL; and at
 * the secret, where what was written last must still have its number and its time, or be followed by something newer. It writes with the
 * version that it has seen as check-and-set: whoever was quicker is looked at again. A secret is a rotation's own when its custom metadata
 * names that rotation, or, before that was written, its fields do; by the first an operator hands a secret over that is there already. What
 * was deleted is its own, too, where it is the very version that it has written.
 */
@ApplicationScoped
class VaultKv {

    /** Each lost to a write of somebody else within milliseconds. */
    private static final int TRIES = 4;

    /** And as often one request is sent to a Vault whose quota is used up, {@link #UNTIL_QUOTA} or a little more after each other. */
    private static final int LIMITED_TRIES = 4;

    private static final Duration UNTIL_QUOTA = Duration.ofSeconds(1);

    static final String REPLACED = "vault_engine_replaced";
    static final String WENT_BACK = "vault_went_back";
    static final String GONE = "vault_secret_gone";

    /** Asked for each time: without {@code quarkus.vault.url} there is none. */
    private final Supplier<VaultClient> client;

    @Inject
    VaultKv(Instance<VaultClient> client) {
        this(client::get);
    }

    VaultKv(Supplier<VaultClient> client) {
        this.client = client;
    }

    /**
     * What came of it.
     *
     * @param failure stable code; null if the secret is there
     * @param troubled whether it is Vault that has trouble, and not this one secret
     */
    record Answer(@Nullable String failure, boolean troubled) {

        static final Answer WRITTEN = new Answer(null, false);

        static Answer refused(String code) {
            return new Answer(code, false);
        }
    }

    /**
     * The same with what was seen on the way.
     *
     * @param engine by what the mount is known; null if that was not seen
     * @param evidence of the version that is there now and is ours; null if none is
     * @param warning what did not hold it up; null for nothing
     */
    record Put(
            Answer answer,
            @Nullable String engine,
            @Nullable Evidence evidence,
            @Nullable String warning) {

        static Put not(Answer answer, @Nullable String engine) {
            return new Put(answer, engine, null, null);
        }
    }

    /** Has the secret there, if nothing newer or foreign is. Never fails; answers on the context that subscribes. */
    Uni<Put> put(String mount, String path, VaultSecret secret, Known known, Duration atMost) {
        return answered(
                atMost,
                () -> on(
                        mount,
                        path,
                        known,
                        engine -> put(mount, path, secret, known.evidence(), TRIES)
                                .map(put -> new Put(put.answer, engine, put.evidence, put.warning))));
    }

    /** Whether the secret is there as it should be; writes nothing. */
    Uni<Put> verify(String mount, String path, VaultSecret secret, Known known, Duration atMost) {
        return answered(
                atMost,
                () -> on(
                        mount,
                        path,
                        known,
                        engine -> look(kv(mount), path).map(there -> {
                            String lost = there.missing(secret, known.evidence());
                            return lost == null
                                    ? new Put(Answer.WRITTEN, engine, there.evidence(), null)
                                    : Put.not(Answer.refused(lost), engine);
                        })));
    }

    private static Uni<Put> answered(Duration atMost, Supplier<Uni<Put>> work) {
        return CallersContext.answer(() -> Uni.createFrom()
                .deferred(() -> work.get())
                .ifNoItem()
                .after(atMost)
                .fail()
                .onFailure()
                .recoverWithItem(failure -> Put.not(VaultFailures.answer(failure), null)));
    }

    private Uni<Put> on(String mount, String path, Known known, Function<String, Uni<Put>> work) {
        return engine(mount, path).chain(engine -> {
            if (engine.fault != null) {
                return Uni.createFrom().item(Put.not(Answer.refused(engine.fault), engine.id));
            }
            if (known.engine() != null && !known.engine().equals(engine.id)) {
                return Uni.createFrom().item(Put.not(Answer.refused(REPLACED), engine.id));
            }
            return work.apply(engine.id);
        });
    }

    /** @param fault why nothing is written there; null for a KV engine of version 2, which has an id then */
    private record Engine(String id, @Nullable String fault) {}

    /** Vault answers that to whoever may do anything below the mount; it knows an engine by a uuid that it made when it was mounted. */
    private Uni<Engine> engine(String mount, String path) {
        VaultRequest<VaultAnyResult> request = VaultRequest.get("[SYS (internal)] Read mount")
                .path("sys", "internal", "ui", "mounts", mount)
                .expectOkStatus()
                .build(VaultJSONResultExtractor.of(VaultAnyResult.class));
        return call(() -> client.get().execute(request))
                .map(answer -> engine(answer.getResult().getData()))
                .onFailure(VaultFailures::saysNothingOfTheMount)
                // What is asked for next says whether it is not there or not allowed.
                .recoverWithUni(() -> call(() -> kv(mount).readSecretMetadata(path))
                        .onFailure(VaultFailures::isNoSuchSecret)
                        .recoverWithNull()
                        .replaceWith(new Engine("", "vault_engine_unknown")));
    }

    private static Engine engine(@Nullable Map<String, Object> mounted) {
        Map<String, Object> data = mounted == null ? Map.of() : mounted;
        Object id = data.get("uuid") == null ? data.get("accessor") : data.get("uuid");
        boolean versioned = data.get("options") instanceof Map<?, ?> options
                && String.valueOf(options.get("version")).equals("2");
        if (id == null || data.get("type") == null) {
            return new Engine("", "vault_engine_unknown");
        }
        if (!data.get("type").equals("kv")) {
            return new Engine(id.toString(), "vault_not_a_kv_engine");
        }
        return new Engine(id.toString(), versioned ? null : "vault_engine_is_version_1");
    }

    private Uni<Put> put(String mount, String path, VaultSecret secret, @Nullable Evidence known, int triesLeft) {
        return look(kv(mount), path)
                .chain(there -> {
                    String objection = there.objection(secret, known);
                    if (objection != null) {
                        return Uni.createFrom().item(Put.not(Answer.refused(objection), null));
                    }
                    Uni<Evidence> written = secret.fields().equals(there.fields)
                            ? Uni.createFrom().item(there.evidence())
                            : write(mount, path, secret, there.version);
                    return written.chain(evidence -> mark(kv(mount), path, secret, there)
                            .map(warning -> new Put(Answer.WRITTEN, null, evidence, warning)));
                })
                .onFailure(VaultFailures::isLostRace)
                .recoverWithUni(() -> triesLeft > 1
                        ? put(mount, path, secret, known, triesLeft - 1)
                        : Uni.createFrom().item(Put.not(Answer.refused("changed_meanwhile"), null)));
    }

    /** Not by the client's own method, which drops what Vault answers: number and time of the new version. */
    private Uni<Evidence> write(String mount, String path, VaultSecret secret, int seen) {
        VaultRequest<VaultAnyResult> request = VaultSecretsKV2.FACTORY
                .updateSecret(mount, path, new VaultSecretsKV2UpdateSecretOptions().setCas(seen), secret.fields())
                .builder()
                .build(VaultJSONResultExtractor.of(VaultAnyResult.class));
        return call(() -> client.get().execute(request)).map(answer -> {
            Map<String, Object> version = answer.getResult().getData();
            return new Evidence(
                    Objects.requireNonNull((Number) version.get("version"), "the new version's number")
                            .intValue(),
                    OffsetDateTime.parse(String.valueOf(version.get("created_time")))
                            .toInstant(),
                    version.get("deletion_time") instanceof String until && !until.isEmpty()
                            ? OffsetDateTime.parse(until).toInstant()
                            : null);
        });
    }

    /** Whether what was written last is there, or something newer in its place. Fails with whatever Vault says. */
    Uni<Boolean> stands(String mount, String path, Evidence evidence, Duration atMost) {
        return CallersContext.answer(() -> orNull(call(() -> kv(mount).readSecretMetadata(path)))
                .map(metadata -> version(metadata) > 0 && !new There(metadata, null).contradicts(evidence))
                .ifNoItem()
                .after(atMost)
                .fail());
    }

    private VaultSecretsKV2 kv(String mount) {
        return client.get().secrets().kv2(mount);
    }

    /**
     * Custom metadata of others stays. A write of it knows no check-and-set, which is why nothing is decided by its version alone. It is for
     * people: where it may not be written, the credential is there all the same.
     *
     * @return what to say of that; null item for nothing
     */
    private static Uni<@Nullable String> mark(VaultSecretsKV2 kv, String path, VaultSecret secret, There there) {
        Map<String, Object> marks = new HashMap<>(there.marks);
        marks.put(VaultSecret.ROTATION, secret.rotationId().toString());
        marks.put(VaultSecret.VERSION, Long.toString(secret.version()));
        return marks.equals(there.marks)
                ? Uni.createFrom().nullItem()
                : call(() -> kv.updateSecretMetadata(path, null, null, null, marks))
                        .map(done -> (String) null)
                        .onFailure(VaultFailures::isForbidden)
                        .recoverWithItem("vault_mark_forbidden");
    }

    /**
     * What is at the path.
     *
     * @param version Vault's, for the check-and-set; 0 if there is nothing
     * @param fields empty if there is nothing, or it was deleted
     * @param marks its custom metadata
     * @param versions what Vault still knows of its versions, by number
     * @param begun when the first of them was written; null if there is nothing
     */
    private record There(
            int version,
            Map<String, Object> fields,
            Map<String, Object> marks,
            Map<String, VaultSecretsKV2ReadSecretMetadataVersion> versions,
            @Nullable OffsetDateTime begun) {

        There(
                @Nullable VaultSecretsKV2ReadSecretMetadataResultData metadata,
                @Nullable VaultSecretsKV2ReadSecretData found) {
            this(
                    found == null || found.getData() == null
                            ? VaultKv.version(metadata)
                            : found.getMetadata().getVersion(),
                    found == null || found.getData() == null ? Map.of() : found.getData(),
                    metadata == null || metadata.getCustomMetadata() == null ? Map.of() : metadata.getCustomMetadata(),
                    metadata == null || metadata.getVersions() == null ? Map.of() : metadata.getVersions(),
                    metadata == null ? null : metadata.getCreatedTime());
        }

        /** Null where Vault no longer knows it, or it was written after the look. */
        private @Nullable Evidence evidence(int number) {
            VaultSecretsKV2ReadSecretMetadataVersion known = versions.get(Integer.toString(number));
            return known == null || known.getCreatedTime() == null
                    ? null
                    : new Evidence(
                            number,
                            known.getCreatedTime().toInstant(),
                            known.getDeletionTime() == null
                                    ? null
                                    : known.getDeletionTime().toInstant());
        }

        @Nullable
        Evidence evidence() {
            return evidence(version);
        }

        /**
         * Whether Vault shows an earlier state, or another one, than when that version was written. A secret that was deleted with its
         * metadata and written anew is none: it was begun later.
         */
        boolean contradicts(@Nullable Evidence written) {
            if (written == null
                    || version == 0
                    || begun == null
                    || begun.toInstant().isAfter(written.at())) {
                return false;
            }
            Evidence now = evidence(written.version());
            return now == null ? version < written.version() : !now.at().equals(written.at());
        }

        /** @return why it may not be written; null if it may */
        @Nullable
        String objection(VaultSecret secret, @Nullable Evidence written) {
            if (contradicts(written)) {
                return WENT_BACK;
            }
            if (version == 0 && written != null) {
                return GONE;
            }
            String ours = secret.rotationId().toString();
            Object owner = marks.getOrDefault(VaultSecret.ROTATION, fields.get(VaultSecret.ROTATION));
            if (owner == null && (version == 0 || isTheOneWritten(written))) {
                return null;
            }
            if (!ours.equals(owner)) {
                return "not_ours";
            }
            Map<String, Object> lastOfOurs = ours.equals(fields.get(VaultSecret.ROTATION)) ? fields : marks;
            Object newest = lastOfOurs.get(VaultSecret.VERSION);
            return newest != null && number(newest) > secret.version() ? "newer_there" : null;
        }

        /** Whether what was deleted here, and says no owner any more, is the version that we had written. */
        private boolean isTheOneWritten(@Nullable Evidence written) {
            Evidence now = evidence();
            return written != null
                    && now != null
                    && fields.isEmpty()
                    && now.version() == written.version()
                    && now.at().equals(written.at());
        }

        /** @return why the secret is not there as it should be; null if it is */
        @Nullable
        String missing(VaultSecret secret, @Nullable Evidence written) {
            if (version == 0) {
                return GONE;
            }
            String objection = objection(secret, written);
            if (objection != null || secret.fields().equals(fields)) {
                return objection;
            }
            VaultSecretsKV2ReadSecretMetadataVersion now = versions.get(Integer.toString(version));
            if (!fields.isEmpty() || now == null) {
                return "vault_changed_by_hand";
            }
            if (Boolean.TRUE.equals(now.isDestroyed())) {
                return "vault_version_destroyed";
            }
            Evidence ended = evidence();
            boolean asWritten = written != null
                    && ended != null
                    && ended.version() == written.version()
                    && written.until() != null
                    && written.until().equals(ended.until());
            return asWritten ? "vault_version_expired" : "vault_version_deleted";
        }

        private static long number(Object text) {
            try {
                return Long.parseLong(text.toString());
            } catch (NumberFormatException notOurs) {
                return 0;
            }
        }
    }

    private static Uni<There> look(VaultSecretsKV2 kv, String path) {
        return orNull(call(() -> kv.readSecretMetadata(path)))
                .onFailure(VaultFailures::isForbidden)
                .recoverWithUni(
                        refused -> orNull(call(() -> kv.readSecret(path))).map(readable -> {
                            throw new VaultFailures.MetadataForbidden();
                        }))
                .chain(metadata -> version(metadata) == 0
                        ? Uni.createFrom().item(new There(metadata, null))
                        // A version that was deleted is not found; it still counts for the check-and-set.
                        : orNull(call(() -> kv.readSecret(path))).map(found -> new There(metadata, found)));
    }

    private static int version(@Nullable VaultSecretsKV2ReadSecretMetadataResultData metadata) {
        return metadata == null || metadata.getCurrentVersion() == null ? 0 : metadata.getCurrentVersion();
    }

    private static <T> Uni<T> call(Supplier<CompletionStage<T>> request) {
        return call(request, LIMITED_TRIES);
    }

    /**
     * A request too many for a quota is sent again in a moment, since a delivery of four requests that began again with the first would
     * use up the next quota as well. The client does not show what {@code Retry-After} says; for Vault's quotas it is a second.
     */
    private static <T> Uni<T> call(Supplier<CompletionStage<T>> request, int triesLeft) {
        return Uni.createFrom()
                .completionStage(request)
                .onFailure(CompletionException.class)
                .transform(Throwable::getCause)
                .onFailure(failure -> triesLeft > 1 && VaultFailures.isLimited(failure))
                .recoverWithUni(() -> Uni.createFrom()
                        .voidItem()
                        .onItem()
                        .delayIt()
                        .by(UNTIL_QUOTA.plusMillis(ThreadLocalRandom.current().nextLong(500)))
                        .chain(() -> call(request, triesLeft - 1)));
    }

    private static <T> Uni<@Nullable T> orNull(Uni<T> read) {
        return read.onFailure(failure -> failure instanceof VaultClientException answer
                        && Integer.valueOf(404).equals(answer.getStatus()))
                .recoverWithNull();
    }
}
