package io.rolewright.operations;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.vault.client.VaultClient;
import io.quarkus.vault.client.VaultClientException;
import io.quarkus.vault.client.api.auth.token.VaultAuthTokenTokenInfoData;
import io.rolewright.store.CallersContext;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.Config;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the token alive by which this process is known to Vault, where that is a fixed one ({@code
 * quarkus.vault.authentication.client-token}): renews it at half of its life, and says in good time when it ends for good. Who logs in by
 * AppRole or Kubernetes gets another token by himself, and is not watched. Each process looks after the token that it has.
 */
@ApplicationScoped
class VaultTokenWatch {

    /** When somebody is to be told of the end. */
    static final Duration SOON = Duration.ofDays(7);

    private static final Duration TICK = Duration.ofSeconds(1);
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

    private static final String ANOTHER =
            "Give the service another token (QUARKUS_VAULT_AUTHENTICATION_CLIENT_TOKEN) and"
                    + " restart it, or let it log in by AppRole or Kubernetes.";

    private static final Logger log = Logger.getLogger(VaultTokenWatch.class);

    /** What is known of the token. */
    enum State {
        /** Vault has not been asked, or does not say. */
        UNKNOWN,
        /** It never ends, or can be renewed for ever. */
        LIVES,
        /** It cannot be renewed, or only up to then. */
        ENDS,
        /** Vault does not take it any more. */
        REFUSED
    }

    /**
     * @param endsAt null unless it {@link State#ENDS}
     * @param since when that was seen first
     */
    record Standing(State state, @Nullable Instant endsAt, Instant since) {

        double secondsLeft(Instant now) {
            return switch (state) {
                case UNKNOWN -> Double.NaN;
                case LIVES -> Double.POSITIVE_INFINITY;
                case ENDS ->
                    endsAt == null
                            ? Double.NaN
                            : Math.max(0, Duration.between(now, endsAt).toMillis() / 1000.0);
                case REFUSED -> 0;
            };
        }

        /** How often its end was told: at first, and a week, a day and an hour before. */
        private long told(Instant now) {
            double left = secondsLeft(now);
            return state != State.ENDS
                    ? 0
                    : 1
                            + Stream.of(SOON, Duration.ofDays(1), Duration.ofHours(1))
                                    .filter(before -> left <= before.toSeconds())
                                    .count();
        }
    }

    /** What somebody has to see to. @param code one of {@link TroubleCause}; @param message null for what the cause says */
    record Fault(String code, Instant since, @Nullable String message) {}

    private final Supplier<VaultClient> client;
    private final boolean fixed;
    private final Repeated repeated;
    private volatile Standing standing = new Standing(State.UNKNOWN, null, Instant.now());
    private volatile long nextLook = System.nanoTime();
    private long told;
    private boolean silent;
    private @Nullable Instant cappedAt;

    @Inject
    VaultTokenWatch(Instance<VaultClient> client, Config config, Vertx vertx, MeterRegistry metrics) {
        this(
                client::get,
                isSet(config, "quarkus.vault.url")
                        && (isSet(config, "quarkus.vault.authentication.client-token")
                                || isSet(config, "quarkus.vault.authentication.client-token-wrapping-token")),
                vertx,
                metrics);
    }

    VaultTokenWatch(Supplier<VaultClient> client, boolean fixed, Vertx vertx, MeterRegistry metrics) {
        this.client = client;
        this.fixed = fixed;
        this.repeated = new Repeated(
                "Looking at the token for Vault", vertx, () -> System.nanoTime() - nextLook >= 0, this::look);
        if (fixed) {
            Gauge.builder("rolewright.vault.token.left", this, watch -> watch.standing.secondsLeft(Instant.now()))
                    .description(
                            "Until this process's token for Vault ends for good; +Inf while it is renewed, 0 when it is"
                                    + " refused")
                    .baseUnit("seconds")
                    .register(metrics);
        }
    }

    private static boolean isSet(Config config, String name) {
        return config.getOptionalValue(name, String.class).isPresent();
    }

    void start(@Observes StartupEvent event) {
        if (fixed) {
            repeated.start(TICK, TICK);
        }
    }

    void stop(@Observes ShutdownEvent event) {
        if (fixed) {
            repeated.stop(Duration.ZERO);
        }
    }

    Standing standing() {
        return standing;
    }

    /** What is wrong with the token now; empty when nothing is, or nothing is known. */
    Optional<Fault> fault() {
        Standing now = standing;
        if (now.state == State.REFUSED) {
            return Optional.of(new Fault("vault_token_refused", now.since, null));
        }
        return now.state == State.ENDS && now.secondsLeft(Instant.now()) <= SOON.toSeconds()
                ? Optional.of(
                        new Fault("vault_token_ends", now.since, "The token for Vault ends at " + now.endsAt + "."))
                : Optional.empty();
    }

    /** Asks Vault of the token, and renews it when half of its life is over. Never fails; not twice at a time. */
    Uni<Void> look() {
        nextLook = System.nanoTime() + LONGEST_PAUSE.toNanos();
        return CallersContext.answer(
                () -> call(() -> client.get().auth().token().lookupSelf())
                        .chain(this::looked)
                        .onFailure()
                        .recoverWithItem(this::failed)
                        .invoke(this::tell)
                        .replaceWithVoid());
    }

    private static <T> Uni<T> call(Supplier<CompletionStage<T>> request) {
        return Uni.createFrom()
                .completionStage(request)
                .ifNoItem()
                .after(PATIENCE)
                .fail()
                .onFailure(CompletionException.class)
                .transform(Throwable::getCause);
    }

    private Uni<Standing> looked(VaultAuthTokenTokenInfoData token) {
        Instant now = Instant.now();
        Duration left = token.getTtl();
        if (left == null || left.isZero()) {
            return Uni.createFrom().item(now(State.LIVES, null));
        }
        if (!Boolean.TRUE.equals(token.isRenewable())) {
            return Uni.createFrom().item(ends(now.plus(left)));
        }
        Duration life =
                token.getCreationTtl() == null || token.getCreationTtl().isZero() ? left : token.getCreationTtl();
        Duration most = token.getExplicitMaxTtl();
        Instant last = most == null || most.isZero() || token.getCreationTime() == null
                ? null
                : token.getCreationTime().toInstant().plus(most);
        return (left.compareTo(life.dividedBy(2)) > 0
                        ? Uni.createFrom().item(left)
                        : call(() -> client.get().auth().token().renewSelf(life))
                                .map(renewed -> granted(renewed.getLeaseDuration(), life)))
                .map(lasting -> {
                    soon(lasting);
                    Instant end = last != null ? last : cappedAt;
                    return end == null ? now(State.LIVES, null) : ends(end);
                })
                .onFailure(VaultTokenWatch::isRefusal)
                .recoverWithItem(() -> ends(now.plus(left)));
    }

    /** Less than was asked for is all that Vault gives: its own longest life is reached. */
    private Duration granted(Duration granted, Duration asked) {
        boolean capped = granted.compareTo(asked.multipliedBy(9).dividedBy(10)) < 0;
        cappedAt = capped ? Instant.now().plus(granted) : null;
        return granted;
    }

    /** One that does not live long is looked at several times before half of that is over. */
    private void soon(Duration left) {
        Duration pause = left.dividedBy(8);
        if (pause.compareTo(LONGEST_PAUSE) < 0) {
            nextLook = System.nanoTime() + pause.toNanos();
        }
    }

    /** Of a Vault that does not answer, what was known last. */
    private Standing failed(Throwable failure) {
        if (!isForbidden(failure)) {
            return standing;
        }
        String words = ((VaultClientException) failure).getErrors() + " " + ((VaultClientException) failure).getBody();
        boolean knownBefore = standing.state == State.LIVES || standing.state == State.ENDS;
        if (knownBefore || words.contains("invalid token") || words.contains("bad token")) {
            return now(State.REFUSED, null);
        }
        if (!silent && standing.state == State.UNKNOWN) {
            silent = true;
            log.warn(
                    "The token for Vault may not look at itself, so it is not renewed, and nobody can say when it ends. Its"
                            + " policy needs read on auth/token/lookup-self and update on auth/token/renew-self, as the policy"
                            + " default has them.");
        }
        return standing;
    }

    private static boolean isForbidden(Throwable failure) {
        return failure instanceof VaultClientException answer
                && Integer.valueOf(403).equals(answer.getStatus());
    }

    private static boolean isRefusal(Throwable failure) {
        return failure instanceof VaultClientException answer
                && answer.getStatus() != null
                && answer.getStatus() < 500
                && answer.getStatus() != 429;
    }

    private Standing ends(Instant at) {
        // Vault counts in seconds, so each look finds the end a moment elsewhere.
        Instant known = standing.endsAt;
        boolean same = known != null && Duration.between(known, at).abs().toSeconds() <= 5;
        return now(State.ENDS, same ? known : at.truncatedTo(ChronoUnit.SECONDS));
    }

    private Standing now(State state, @Nullable Instant endsAt) {
        return new Standing(state, endsAt, state == standing.state ? standing.since : Instant.now());
    }

    private void tell(Standing now) {
        Standing before = standing;
        standing = now;
        long tellings = now.told(Instant.now());
        if (now.state == State.REFUSED && before.state != State.REFUSED) {
            log.warnf(
                    "Vault refuses this service's token: it has ended or was revoked. Nothing is written to Vault. %s",
                    ANOTHER);
        } else if (now.state != State.REFUSED && before.state == State.REFUSED) {
            log.info("Vault takes this service's token again.");
        }
        if (tellings > told) {
            log.warnf("The token for Vault ends at %s and cannot be renewed beyond that. %s", now.endsAt, ANOTHER);
        }
        told = tellings;
        if (now.state == State.LIVES && before.state == State.UNKNOWN) {
            log.info("The token for Vault does not end, or is renewed in time by this service.");
        }
    }
}
