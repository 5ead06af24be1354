package io.rolewright.operations;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a scrape shows of the durations that people set themselves goals for: histograms, which can be added up over replicas, and not only
 * count, sum and maximum. And the sentence of what is counted where it happens, by name only.
 */
@Singleton
class MetricShapes implements MeterFilter {

    /** Of answers: a long poll may take a minute. Each bound is a series for each path, so there are few. */
    private static final double[] ANSWERS = nanos(5, 25, 100, 500, 1_000, 5_000, 10_000, 60_000);

    /** Of changes of passwords, which take from milliseconds to the longest run. */
    private static final double[] CHANGES = nanos(25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000);

    /** Of a wait for a session to the store; after 3 s, by default, it is given up. */
    private static final double[] WAITS = nanos(1, 5, 10, 50, 100, 500, 1_000, 3_000);

    private static final Map<String, double[]> BOUNDS =
            Map.of("http.server.requests", ANSWERS, "rolewright.attempt", CHANGES, "sql.pool.queue.delay", WAITS);

    private static final Map<String, String> SENTENCES = Map.of(
            "rolewright.attempt", "Duration of attempts to change a password",
            "rolewright.due.turns", "Runs of due work",
            "rolewright.listener.closed", "Connections that the listener closed",
            "rolewright.vault.deliveries", "Deliveries to Vault",
            "rolewright.webhook.deliveries", "Deliveries to receivers of webhooks");

    private static double[] nanos(long... millis) {
        return Arrays.stream(millis)
                .mapToDouble(each -> Duration.ofMillis(each).toNanos())
                .toArray();
    }

    @Override
    public Meter.Id map(Meter.Id id) {
        String sentence = SENTENCES.get(id.getName());
        return sentence == null
                ? id
                : new Meter.Id(id.getName(), Tags.of(id.getTags()), id.getBaseUnit(), sentence, id.getType());
    }

    @Override
    public @Nullable DistributionStatisticConfig configure(Meter.Id id, DistributionStatisticConfig config) {
        double[] bounds = BOUNDS.get(id.getName());
        return bounds == null
                ? config
                : DistributionStatisticConfig.builder()
                        .serviceLevelObjectives(bounds)
                        .build()
                        .merge(config);
    }
}
