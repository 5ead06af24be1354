package io.rolewright.delivery.vault;

import io.quarkus.vault.client.VaultClientException;
import io.quarkus.vault.client.auth.VaultTokenException;
import io.rolewright.delivery.vault.VaultKv.Answer;
import io.vertx.core.http.HttpClosedException;
import java.io.IOException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jboss.logging.Logger;

/** Says in a code of ours why Vault did not take a secret; its own words may name tokens and addresses. */
final class VaultFailures {

    private static final Logger log = Logger.getLogger(VaultFailures.class);

    private VaultFailures() {}

    /** Whether somebody else has written the secret since it was looked at. Vault has no code for it, only these words. */
    static boolean isLostRace(Throwable failure) {
        return failure instanceof VaultClientException answer
                && Integer.valueOf(400).equals(answer.getStatus())
                && has(answer, "check-and-set parameter did not match");
    }

    /** Whether it was a request too many, for a quota or for now. */
    static boolean isLimited(Throwable failure) {
        return failure instanceof VaultClientException answer
                && Integer.valueOf(429).equals(answer.getStatus());
    }

    /** The secret itself may be read, and its metadata not. */
    static final class MetadataForbidden extends RuntimeException {}

    /** Whether the policy does not allow it; a token that is refused is another thing. */
    static boolean isForbidden(Throwable failure) {
        return failure instanceof VaultClientException answer
                && Integer.valueOf(403).equals(answer.getStatus())
                && !saysToken(answer)
                && !String.valueOf(answer.getOperationName()).endsWith("Login");
    }

    /** Whether Vault, or what stands before it, does not say what is mounted: nothing, or nothing for us. */
    static boolean saysNothingOfTheMount(Throwable failure) {
        return isForbidden(failure)
                || failure instanceof VaultClientException answer
                        && answer.getStatus() != null
                        && (answer.getStatus() == 404 || answer.getStatus() == 405);
    }

    /** Whether the engine is there and the secret is not. */
    static boolean isNoSuchSecret(Throwable failure) {
        return failure instanceof VaultClientException answer
                && Integer.valueOf(404).equals(answer.getStatus())
                && !has(answer, "no handler for route");
    }

    private static boolean saysToken(VaultClientException answer) {
        return has(answer, "invalid token") || has(answer, "bad token");
    }

    static Answer answer(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof MetadataForbidden) {
                return Answer.refused("vault_metadata_forbidden");
            }
            if (cause instanceof VaultClientException answer && answer.getStatus() != null) {
                return answered(answer);
            }
            if (cause instanceof VaultTokenException) {
                return new Answer("vault_login_refused", true);
            }
            if (cause instanceof SSLException) {
                return new Answer("vault_tls_failed", true);
            }
            if (cause instanceof TimeoutException
                    || cause.getClass().getSimpleName().contains("Timeout")) {
                return new Answer("vault_timed_out", true);
            }
            if (cause instanceof IOException || isClosedConnection(cause)) {
                return new Answer("vault_not_reachable", true);
            }
        }
        log.warnf("Unexpected fault in the Vault client: %s", failure.getClass().getName());
        return Answer.refused("vault_fault");
    }

    private static Answer answered(VaultClientException answer) {
        if (String.valueOf(answer.getOperationName()).endsWith("Login")) {
            return new Answer(answer.getStatus() < 500 ? "vault_login_refused" : "vault_unavailable", true);
        }
        return switch (answer.getStatus()) {
            // Of the token itself, and so for every secret: Vault is asked again as if it were down, in minutes and not
            // in an hour.
            case 403 -> saysToken(answer) ? new Answer("vault_token_refused", true) : Answer.refused("vault_forbidden");
            case 404 -> Answer.refused(has(answer, "no handler for route") ? "vault_no_such_engine" : "vault_refused");
            // An answer without what it should say: not Vault's, or not this engine's.
            case 200, 204 -> Answer.refused("vault_fault");
            case 307, 308, 412, 429 -> new Answer("vault_unavailable", true);
            default ->
                answer.getStatus() >= 500 ? new Answer("vault_unavailable", true) : Answer.refused("vault_refused");
        };
    }

    /** As quarkus-vault 4.7 has it: it asks the answer that did not come for its status. */
    private static boolean isClosedConnection(Throwable cause) {
        return cause instanceof HttpClosedException
                || cause instanceof NullPointerException
                || cause instanceof VaultClientException answer && has(answer, "Connection was closed");
    }

    private static boolean has(VaultClientException answer, String words) {
        return (answer.getErrors() + " " + answer.getBody()).contains(words);
    }
}
