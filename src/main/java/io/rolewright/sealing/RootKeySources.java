package io.rolewright.sealing;

import io.quarkus.arc.All;
import io.rolewright.sealing.RootKeyConfig.Source;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** All sources of root keys: the configured one wraps, and each unwraps what it has wrapped. */
@ApplicationScoped
class RootKeySources {

    private final Map<Source, RootKeySource> sources;
    private final RootKeyConfig config;

    RootKeySources(@All List<RootKeySource> sources, RootKeyConfig config) {
        this.sources = sources.stream().collect(Collectors.toUnmodifiableMap(RootKeySource::source, s -> s));
        this.config = config;
    }

    /** Which one wraps what is new. */
    Source active() {
        return config.rootKeySource();
    }

    /**
     * Wraps with the configured source and has it unwrapped again: a root that would not give a data key back must never
     * get to keep the only copy. Two calls to the root.
     */
    Uni<WrappedKey> wrap(int dataKeyId, byte[] dataKey) {
        var source = of(active());
        return source.wrap(dataKeyId, dataKey)
                .call(wrapped -> source.unwrap(List.of(wrapped)).invoke(opened -> {
                    byte[] back = opened.get(dataKeyId);
                    boolean same = Arrays.equals(back, dataKey);
                    Arrays.fill(back, (byte) 0);
                    if (!same) {
                        throw new IllegalStateException("the root gave back another key than it was given");
                    }
                }));
    }

    /** Unwraps with one call to each source that is needed, which is one source but for the time of a move. */
    Uni<Map<Integer, byte[]>> unwrap(List<WrappedKey> keys) {
        Uni<Map<Integer, byte[]>> all = Uni.createFrom().item(HashMap::new);
        var bySource = keys.stream().collect(Collectors.groupingBy(WrappedKey::source));
        for (var group : bySource.entrySet()) {
            all = all.chain(opened -> of(group.getKey())
                    .unwrap(group.getValue())
                    .invoke(opened::putAll)
                    .replaceWith(opened));
        }
        return all;
    }

    /** Whether a root that is not asked for anything may be another one by now. */
    Uni<Boolean> changed() {
        Uni<Boolean> any = Uni.createFrom().item(false);
        for (RootKeySource source : sources.values()) {
            any = any.chain(before -> source.changed().map(changed -> before || changed));
        }
        return any;
    }

    void seen() {
        sources.values().forEach(RootKeySource::seen);
    }

    private RootKeySource of(Source source) {
        return Objects.requireNonNull(sources.get(source), "there is a bean for each source");
    }
}
