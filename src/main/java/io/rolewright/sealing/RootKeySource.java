package io.rolewright.sealing;

import io.rolewright.store.StartupStep.NotReady;
import io.smallrye.mutiny.Uni;
import java.util.List;
import java.util.Map;

/**
 * Where root keys live. A source wraps data keys and unwraps them; it never hands out the root key. It is asked once when a
 * process starts and again only when a data key is made or wrapped anew, never for a request.
 */
interface RootKeySource {

    RootKeyConfig.Source source();

    /**
     * Wraps a data key with the root key that is active now.
     *
     * @param dataKey 32 bytes, the caller's to wipe
     * @return fails with {@link NotReady} and a sentence for the operator if the root cannot be had
     */
    Uni<WrappedKey> wrap(int dataKeyId, byte[] dataKey);

    /**
     * Unwraps all of them in one call to the root.
     *
     * @param keys wrapped by this source, at least one
     * @return the data keys by id, for the caller to wipe; fails with {@link NotReady} and a sentence for the operator if
     *     the root cannot be had or one of them does not open
     */
    Uni<Map<Integer, byte[]>> unwrap(List<WrappedKey> keys);

    /** Whether what the root is may have changed since {@link #seen} was called last. */
    default Uni<Boolean> changed() {
        return Uni.createFrom().item(false);
    }

    /** What the last {@link #changed} has found is known by now. */
    default void seen() {}
}
