package io.rolewright.access;

import io.smallrye.mutiny.Uni;
import java.util.UUID;

/** Callers of whom nothing changes, for what needs some and is not about them. */
public final class StillCallers {

    private StillCallers() {}

    public static Caller nobody() {
        return new Caller(UUID.randomUUID(), "nobody", UUID.randomUUID(), "192.0.2.1", Grants.NONE);
    }

    public static LiveCaller live(Caller caller) {
        return new LiveCaller(
                new Callers(null, null, null, null) {
                    @Override
                    Uni<Caller> ask(String token, String address) {
                        return Uni.createFrom().item(caller);
                    }
                },
                caller.id().toString(),
                caller.address());
    }

    public static CallerChanges changes() {
        return new CallerChanges(null, null) {
            @Override
            public void whenChanged(Runnable listener) {}
        };
    }
}
