package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** Kills one process again and again while it changes passwords, and looks what became of them. */
final class Crashes {

    /** Roles or rotations that are changed in turn. */
    static final int SUBJECTS = 12;

    /** How many changes are under way when the process is killed. */
    private static final int AT_ONCE = 3;

    private final Scene scene;
    private final ServiceProcess service;
    private final List<? extends Subject> subjects;
    private final Map<String, Integer> hits = new LinkedHashMap<>();
    private int kills;

    Crashes(Scene scene, ServiceProcess service, List<? extends Subject> subjects) {
        this.scene = scene;
        this.service = service;
        this.subjects = subjects;
    }

    /** Of what is repeated at random moments, so many hundredths: {@code -Dsuite.crash.share}, all if it is not given. */
    static int share(int all) {
        return Math.max(1, all * Integer.getInteger("suite.crash.share", 100) / 100);
    }

    int kills() {
        return kills;
    }

    /** Kills at random moments of some changes, {@code times} times. The seed is in the message of what fails. */
    void atRandom(int times, long seed) {
        Random random = new Random(seed);
        long spreadMicros = 3 * undisturbed().toNanos() / 2000;
        for (int i = 0; i < times; i++) {
            List<Subject> chosen = new ArrayList<>();
            for (int n = 0; n < AT_ONCE; n++) {
                chosen.add(subjects.get((i * AT_ONCE + n) % subjects.size()));
            }
            List<CompletableFuture<ServiceProcess.Answer>> calls =
                    chosen.stream().map(subject -> subject.change(service)).toList();
            sleepMicros((long) (random.nextDouble() * spreadMicros));

            service.kill();

            kills++;
            calls.forEach(CompletableFuture::join);
            service.restart();
            try {
                chosen.forEach(subject -> subject.assertUsable(service));
                if (i % 10 == 9 || i == times - 1) {
                    settle();
                }
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("after kill " + kills + " of seed " + seed + "; " + scene.attempts(), e);
            }
        }
    }

    /**
     * Kills before each message that goes by while one password is changed, one after the other: every statement to store and target
     * and every answer, so every step.
     *
     * @return how many there were
     */
    int atEveryMessage() {
        int points = 0;
        for (boolean killed = true; killed; points++) {
            Subject subject = subjects.get(points % subjects.size());
            killed = killedAt(points + 1, subject);
            if (killed) {
                kills++;
                service.restart();
                subject.assertUsable(service);
            }
            if (points % subjects.size() == subjects.size() - 1) {
                settle();
            }
        }
        settle();
        assertThat(points).as("messages of one change").isGreaterThan(30);
        return points - 1;
    }

    private boolean killedAt(int wanted, Subject subject) {
        AtomicInteger seen = new AtomicInteger();
        AtomicBoolean killed = new AtomicBoolean();
        Predicate<TcpProxy.Message> point = message -> isStep(message) && seen.incrementAndGet() == wanted;
        List<String> where = new ArrayList<>();
        for (TcpProxy proxy : List.of(scene.toStore, scene.toTarget)) {
            proxy.before(
                    message -> {
                        if (!point.test(message)) {
                            return false;
                        }
                        where.add((proxy == scene.toStore ? "store " : "target ") + summary(message));
                        return true;
                    },
                    () -> {
                        killed.set(true);
                        service.killAtOnce();
                        return TcpProxy.Fate.CUT;
                    });
        }
        try {
            subject.change(service).join();
        } finally {
            scene.toStore.forget();
            scene.toTarget.forget();
        }
        if (killed.get()) {
            service.kill();
            where.forEach(each -> hits.merge(each, 1, Integer::sum));
        }
        return killed.get();
    }

    /** What changes something or tells of it: the other messages of the protocol stand directly beside one of these. */
    private static boolean isStep(TcpProxy.Message message) {
        return message.request()
                ? message.type() == 'Q' || message.type() == 'B' || message.type() == 'p'
                : message.type() == 'C' || message.type() == 'R';
    }

    private static String summary(TcpProxy.Message message) {
        // What an authentication carries is a nonce or a proof, another each time.
        String text = message.request() ? message.sql() : message.type() == 'R' ? "" : message.text();
        return (message.request() ? "< " : "> ") + message.type() + " "
                + text.replaceAll("[^ -~]+", " ").strip().replaceAll("(?s)^(.{0,50}).*$", "$1");
    }

    /** Where the process was hit, for the report. */
    String hits() {
        StringBuilder all = new StringBuilder();
        hits.forEach((where, times) ->
                all.append("  ").append(times).append("  ").append(where).append('\n'));
        return all.toString();
    }

    /** Waits until everything that was left behind is settled, with a bound. */
    void settle() {
        subjects.forEach(subject -> subject.settles(service));
    }

    /** How long as many changes as are under way at a kill take when nothing happens. */
    private Duration undisturbed() {
        Duration longest = Duration.ZERO;
        for (int i = 0; i < 3; i++) {
            long before = System.nanoTime();
            List<CompletableFuture<ServiceProcess.Answer>> calls = subjects.stream()
                    .limit(AT_ONCE)
                    .map(subject -> subject.change(service))
                    .toList();
            calls.forEach(call -> call.join().expect(200));
            longest = Duration.ofNanos(System.nanoTime() - before);
        }
        return longest;
    }

    private static void sleepMicros(long micros) {
        try {
            TimeUnit.MICROSECONDS.sleep(micros);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
