package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.store.SharedAnswer;
import io.rolewright.target.TargetConfig;
import io.rolewright.target.address.AddressGuard;
import io.rolewright.target.address.Checked;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.Vertx;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.lang.JoseException;
import org.jspecify.annotations.Nullable;

/**
 * The keys of other issuers, found as OpenID Connect Discovery 1.0 §4 says and kept for a while.
 *
 * <p>An issuer that the operator has set is reached as it is written. One that came over the API is reached like a target:
 * every address it resolves to is checked, and the checked one is dialled. Both only by HTTPS, and neither is followed
 * elsewhere when it redirects.
 *
 * <p>Bounded: at most {@link #MOST_ISSUERS} are kept; one that does not answer is asked every 10 s, and one whose keys do
 * not hold a token's key id once a minute, whatever comes in. Who comes meanwhile shares the answer.
 */
@ApplicationScoped
class Issuers {

    static final int MOST_ISSUERS = 200;

    private static final Duration KEPT = Duration.ofMinutes(10);

    /** An issuer that is down does not shut out who it has vouched for, for so long. */
    private static final Duration KEPT_WITHOUT_ANSWER = Duration.ofHours(1);

    private static final Duration BETWEEN_LOOKS_FOR_A_NEW_KEY = Duration.ofMinutes(1);
    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(10);

    /** Of the 9 s that a request has: for both documents together. */
    private static final Duration LONGEST_FETCH = Duration.ofSeconds(5);

    private static final String DISCOVERY = "/.well-known/openid-configuration";
    private static final int LONGEST_ISSUER = 1024;
    private static final TokenRule.Conditions NO_CONDITIONS =
            new TokenRule.Conditions(List.of(), null, Map.of(), List.of(), List.of());
    private static final int LOOKUPS = 4;
    private static final int MOST_KEYS = 100;

    private static final Logger log = Logger.getLogger(Issuers.class);

    private final IssuerClient client;
    private final AddressGuard guard;
    private final Map<String, AccessConfig.Issuer> set;

    private final LinkedHashMap<String, Known> known = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Known> eldest) {
            return size() > MOST_ISSUERS;
        }
    };

    Issuers(
            Vertx vertx,
            AccessConfig config,
            TargetConfig targets,
            @ConfigProperty(name = "quarkus.datasource.reactive.url") Optional<String> storeUrl) {
        client = new IssuerClient(vertx);
        guard = AddressGuard.of(
                targets.allowedNetworks().orElse(List.of()),
                targets.allowInternalIpConnections(),
                storeUrl.orElse(""),
                LOOKUPS);
        set = new LinkedHashMap<>();
        config.issuers().values().forEach(issuer -> set.put(issuer.issuer(), issuer));
    }

    /** @return whether the operator has set it */
    boolean isSet(String issuer) {
        return set.containsKey(issuer);
    }

    /**
     * @param keyId that is looked for: if the keys do not hold it they may be fetched anew
     * @return fails with 503 {@code issuer_unavailable}; completes on any thread
     */
    Uni<List<JsonWebKey>> keys(TokenRule rule, String keyId) {
        Known issuer;
        synchronized (known) {
            issuer = known.computeIfAbsent(rule.issuer() + "\n" + rule.caCert(), any -> new Known());
        }
        return issuer.keys(rule, keyId);
    }

    /** @return what was fetched before, however old; empty if nothing was. Asks nobody. */
    List<JsonWebKey> keysInMemory(TokenRule rule) {
        Known issuer;
        synchronized (known) {
            issuer = known.get(rule.issuer() + "\n" + rule.caCert());
        }
        return issuer == null ? List.of() : issuer.inMemory();
    }

    /**
     * Asks at an address which issuer it speaks for, and whether the keys of that one can be had as they will be at logins.
     *
     * @param field of the request that names the address
     * @param url as the operator has set one (asked nothing then), or {@code https://host…}
     * @param caCert PEM; null for the usual authorities
     * @return the issuer; fails with 422. Completes on any thread.
     */
    Uni<String> discovered(String field, String url, @Nullable String caCert) {
        var asked = withoutSlash(url);
        for (var issuer : set.values()) {
            if (asked.equals(withoutSlash(issuer.issuer()))
                    || issuer.url()
                            .map(Issuers::withoutSlash)
                            .filter(asked::equals)
                            .isPresent()) {
                return Uni.createFrom().item(issuer.issuer());
            }
        }
        URI document;
        try {
            document = new URI(asked + DISCOVERY);
        } catch (URISyntaxException notAnAddress) {
            document = null;
        }
        if (document == null || !isAcceptable(document) || document.getRawQuery() != null) {
            throw ValidationProblem.at(
                    List.of(field), "invalid_string", "Must be https://host… or an issuer that the operator has set");
        }
        return get(document, new Access(caCert, null, true))
                .map(Issuers::issuer)
                .call(issuer ->
                        fetch(new TokenRule(UUID.randomUUID(), TokenRule.Method.OIDC, issuer, caCert, NO_CONDITIONS)))
                .ifNoItem()
                .after(LONGEST_FETCH)
                .failWith(() -> new IOException("no answer in time"))
                .onFailure()
                .transform(failure -> {
                    log.infof("No issuer found at %s: %s", asked, failure.getMessage());
                    return ValidationProblem.at(
                            List.of(field),
                            "custom",
                            "No issuer was found there (" + reason(failure) + "): " + DISCOVERY.substring(1)
                                    + " and the keys must be readable without a login, or the operator has to set the issuer"
                                    + " (ROLEWRIGHT_ACCESS_ISSUERS_…)");
                });
    }

    /** Our own words only: what a client of TLS or DNS says may be long and is in the log. */
    private static String reason(Throwable failure) {
        var cause = failure instanceof UncheckedIOException ? failure.getCause() : failure;
        return cause != null && cause.getClass() == IOException.class && cause.getMessage() != null
                ? cause.getMessage()
                : "it did not answer";
    }

    private static String issuer(JsonObject document) {
        if (document.getValue("issuer") instanceof String issuer && issuer.length() <= LONGEST_ISSUER) {
            try {
                if (isAcceptable(new URI(issuer))) {
                    return issuer;
                }
            } catch (URISyntaxException notAnAddress) {
                // Said below.
            }
        }
        throw new UncheckedIOException(new IOException("a discovery document without an issuer that is https://host…"));
    }

    private static String withoutSlash(String url) {
        return url.replaceAll("/+$", "");
    }

    /** For tests: as if nothing had been heard of any issuer for so long. */
    void age(Duration by) {
        synchronized (known) {
            known.values().forEach(issuer -> issuer.age(by));
        }
    }

    @PreDestroy
    void close() {
        guard.close();
    }

    /** What is known of one issuer. */
    private final class Known {

        private @Nullable List<JsonWebKey> keys;
        private long fetchedAt;
        private long triedAt;
        private @Nullable SharedAnswer<List<JsonWebKey>> running;

        synchronized Uni<List<JsonWebKey>> keys(TokenRule rule, String keyId) {
            long now = System.nanoTime();
            boolean fresh = keys != null && now - fetchedAt < KEPT.toNanos();
            boolean holds = keys != null && keys.stream().anyMatch(key -> keyId.equals(key.getKeyId()));
            long sinceTry = now - triedAt;
            if (fresh && (holds || sinceTry < BETWEEN_LOOKS_FOR_A_NEW_KEY.toNanos())) {
                return Uni.createFrom().item(keys);
            }
            if (running != null) {
                return running.get();
            }
            if (triedAt != 0 && !fresh && sinceTry < BETWEEN_TRIES.toNanos()) {
                return old();
            }
            triedAt = now;
            running = new SharedAnswer<>(fetch(rule)
                    .ifNoItem()
                    .after(LONGEST_FETCH)
                    .fail()
                    .invoke(this::learnt)
                    .onFailure()
                    .recoverWithUni(failure -> {
                        log.warnf("Could not fetch the keys of issuer %s: %s", rule.issuer(), failure.getMessage());
                        return old();
                    })
                    .onTermination()
                    .invoke(this::ended));
            return running.get();
        }

        private synchronized void learnt(List<JsonWebKey> fetched) {
            keys = fetched;
            fetchedAt = System.nanoTime();
        }

        private synchronized void ended() {
            running = null;
        }

        private synchronized Uni<List<JsonWebKey>> old() {
            return keys != null && System.nanoTime() - fetchedAt < KEPT_WITHOUT_ANSWER.toNanos()
                    ? Uni.createFrom().item(keys)
                    : Uni.createFrom()
                            .failure(Problem.of(
                                    ErrorCode.ISSUER_UNAVAILABLE,
                                    "The issuer of this token cannot be asked for its keys at the moment."));
        }

        synchronized List<JsonWebKey> inMemory() {
            return keys == null ? List.of() : keys;
        }

        synchronized void age(Duration by) {
            fetchedAt -= by.toNanos();
            triedAt -= by.toNanos();
        }
    }

    private Uni<List<JsonWebKey>> fetch(TokenRule rule) {
        var operators = set.get(rule.issuer());
        return (operators == null ? Uni.createFrom().item(new Access(rule.caCert(), null, true)) : access(operators))
                .chain(access -> get(discovery(rule, operators), access)
                        .map(document -> keysUri(document, rule.issuer()))
                        .chain(uri -> get(uri, access)))
                .map(Issuers::keys);
    }

    private static URI discovery(TokenRule rule, AccessConfig.@Nullable Issuer operators) {
        var base = operators == null ? rule.issuer() : operators.url().orElse(rule.issuer());
        return URI.create(withoutSlash(base) + DISCOVERY);
    }

    /** Reads the operator's files anew, since service-account tokens are replaced; on a worker. */
    private static Uni<Access> access(AccessConfig.Issuer issuer) {
        return Uni.createFrom()
                .item(() -> new Access(
                        issuer.caFile().map(Issuers::read).orElse(null),
                        issuer.tokenFile().map(Issuers::read).map(String::strip).orElse(null),
                        false))
                .runSubscriptionOn(Infrastructure.getDefaultWorkerPool());
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException("The file " + file + " cannot be read", e);
        }
    }

    private Uni<JsonObject> get(URI uri, Access access) {
        if (!isAcceptable(uri)) {
            return Uni.createFrom().failure(new IOException("an address that is not https://host/…"));
        }
        int port = uri.getPort() < 0 ? 443 : uri.getPort();
        Uni<Optional<InetAddress>> address = access.guarded
                ? guard.check(uri.getHost(), port, LONGEST_FETCH).map(Issuers::dialled)
                : Uni.createFrom().item(Optional.empty());
        return address.chain(to -> client.get(uri, port, to, access.caCert, access.bearer))
                .map(body -> {
                    try {
                        return new JsonObject(body);
                    } catch (DecodeException e) {
                        throw new UncheckedIOException(new IOException("an answer that is no JSON object"));
                    }
                });
    }

    static boolean isAcceptable(URI uri) {
        return "https".equalsIgnoreCase(uri.getScheme())
                && uri.getHost() != null
                && uri.getUserInfo() == null
                && uri.getFragment() == null;
    }

    private static Optional<InetAddress> dialled(Checked checked) {
        if (checked instanceof Checked.Open open) {
            return Optional.of(open.dial().get(0));
        }
        throw new UncheckedIOException(new IOException(
                "host " + ((Checked.Closed) checked).reason().name().toLowerCase(java.util.Locale.ROOT)));
    }

    /** OpenID Connect Discovery 1.0 §4.3: the document must speak of the issuer that was asked. */
    private static URI keysUri(JsonObject document, String issuer) {
        if (!issuer.equals(document.getValue("issuer"))) {
            throw new UncheckedIOException(new IOException("a discovery document of another issuer"));
        }
        try {
            return URI.create(document.getString("jwks_uri", ""));
        } catch (IllegalArgumentException | ClassCastException e) {
            throw new UncheckedIOException(new IOException("a jwks_uri that is no address"));
        }
    }

    private static List<JsonWebKey> keys(JsonObject document) {
        try {
            return new JsonWebKeySet(document.encode())
                    .getJsonWebKeys().stream().limit(MOST_KEYS).toList();
        } catch (JoseException e) {
            throw new UncheckedIOException(new IOException("keys that cannot be read"));
        }
    }

    /**
     * @param caCert PEM; null for the usual authorities
     * @param bearer shown to the issuer; null for none
     * @param guarded whether addresses are checked
     */
    private record Access(@Nullable String caCert, @Nullable String bearer, boolean guarded) {
        @Override
        public String toString() {
            return "Access[" + guarded + "]";
        }
    }
}
