package io.rolewright.audit;

import io.rolewright.store.OwnContext;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * Rows of the audit about requests that were refused, which whoever is refused can make as many of as he likes: so many of one identity are
 * written in a minute, and one row says how many more there were. All of them are in the log.
 *
 * <p>Any thread may call. Memory is bounded: {@link #MOST_KNOWN} identities are counted at once.
 */
@ApplicationScoped
public class RefusedRows {

    /** In a minute, of one who is refused, in this process. */
    static final int MOST = 60;

    private static final int MOST_KNOWN = 10_000;

    private static final Duration MINUTE = Duration.ofMinutes(1);

    private static final Logger log = Logger.getLogger(RefusedRows.class);

    private final AuditLog audit;
    private final Vertx vertx;
    private final Map<UUID, Window> windows = new HashMap<>();
    private int leftOut;

    private record Window(long began, int count) {}

    RefusedRows(AuditLog audit, Vertx vertx) {
        this.audit = audit;
        this.vertx = vertx;
    }

    /**
     * @param who is refused
     * @return never fails: a refusal that cannot be recorded is a refusal
     */
    public Uni<Void> record(UUID who, AuditEvent event) {
        if (admit(who)) {
            return audit.record(event)
                    .onFailure()
                    .invoke(RefusedRows::warn)
                    .onFailure()
                    .recoverWithNull();
        }
        audit.note(event);
        return Uni.createFrom().voidItem();
    }

    private synchronized boolean admit(UUID who) {
        long now = System.nanoTime();
        if (windows.size() >= MOST_KNOWN) {
            windows.values().removeIf(window -> now - window.began >= MINUTE.toNanos());
        }
        if (windows.size() >= MOST_KNOWN) {
            windows.clear();
        }
        Window his = windows.compute(
                who,
                (id, before) -> before == null || now - before.began >= MINUTE.toNanos()
                        ? new Window(now, 1)
                        : new Window(before.began, before.count + 1));
        if (his.count <= MOST) {
            return true;
        }
        if (leftOut++ == 0) {
            vertx.setTimer(MINUTE.toMillis(), ended -> OwnContext.run(vertx.getOrCreateContext(), this::sayHowMany));
        }
        return false;
    }

    /** Writes the row that stands for those that were left out. */
    void sayHowMany() {
        int count;
        synchronized (this) {
            count = leftOut;
            leftOut = 0;
        }
        if (count > 0) {
            audit.record(AuditEvent.refused(AuditType.ACCESS_REFUSED, "more_refused")
                            .with("count", count))
                    .subscribe()
                    .with(done -> {}, RefusedRows::warn);
        }
    }

    private static void warn(Throwable failure) {
        log.warnf("A refusal is in the log only: %s", StoreFault.describe(failure));
    }
}
