package io.rolewright;

import io.quarkus.runtime.StartupEvent;
import io.rolewright.access.AccessConfig;
import io.rolewright.access.AccessSettings;
import io.rolewright.access.BootstrapConfig;
import io.rolewright.credential.PasswordConfig;
import io.rolewright.listener.ListenerConfig;
import io.rolewright.rotation.VaultKvConfig;
import io.rolewright.rotation.VaultPlaces;
import io.rolewright.sealing.RootKeyConfig;
import io.rolewright.sealing.RootKeyFile;
import io.rolewright.target.address.AddressGuard;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.Config;

/** Checks what only an operator can mend, before anything is reached or served. Never shows a setting's value. */
@Singleton
class Settings {

    private static final String STORE_URL = "quarkus.datasource.reactive.url";
    private static final String STORE_URL_FORM = "postgresql://host:5432/database";

    /** The settings without which the service cannot even be put together. */
    static Optional<String> complaintBeforeStart(Config config) {
        Optional<String> url = config.getOptionalValue(STORE_URL, String.class);
        if (url.isEmpty()) {
            return Optional.of(
                    variable(STORE_URL) + " is not set; it says where the store is: " + STORE_URL_FORM + ".");
        }
        return isPostgresUrl(url.get())
                ? Optional.empty()
                : Optional.of(variable(STORE_URL) + " is malformed; it must look like " + STORE_URL_FORM + ".");
    }

    /** Before {@code --migrate} has its turn. For files, which Main does not see in the executable, and for {@code quarkus:dev}. */
    void refuseUnknown(@Observes @Priority(0) StartupEvent starting, Config config) {
        KnownSettings.complaint(config).ifPresent(unknown -> {
            throw unknown;
        });
    }

    /**
     * The rest, before the port is opened and after {@code --migrate}, which needs neither key nor identity, has had its
     * turn. Reads small files, so it blocks for a moment.
     */
    void check(
            @Observes @Priority(10) StartupEvent starting,
            Config config,
            RootKeyConfig rootKey,
            AccessConfig access,
            BootstrapConfig bootstrap,
            VaultKvConfig vaultKv,
            PasswordConfig password,
            ListenerConfig listener) {
        Optional<String> rootKeyFile = config.getOptionalValue("rolewright.root-key-file", String.class);
        if (rootKey.rootKeySource() == RootKeyConfig.Source.VAULT_TRANSIT) {
            vaultComplaint(config).ifPresent(sentence -> {
                throw new Complaint(sentence);
            });
        } else if (rootKeyFile.isEmpty()) {
            throw new Complaint(variable("rolewright.root-key-file")
                    + " is not set; it names a file with a line <key id>:<32 bytes in base64>.");
        }
        try {
            rootKeyFile.ifPresent(file -> RootKeyFile.read(Path.of(file)));
        } catch (RootKeyFile.Unusable unusable) {
            throw new Complaint(unusable.getMessage());
        }
        if (rootKey.keyCheckInterval().compareTo(Duration.ofSeconds(10)) > 0) {
            throw new Complaint(variable("rolewright.sealing.key-check-interval")
                    + " is too long: with more than 10s other processes would count this one as gone.");
        }
        String networks = "rolewright.target.allowed-networks";
        List<String> allowed = config.getOptionalValues(networks, String.class).orElse(List.of());
        try (AddressGuard parsed = AddressGuard.of(allowed, false, "", 1)) {
            // Only to see whether they can be read.
        } catch (IllegalArgumentException malformed) {
            throw new Complaint(variable(networks) + " is malformed: " + malformed.getMessage());
        }
        List<String> places = vaultKv.places().orElse(List.of());
        VaultPlaces.fault(places).ifPresent(fault -> {
            throw new Complaint(variable("rolewright.vault-kv.places") + " is malformed: " + fault + ".");
        });
        if (!places.isEmpty()) {
            vaultComplaint(config).ifPresent(sentence -> {
                throw new Complaint(sentence);
            });
        }
        PasswordConfig.fault(password.minimumEntropy()).ifPresent(fault -> {
            throw new Complaint(variable("rolewright.password.minimum-entropy") + " is malformed: " + fault + ".");
        });
        Map.of("reading-memory", listener.readingMemory(), "unread-memory", listener.unreadMemory())
                .forEach((name, size) -> {
                    if (size.asLongValue() < ListenerConfig.LEAST_MEMORY) {
                        throw new Complaint(
                                variable("rolewright.listener." + name) + " is too small: it is 4M or more.");
                    }
                });
        AccessSettings.complaint(access, bootstrap).ifPresent(sentence -> {
            throw new Complaint(sentence);
        });
    }

    /** quarkus-vault says of these only when it is used that they are missing, and not all by name. */
    static Optional<String> vaultComplaint(Config config) {
        String url = "quarkus.vault.url";
        if (config.getOptionalValue(url, String.class).isEmpty()) {
            return Optional.of(
                    variable(url) + " is not set; with the root key or rotations in Vault it says where that is:"
                            + " https://vault.internal:8200.");
        }
        String login = "quarkus.vault.authentication.";
        boolean known = Stream.of("client-token", "client-token-wrapping-token", "kubernetes.role", "app-role.role-id")
                .anyMatch(way ->
                        config.getOptionalValue(login + way, String.class).isPresent());
        if (!known) {
            return Optional.of("Nothing says how to log in to Vault: set " + variable(login + "kubernetes.role") + ", "
                    + variable(login + "app-role.role-id") + " with its secret id, or "
                    + variable(login + "client-token")
                    + ".");
        }
        boolean secretMissing = config.getOptionalValue(login + "app-role.role-id", String.class)
                        .isPresent()
                && Stream.of("secret-id", "secret-id-wrapping-token")
                        .noneMatch(kind -> config.getOptionalValue(login + "app-role." + kind, String.class)
                                .isPresent());
        return secretMissing
                ? Optional.of(variable(login + "app-role.secret-id") + " is not set; the role id alone is no login.")
                : Optional.empty();
    }

    /** The name by which an operator sets the property, whether in an environment or in a Kubernetes manifest. */
    static String variable(String property) {
        return property.replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT);
    }

    private static boolean isPostgresUrl(String url) {
        try {
            // Several hosts or a Unix socket are the driver's matter; its grammar is wider than java.net's.
            URI parsed = new URI(url.strip().replaceFirst("^vertx-reactive:", ""));
            return List.of("postgresql", "postgres").contains(parsed.getScheme())
                    && parsed.getRawAuthority() != null
                    && parsed.getRawPath() != null
                    && parsed.getRawPath().length() > 1;
        } catch (URISyntaxException e) {
            return false;
        }
    }

    /** A setting is missing or malformed; the message is one sentence that names it. */
    static final class Complaint extends RuntimeException {
        Complaint(String sentence) {
            super(sentence, null, false, false);
        }
    }
}
