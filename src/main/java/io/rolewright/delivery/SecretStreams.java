package io.rolewright.delivery;

import io.rolewright.access.Caller;
import io.rolewright.access.CallerChanges;
import io.rolewright.access.LiveCaller;
import io.rolewright.access.Projects;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.rotation.SecretChanges;
import io.rolewright.rotation.SecretChanges.Change;
import io.rolewright.rotation.SecretChanges.Happened;
import io.rolewright.store.Awaited;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Requests that are told what becomes of secrets, without their values, until they end: by their client, with the token or the right of
 * their caller, or because somebody else wants the place ({@link WaitingPlaces}). Like a waiter a stream is an entry in a set, and one query
 * asks for all of them, whichever replica rotates. The caller is judged again at each question and before each event.
 *
 * <p>What was told in the last minutes before a stream is told at its beginning: a client that was cut off and has come back misses nothing.
 */
@ApplicationScoped
class SecretStreams {

    /** As the reference: far below the idle time-outs of what may stand between. */
    static final Duration HEARTBEAT = Duration.ofSeconds(15);

    /**
     * The reference's operator finds out after two minutes without a heartbeat that it was cut off, looks twice a minute, and tries again
     * for a minute.
     */
    static final Duration BEFORE_THE_BEGINNING = Duration.ofMinutes(5);

    /** Behind the last look: a fact is seen when its transaction commits, which no request's takes longer to do. */
    private static final Duration LATE_COMMITS = Duration.ofSeconds(30);

    private static final long SOON_MILLIS = 10;

    private final SecretChanges changes;
    private final Projects projects;
    private final WaitingPlaces places;
    private final Vertx vertx;
    private final Set<Stream> streams = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean asking = new AtomicBoolean();
    private final Polling polling;

    /** Of the last look back. Only questions write it, which come one after the other. */
    private volatile Set<UUID> told = Set.of();

    private volatile long lookedAt = System.nanoTime();

    SecretStreams(
            SecretChanges changes,
            Projects projects,
            CallerChanges callers,
            DeliveryConfig config,
            WaitingPlaces places,
            Vertx vertx) {
        this.changes = changes;
        this.projects = projects;
        this.places = places;
        this.vertx = vertx;
        this.polling = new Polling(vertx, config.pollInterval(), () -> !streams.isEmpty(), this::look);
        callers.whenChanged(this::judgeSoon);
    }

    /**
     * What a stream is told of.
     *
     * @param environment null for every environment
     * @param path for what is there or below, as rotations write it
     */
    record Wanted(Happened happened, @Nullable String environment, String path) {

        boolean covers(Change change) {
            return happened == change.happened()
                    && (environment == null || environment.equals(change.environment()))
                    && (path.equals("/")
                            || change.path().equals(path)
                            || change.path().startsWith(path + "/"));
        }
    }

    /** The client of a stream. Called on the context of the request that opened it. */
    interface Listener {

        /** Begins the answer. */
        void begin();

        void hear(Change change);

        /** Says no more than that the stream is alive. @return false if the client has not taken what it was told before */
        boolean heartbeat();
    }

    /**
     * @param wanted what else than everything in the project
     * @param all whether everything
     * @param longest null for a stream without an end of its own
     * @return completes when the stream has to end; fails, before the listener has begun, with 403 {@code permission_denied}, 404 {@code
     *     project_not_found}, 429 {@code too_many_waiters}
     */
    Uni<Void> open(
            Caller caller,
            LiveCaller live,
            UUID project,
            List<Wanted> wanted,
            boolean all,
            @Nullable Duration longest,
            Listener listener) {
        return Uni.createFrom().deferred(() -> {
            Rights.reach(caller, Right.ROTATION_READ);
            Rights.require(caller, Right.ROTATION_READ, project);
            return projects.known(caller, project.toString())
                    .onFailure(Problem.class)
                    .transform(unknown -> Problem.of(ErrorCode.PROJECT_NOT_FOUND, "The project does not exist."))
                    .chain(found -> Awaited.<Void>by(over ->
                            new Stream(caller.id(), live, project, wanted, all, listener, over).begin(longest)));
        });
    }

    /** A change of names is two changes of one fact. */
    private record Heard(UUID fact, Happened happened) {}

    private final class Stream implements WaitingPlaces.Holder {

        private final UUID identity;
        private final LiveCaller live;
        private final UUID project;
        private final List<Wanted> wanted;
        private final boolean all;
        private final Listener listener;
        private final Awaited<Void> over;
        private final long since = System.nanoTime();
        private final Context context = vertx.getOrCreateContext();
        private volatile boolean ended;
        private long timer;
        private long end = -1;

        /** Facts of its beginning, which the next questions find too. */
        private final Set<Heard> heard = ConcurrentHashMap.newKeySet();

        Stream(
                UUID identity,
                LiveCaller live,
                UUID project,
                List<Wanted> wanted,
                boolean all,
                Listener listener,
                Awaited<Void> over) {
            this.identity = identity;
            this.live = live;
            this.project = project;
            this.wanted = wanted;
            this.all = all;
            this.listener = listener;
            this.over = over;
        }

        void begin(@Nullable Duration longest) {
            timer = vertx.setPeriodic(HEARTBEAT.toMillis(), ignored -> context.runOnContext(now -> beat()));
            if (longest != null) {
                end = vertx.setTimer(longest.toMillis(), ignored -> end());
            }
            // Also when the client has hung up: then the framework cancels.
            over.onTermination(this::forget);
            try {
                places.take(this);
            } catch (Problem tooMany) {
                forget();
                over.fail(tooMany);
                return;
            }
            if (ended) { // the process ends
                return;
            }
            streams.add(this);
            listener.begin();
            polling.soon();
            changes.within(BEFORE_THE_BEGINNING, List.of(project)).subscribe().with(this::tell, failure -> end());
        }

        private void beat() {
            if (!isBeginning()) {
                heard.clear();
            }
            if (!ended && !listener.heartbeat()) {
                end();
            }
        }

        private void forget() {
            ended = true;
            streams.remove(this);
            places.leave(this);
            vertx.cancelTimer(timer);
            vertx.cancelTimer(end);
        }

        private void end() {
            forget();
            over.complete(null);
        }

        private void say(List<Change> his) {
            context.runOnContext(now -> {
                if (!ended) {
                    his.forEach(listener::hear);
                }
            });
        }

        private boolean isBeginning() {
            return System.nanoTime() - since < BEFORE_THE_BEGINNING.toNanos() * 2;
        }

        /** Tells him what is his to hear, if he may hear it still. If that cannot be found out it ends, and he asks again. */
        void tell(List<Change> changed) {
            List<Change> his = changed.stream()
                    .filter(change -> change.project().equals(project)
                            && (all || wanted.stream().anyMatch(each -> each.covers(change)))
                            && isNew(change))
                    .toList();
            if (!his.isEmpty()) {
                judge().subscribe()
                        .with(
                                may -> {
                                    if (may) {
                                        say(his);
                                    }
                                },
                                failure -> end());
            }
        }

        private boolean isNew(Change change) {
            Heard it = new Heard(change.fact(), change.happened());
            return isBeginning() ? heard.add(it) : !heard.contains(it);
        }

        /** Ends it if its caller may not be told any more. @return fails if the store does not say who he is */
        Uni<Boolean> judge() {
            return live.again()
                    .map(caller -> Rights.allows(caller, Right.ROTATION_READ, project))
                    .onFailure(Problem.class)
                    .recoverWithItem(false)
                    .invoke(may -> {
                        if (!may) {
                            end();
                        }
                    });
        }

        @Override
        public UUID identity() {
            return identity;
        }

        @Override
        public long since() {
            return since;
        }

        @Override
        public void giveWay() {
            end();
        }
    }

    // ---- One query for all ------------------------------------------------------------------------------------------

    private Uni<Void> look() {
        judgeAll();
        Set<UUID> wanted = streams.stream().map(stream -> stream.project).collect(Collectors.toSet());
        if (wanted.isEmpty()) {
            return Uni.createFrom().voidItem();
        }
        long now = System.nanoTime();
        Duration back = Duration.ofNanos(now - lookedAt).plus(LATE_COMMITS);
        return changes.within(back.compareTo(BEFORE_THE_BEGINNING) < 0 ? back : BEFORE_THE_BEGINNING, wanted)
                .invoke(found -> {
                    Set<UUID> before = told;
                    List<Change> unheard = found.stream()
                            .filter(change -> !before.contains(change.fact()))
                            .toList();
                    told = found.stream().map(Change::fact).collect(Collectors.toCollection(LinkedHashSet::new));
                    lookedAt = now;
                    streams.forEach(stream -> stream.tell(unheard));
                })
                .replaceWithVoid();
    }

    // ---- Who listens ------------------------------------------------------------------------------------------------

    /** Changes come in numbers, from inside of what makes them; one round of questions after them is enough. */
    private void judgeSoon() {
        if (!streams.isEmpty() && asking.compareAndSet(false, true)) {
            vertx.setTimer(SOON_MILLIS, ignored -> {
                asking.set(false);
                judgeAll();
            });
        }
    }

    private void judgeAll() {
        new HashSet<>(streams).forEach(stream -> stream.judge().subscribe().with(may -> {}, unknown -> {}));
    }

    /** As the reference writes it: {@code secret:create}. */
    static String wireName(Happened happened) {
        return switch (happened) {
            case CREATED -> "secret:create";
            case UPDATED -> "secret:update";
            case DELETED -> "secret:delete";
        };
    }
}
