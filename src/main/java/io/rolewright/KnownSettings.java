package io.rolewright;

import io.smallrye.config.EnvConfigSource;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.spi.ConfigSource;

/**
 * Which settings of ours there are. One that is misspelt would otherwise be the default in silence: plaintext to the store, for
 * {@code ROLEWRIGHT_STORE_SSLMOD=verify-full}.
 */
final class KnownSettings {

    private static final String PREFIX = "rolewright.";
    private static final String VARIABLE_PREFIX = "ROLEWRIGHT_";

    /**
     * The properties of all {@code @ConfigMapping}s; {@code *} is a name that the operator chooses. A list, because the executable has to
     * know it before it has a configuration; KnownSettingsTest compares.
     */
    static final List<String> PROPERTIES = List.of(
            "rolewright.access.issuers.*.ca-file",
            "rolewright.access.issuers.*.issuer",
            "rolewright.access.issuers.*.token-file",
            "rolewright.access.issuers.*.url",
            "rolewright.access.limits.logins-per-address",
            "rolewright.access.limits.logins-per-identity",
            "rolewright.access.limits.rotates-per-address",
            "rolewright.access.limits.rotates-per-identity",
            "rolewright.access.limits.tests-per-address",
            "rolewright.access.limits.tests-per-identity",
            "rolewright.access.lockout.duration",
            "rolewright.access.lockout.failures",
            "rolewright.access.lockout.window",
            "rolewright.access.revocation-delay",
            "rolewright.access.token-max-ttl",
            "rolewright.access.token-ttl",
            "rolewright.access.trusted-proxies",
            "rolewright.audit.refusals-of-address",
            "rolewright.audit.refusals-of-identity",
            "rolewright.audit.refusals-of-strangers",
            "rolewright.audit.retention",
            "rolewright.bootstrap.client-id",
            "rolewright.bootstrap.client-secret",
            "rolewright.bootstrap.client-secret-file",
            "rolewright.credential.first-retry",
            "rolewright.credential.lease",
            "rolewright.credential.longest-retry",
            "rolewright.credential.longest-run",
            "rolewright.credential.probe-interval",
            "rolewright.credential.retention",
            "rolewright.credential.versions-kept",
            "rolewright.delivery.poll-interval",
            "rolewright.delivery.waiters",
            "rolewright.installation",
            "rolewright.listener.connections",
            "rolewright.listener.connections-per-address",
            "rolewright.listener.reading-memory",
            "rolewright.listener.unread-memory",
            "rolewright.migration.at-start",
            "rolewright.migration.lock-timeout",
            "rolewright.migration.password",
            "rolewright.migration.password-file",
            "rolewright.migration.timeout",
            "rolewright.migration.username",
            "rolewright.password.minimum-entropy",
            "rolewright.root-key-file",
            "rolewright.rotation.expiry-notice",
            "rolewright.rotation.minimum-overlap",
            "rolewright.scheduler.enabled",
            "rolewright.scheduler.poll-interval",
            "rolewright.sealing.key-check-interval",
            "rolewright.sealing.root-key-source",
            "rolewright.sealing.vault-transit.key",
            "rolewright.startup.max-pause",
            "rolewright.startup.min-pause",
            "rolewright.startup.patience",
            "rolewright.store.acquire-timeout",
            "rolewright.store.address-compared",
            "rolewright.store.connect-timeout",
            "rolewright.store.password-file",
            "rolewright.store.reads-without-audit",
            "rolewright.store.silence-timeout",
            "rolewright.store.sslmode",
            "rolewright.store.sslrootcert",
            "rolewright.store.statement-timeout",
            "rolewright.store.transaction-pooler",
            "rolewright.target.allow-internal-ip-connections",
            "rolewright.target.allowed-networks",
            "rolewright.target.connect-timeout",
            "rolewright.target.lookup-timeout",
            "rolewright.target.lookups",
            "rolewright.target.loops",
            "rolewright.target.maximum-wait",
            "rolewright.target.sessions",
            "rolewright.target.sessions-per-target",
            "rolewright.target.waiting",
            "rolewright.vault-kv.first-pause",
            "rolewright.vault-kv.longest-pause",
            "rolewright.vault-kv.look-interval",
            "rolewright.vault-kv.places",
            "rolewright.vault-kv.timeout",
            "rolewright.webhook.allow-http",
            "rolewright.webhook.first-pause",
            "rolewright.webhook.keep-dead",
            "rolewright.webhook.keep-delivered",
            "rolewright.webhook.longest-pause",
            "rolewright.webhook.patience",
            "rolewright.webhook.timeout");

    /** Those that are lists. */
    static final Set<String> LISTS = Set.of(
            "rolewright.access.trusted-proxies", "rolewright.target.allowed-networks", "rolewright.vault-kv.places");

    /**
     * What Kubernetes tells every pod of the services in its namespace, one of which may well be called rolewright, after the service's
     * name. It always says the first two, and without them {@code ROLEWRIGHT_STORE_PORT} is somebody's guess.
     */
    private static final Pattern OF_A_SERVICE =
            Pattern.compile("SERVICE_HOST|SERVICE_PORT(_\\w+)?|PORT(_\\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?");

    private static final String SERVICE_HOST = "_SERVICE_HOST";
    private static final String SERVICE_PORT = "_SERVICE_PORT";

    /** {@code %prod.} and the like, which is {@code _PROD_} in a variable. */
    private static final Pattern PROFILE_OF_VARIABLE = Pattern.compile("^_\\w+?_(?=" + VARIABLE_PREFIX + ")");

    /** An element of a list: {@code [0]}, in a variable {@code _0_} or {@code _0}. */
    private static final String INDEX = "(\\[\\d+])?";

    private static final String INDEX_OF_VARIABLE = "(_\\d+_?)?";

    private static final Pattern KNOWN_PROPERTY = any(PROPERTIES.stream()
            .map(property -> quoted(property, "(\"[^\"]+\"|[^.\"]+)") + (LISTS.contains(property) ? INDEX : ""))
            .collect(Collectors.toSet()));

    private static final Pattern KNOWN_VARIABLE = any(PROPERTIES.stream()
            .map(property ->
                    quoted(variable(property), "[A-Z0-9_]+") + (LISTS.contains(property) ? INDEX_OF_VARIABLE : ""))
            .collect(Collectors.toSet()));

    private KnownSettings() {}

    /** Of the environment and the system properties, which are there before any configuration is. */
    static Optional<UnknownInput> complaint(Map<String, String> environment, Set<String> systemProperties) {
        Set<String> properties = new TreeSet<>(systemProperties);
        properties.addAll(environment.keySet()); // where it may be called as the property is
        return complaint(environment.keySet(), properties);
    }

    /** Of all that the configuration is read from, files too. */
    static Optional<UnknownInput> complaint(Config config) {
        Set<String> variables = new TreeSet<>();
        Set<String> properties = new TreeSet<>();
        for (ConfigSource source : config.getConfigSources()) {
            // The one for the environment and .env also shows variables as properties, which nobody wrote so.
            (source instanceof EnvConfigSource ? variables : properties).addAll(source.getPropertyNames());
        }
        return complaint(variables, properties);
    }

    private static Optional<UnknownInput> complaint(Collection<String> variables, Collection<String> properties) {
        for (String written : new TreeSet<>(variables)) {
            // In lower case they count too.
            String variable = PROFILE_OF_VARIABLE
                    .matcher(written.toUpperCase(Locale.ROOT))
                    .replaceFirst("");
            if (variable.startsWith(VARIABLE_PREFIX)
                    && !KNOWN_VARIABLE.matcher(variable).matches()
                    && !isOfAService(written, variables)) {
                return Optional.of(unknown(
                        variable,
                        PROPERTIES.stream().map(KnownSettings::variable).toList()));
            }
        }
        for (String written : new TreeSet<>(properties)) {
            String property = written.replaceFirst("^%[^.]+\\.", "");
            if (property.startsWith(PREFIX) && !KNOWN_PROPERTY.matcher(property).matches()) {
                return Optional.of(unknown(property, PROPERTIES));
            }
        }
        return Optional.empty();
    }

    private static boolean isOfAService(String variable, Collection<String> variables) {
        return variables.stream()
                .filter(other -> other.endsWith(SERVICE_HOST))
                .map(other -> other.substring(0, other.length() - SERVICE_HOST.length()))
                .anyMatch(service -> variables.contains(service + SERVICE_PORT)
                        && variable.startsWith(service + "_")
                        && OF_A_SERVICE
                                .matcher(variable.substring(service.length() + 1))
                                .matches());
    }

    /** @param property that something else has found to be none */
    static UnknownInput unknownProperty(String property) {
        return unknown(property, PROPERTIES);
    }

    private static UnknownInput unknown(String name, Collection<String> known) {
        return new UnknownInput("There is no setting " + name.replaceAll("[^\\x21-\\x7E]", "?")
                + Nearest.of(name, known)
                        .map(near -> "; did you mean " + near.replace("*", "<NAME>") + "?")
                        .orElse("; docs/settings.md lists all of them."));
    }

    private static String variable(String property) {
        return property.replaceAll("[^A-Za-z0-9*]", "_").toUpperCase(Locale.ROOT);
    }

    private static String quoted(String name, String anyName) {
        return Pattern.quote(name).replace("*", "\\E" + anyName + "\\Q");
    }

    private static Pattern any(Set<String> patterns) {
        return Pattern.compile(String.join("|", patterns));
    }
}
