package io.rolewright.sealing;

import io.rolewright.sealing.RootKeyConfig.Source;
import io.rolewright.store.StartupStep.NotReady;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.AEADBadTagException;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Root keys in a mounted file. It is read anew each time, so that a mount which was changed is seen, and let go at once; on a
 * worker thread, since a mount may be slow.
 */
@ApplicationScoped
class FileRootKey implements RootKeySource {

    private static final Logger log = Logger.getLogger(FileRootKey.class);

    private final SealingConfig config;
    private final RootKeyConfig roots;
    private final Sealer sealer;
    private final Vertx vertx;

    /** By which a change of the file is noticed: at the last look, and at the last one that came to an end. */
    private volatile @Nullable String looked;

    private volatile @Nullable String seen;

    FileRootKey(SealingConfig config, RootKeyConfig roots, Sealer sealer, Vertx vertx) {
        this.config = config;
        this.roots = roots;
        this.sealer = sealer;
        this.vertx = vertx;
    }

    @Override
    public Source source() {
        return Source.FILE;
    }

    @Override
    public Uni<WrappedKey> wrap(int dataKeyId, byte[] dataKey) {
        return read().map(keys -> new WrappedKey(
                dataKeyId,
                Source.FILE,
                keys.activeId(),
                keys.wrap(dataKeyId, dataKey, sealer.random(AesGcm.NONCE_BYTES))));
    }

    @Override
    public Uni<Map<Integer, byte[]>> unwrap(List<WrappedKey> wrapped) {
        return read().map(keys -> {
            var opened = new HashMap<Integer, byte[]>();
            try {
                wrapped.forEach(key -> opened.put(key.id(), unwrap(keys, key)));
                return opened;
            } catch (NotReady refused) {
                opened.values().forEach(secret -> Arrays.fill(secret, (byte) 0));
                throw refused;
            }
        });
    }

    /** The first look counts as a change. A file that is missing is one too, since the next start would fail. */
    @Override
    public Uni<Boolean> changed() {
        Path file = config.rootKeyFile().orElse(null);
        if (file == null) {
            return Uni.createFrom().item(false);
        }
        return Uni.createFrom()
                .completionStage(
                        () -> vertx.executeBlocking(() -> state(file), false).toCompletionStage())
                .map(state -> {
                    looked = state;
                    return !state.equals(seen);
                });
    }

    @Override
    public void seen() {
        seen = looked;
    }

    private static String state(Path file) {
        try {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            return now.lastModifiedTime() + " " + now.size() + " " + now.fileKey();
        } catch (IOException gone) {
            return "gone";
        }
    }

    private static byte[] unwrap(RootKeys keys, WrappedKey key) {
        if (!key.rootKeyId().equals(keys.activeId())) {
            log.infof(
                    "Data key %d is still wrapped by root key %s: run the key command rewrap before you remove that"
                            + " root key",
                    key.id(), key.rootKeyId());
        }
        try {
            return keys.unwrap(key.id(), key.rootKeyId(), key.wrapped())
                    .orElseThrow(() -> new NotReady(
                            "Data key %d of the store is wrapped by root key %s, which the root key file does not list."
                                    .formatted(key.id(), key.rootKeyId())));
        } catch (AEADBadTagException e) {
            throw new NotReady("Root key %s does not open data key %d of the store: it is another key of that name."
                    .formatted(key.rootKeyId(), key.id()));
        }
    }

    private Uni<RootKeys> read() {
        if (config.rootKeyFile().isEmpty()) {
            return Uni.createFrom()
                    .failure(new NotReady(
                            roots.rootKeySource() == Source.FILE
                                    ? "No root key is configured: set ROLEWRIGHT_ROOT_KEY_FILE."
                                    : "A data key of the store is still wrapped by a root key file: set"
                                            + " ROLEWRIGHT_ROOT_KEY_FILE until the command rewrap is done."));
        }
        var file = config.rootKeyFile().get();
        return Uni.createFrom()
                .completionStage(() -> vertx.executeBlocking(() -> RootKeyFile.read(file), false)
                        .toCompletionStage())
                .onFailure(RootKeyFile.Unusable.class)
                .transform(e -> new NotReady(((RootKeyFile.Unusable) e).sentence));
    }
}
