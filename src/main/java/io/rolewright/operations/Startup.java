package io.rolewright.operations;

import io.quarkus.arc.All;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.rolewright.store.OwnContext;
import io.rolewright.store.StartupStep;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Gets the service ready: runs every {@link StartupStep} in order, and goes on in the background until all have succeeded.
 *
 * <p>The main thread waits a little before the ports open, so that normally the first request finds a ready service. If
 * that is not enough, the process answers, refuses API calls ({@link NotReadyFilter}) and says why ({@link ReadyCheck}).
 * What has succeeded is not run again. The steps run on an event loop; nothing here blocks one.
 */
@ApplicationScoped
class Startup {

    private static final Logger log = Logger.getLogger(Startup.class);

    /**
     * @param step the step that is being done or has failed last, or null when ready
     * @param reason why it has not succeeded yet; without secrets, null while nothing has failed
     */
    record State(@Nullable String step, @Nullable String reason) {

        static final State READY = new State(null, null);

        boolean ready() {
            return step == null;
        }
    }

    private final List<StartupStep> steps;
    private final StartupConfig config;
    private final Vertx vertx;
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile State state = new State("start", null);
    private volatile boolean stopped;

    // Only ever touched on the one context that the attempts run on.
    private int done;
    private int failures;

    Startup(@All List<StartupStep> steps, StartupConfig config, Vertx vertx) {
        this.steps = steps.stream()
                .sorted(Comparator.comparingInt(StartupStep::order))
                .toList();
        this.config = config;
        this.vertx = vertx;
    }

    State state() {
        return state;
    }

    /** After the observers that check settings (default priority), before the ports open. */
    void start(@Observes @Priority(4000) StartupEvent event) throws InterruptedException {
        Context context = vertx.getOrCreateContext();
        context.runOnContext(ignored -> attempt(context));
        if (!ready.await(config.patience().toMillis(), TimeUnit.MILLISECONDS)) {
            log.warnf("Not ready yet: %s", state.reason() == null ? state.step() : state.reason());
        }
    }

    void stop(@Observes ShutdownEvent event) {
        stopped = true;
    }

    private void attempt(Context context) {
        if (stopped) {
            return;
        }
        if (done == steps.size()) {
            state = State.READY;
            ready.countDown();
            return;
        }
        StartupStep step = steps.get(done);
        state = new State(step.name(), state.step() == null ? null : state.reason());
        onOwnContext(context, step)
                .subscribe()
                .with(
                        ignored -> context.runOnContext(x -> succeeded(context)),
                        failure -> context.runOnContext(x -> failed(context, step, failure)));
    }

    private void succeeded(Context context) {
        if (failures > 0) {
            log.infof(
                    "Start-up step %s succeeded after %d failed attempts",
                    steps.get(done).name(), failures);
        }
        done++;
        failures = 0;
        state = new State(state.step(), null);
        attempt(context);
    }

    private void failed(Context context, StartupStep step, Throwable failure) {
        String reason = failure instanceof StartupStep.NotReady told ? told.reason() : StoreFault.describe(failure);
        if (!reason.equals(state.reason())) {
            log.warnf("Start-up step %s failed and will be retried: %s", step.name(), reason);
            log.debug("Cause", failure);
        }
        state = new State(step.name(), reason);
        vertx.setTimer(pause(config, failures++, ThreadLocalRandom.current().nextDouble()), id -> attempt(context));
    }

    /** Milliseconds to wait after that many earlier failures: doubling, bounded, between half and all of it by chance. */
    static long pause(StartupConfig config, int earlier, double chance) {
        long longest = Math.min(config.maxPause().toMillis(), config.minPause().toMillis() << Math.min(earlier, 20));
        return Math.max(1, Math.round(longest * (0.5 + chance / 2)));
    }

    /** Each run has a duplicated context of its own: Hibernate Reactive keeps its session there. */
    private static Uni<Void> onOwnContext(Context context, StartupStep step) {
        return OwnContext.<Void>on(context, step::run)
                .ifNoItem()
                .after(step.limit())
                .failWith(() -> new StartupStep.NotReady("no answer within " + seconds(step.limit())));
    }

    private static String seconds(Duration duration) {
        return duration.toSeconds() + " s";
    }
}
