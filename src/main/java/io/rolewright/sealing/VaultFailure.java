package io.rolewright.sealing;

import io.quarkus.vault.client.VaultClientException;
import io.quarkus.vault.client.auth.VaultTokenException;
import io.quarkus.vault.transit.VaultBatchException;
import io.rolewright.store.StartupStep.NotReady;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Says in a sentence of ours why Vault did not do what it was asked; its own words may name tokens and addresses. */
final class VaultFailure {

    private static final Logger log = Logger.getLogger(VaultFailure.class);

    private VaultFailure() {}

    static NotReady notReady(Throwable failure, String key) {
        log.debug("Vault", failure);
        return new NotReady("Vault does not give the root key: " + reason(failure, key) + ".");
    }

    static NotReady otherKey(WrappedKey key) {
        return new NotReady("Vault's key %s does not open data key %d of the store: what it holds is another data key."
                .formatted(key.rootKeyId(), key.id()));
    }

    private static String reason(Throwable failure, String key) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            var reason = reasonOf(cause, key);
            if (reason != null) {
                return reason;
            }
            if (cause.getCause() == cause) {
                break;
            }
        }
        return "unexpected fault (" + failure.getClass().getSimpleName() + ")";
    }

    private static @Nullable String reasonOf(Throwable cause, String key) {
        if (cause instanceof VaultClientException answer && answer.getStatus() != null) {
            return answered(answer, key);
        }
        if (cause instanceof VaultBatchException || cause instanceof VaultTokenException) {
            return batch(String.valueOf(cause.getMessage()), key);
        }
        if (cause instanceof UnknownHostException) {
            return "not reachable (host name not found)";
        }
        if (cause instanceof SSLException) {
            return "not reachable (TLS handshake failed)";
        }
        if (cause instanceof ConnectException) {
            return cause.getClass().getSimpleName().contains("Timeout")
                    ? "not reachable (timed out)"
                    : "not reachable (connection refused)";
        }
        if (cause instanceof TimeoutException
                || cause.getClass().getSimpleName().contains("Timeout")) {
            return "no answer in time";
        }
        return cause instanceof java.io.IOException ? "connection lost" : null;
    }

    private static String answered(VaultClientException answer, String key) {
        int status = answer.getStatus();
        return switch (status) {
            case 400 -> batch(answer.getErrors() + " " + answer.getBody(), key);
            case 403 -> "403, the token is not valid (any more) or its policy does not allow it to use key " + key;
            case 404 -> "404, no transit engine at the configured mount, or no login method at its";
            case 307, 308 -> status + ", this node is a standby; the url must lead to the active one";
            case 429 -> "429, too many requests";
            case 503 ->
                (answer.getErrors() + " " + answer.getBody()).contains("sealed")
                        ? "503, it is sealed"
                        : "503, it is a standby without an active node, or in maintenance";
            default -> "it answered " + status;
        };
    }

    /** Vault has no codes for these: its messages have been the same since transit has key versions. */
    private static String batch(String errors, String key) {
        if (errors.contains("too old")) {
            return "the store needs a version of key " + key + " that is below its min_decryption_version";
        }
        if (errors.contains("too new")) {
            return "the store needs a version of key " + key + " that this server does not have";
        }
        if (errors.contains("key not found")) {
            return "it has no transit key " + key;
        }
        if (errors.contains("authentication failed") || errors.contains("invalid ciphertext")) {
            return "its key " + key + " is another one than the store was made with";
        }
        if (errors.contains("invalid role or secret ID") || errors.contains("invalid secret id")) {
            return "the AppRole login was refused";
        }
        return "it refused the request (400)";
    }
}
