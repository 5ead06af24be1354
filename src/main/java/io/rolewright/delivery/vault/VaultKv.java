package io.rolewright.delivery.vault;

import io.quarkus.vault.client.VaultClient;
import io.quarkus.vault.client.VaultClientException;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2ReadSecretMetadataResultData;
import io.quarkus.vault.client.api.secrets.kv2.VaultSecretsKV2UpdateSecretOptions;
import io.rolewright.store.CallersContext;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes one secret of a KV engine, version 2, of the operator's Vault (or OpenBao). The address is his setting and not a caller's, so no
 * guard stands before it.
 *
 * <p>It looks first, and writes with the version that it has seen as check-and-set: whoever was quicker is looked at again. A secret is
 * a rotation's own when its custom metadata names that rotation, or, before that was written, its fields do; by the first an operator hands
 * a secret over that is there already.
 */
@ApplicationScoped
class VaultKv {

    /** Each lost to a write of somebody else within milliseconds. */
    private static final int TRIES = 4;

    /** And as often one request is sent to a Vault whose quota is used up, {@link #UNTIL_QUOTA} or a little more after each other. */
    private static final int LIMITED_TRIES = 4;

    private static final Duration UNTIL_QUOTA = Duration.ofSeconds(1);

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

    /** Has the secret there, if nothing newer or foreign is. Never fails; answers on the context that subscribes. */
    Uni<Answer> put(String mount, String path, VaultSecret secret, Duration atMost) {
        return CallersContext.answer(() -> Uni.createFrom()
                .deferred(() -> put(client.get().secrets().kv2(mount), path, secret, TRIES))
                .ifNoItem()
                .after(atMost)
                .fail()
                .onFailure()
                .recoverWithItem(VaultFailures::answer));
    }

    private Uni<Answer> put(VaultSecretsKV2 kv, String path, VaultSecret secret, int triesLeft) {
        return look(kv, path)
                .chain(there -> {
                    String objection = there.objection(secret);
                    if (objection != null) {
                        return Uni.createFrom().item(Answer.refused(objection));
                    }
                    Uni<?> written = secret.fields().equals(there.fields)
                            ? Uni.createFrom().voidItem()
                            : call(() -> kv.updateSecret(
                                    path,
                                    new VaultSecretsKV2UpdateSecretOptions().setCas(there.version),
                                    secret.fields()));
                    return written.chain(() -> mark(kv, path, secret, there)).replaceWith(Answer.WRITTEN);
                })
                .onFailure(VaultFailures::isLostRace)
                .recoverWithUni(() -> triesLeft > 1
                        ? put(kv, path, secret, triesLeft - 1)
                        : Uni.createFrom().item(Answer.refused("changed_meanwhile")));
    }

    /** Custom metadata of others stays. A write of it knows no check-and-set, which is why nothing is decided by its version alone. */
    private static Uni<Void> mark(VaultSecretsKV2 kv, String path, VaultSecret secret, There there) {
        Map<String, Object> marks = new HashMap<>(there.marks);
        marks.put(VaultSecret.ROTATION, secret.rotationId().toString());
        marks.put(VaultSecret.VERSION, Long.toString(secret.version()));
        return marks.equals(there.marks)
                ? Uni.createFrom().voidItem()
                : call(() -> kv.updateSecretMetadata(path, null, null, null, marks));
    }

    /**
     * What is at the path.
     *
     * @param version Vault's, for the check-and-set; 0 if there is nothing
     * @param fields empty if there is nothing, or it was deleted
     * @param marks its custom metadata
     */
    private record There(int version, Map<String, Object> fields, Map<String, Object> marks) {

        /** @return why it may not be written; null if it may */
        @Nullable
        String objection(VaultSecret secret) {
            String ours = secret.rotationId().toString();
            Object owner = marks.getOrDefault(VaultSecret.ROTATION, fields.get(VaultSecret.ROTATION));
            if (owner == null && version == 0) {
                return null;
            }
            if (!ours.equals(owner)) {
                return "not_ours";
            }
            Map<String, Object> lastOfOurs = ours.equals(fields.get(VaultSecret.ROTATION)) ? fields : marks;
            Object newest = lastOfOurs.get(VaultSecret.VERSION);
            return newest != null && number(newest) > secret.version() ? "newer_there" : null;
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
                .chain(metadata -> version(metadata) == 0
                        ? Uni.createFrom().item(new There(0, Map.of(), marks(metadata)))
                        // A version that was deleted is not found; it still counts for the check-and-set.
                        : orNull(call(() -> kv.readSecret(path)))
                                .map(found -> found == null || found.getData() == null
                                        ? new There(version(metadata), Map.of(), marks(metadata))
                                        : new There(
                                                found.getMetadata().getVersion(), found.getData(), marks(metadata))));
    }

    private static int version(@Nullable VaultSecretsKV2ReadSecretMetadataResultData metadata) {
        return metadata == null || metadata.getCurrentVersion() == null ? 0 : metadata.getCurrentVersion();
    }

    private static Map<String, Object> marks(@Nullable VaultSecretsKV2ReadSecretMetadataResultData metadata) {
        return metadata == null || metadata.getCustomMetadata() == null ? Map.of() : metadata.getCustomMetadata();
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
