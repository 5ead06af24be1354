package io.rolewright.rotation;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** Why a credential is not in Vault, or is there with a reservation: the codes of {@code vaultKv.lastFailure} and {@code vaultKv.warning}. */
public enum VaultFault {
    NOT_OURS(
            "What is at the place in Vault was written by somebody else, and nothing foreign is overwritten.",
            "Choose another place, or hand the secret over: set rotationId in its custom metadata to the id of the rotation."),
    NEWER_THERE(
            "Vault has a newer credential of this rotation than the service: the service's own database went back.",
            "Follow docs/recovery.md; after that, the next rotation writes a newer one."),
    CHANGED_MEANWHILE(
            "Somebody else wrote the secret in Vault each time between our look and our write.",
            "Find out who writes there; it is tried again by itself."),
    PLACE_NOT_ALLOWED(
            "The service's settings no longer allow this project to write to the place in Vault.",
            "Give vaultKv another place, or have an operator extend ROLEWRIGHT_VAULT_KV_PLACES."),
    VAULT_ENGINE_REPLACED(
            "The mount in Vault is another one than the one that was written to before: Vault, or its engine, was replaced. Nothing is"
                    + " written there.",
            "If that is meant, an administrator sends PATCH with vaultKv and confirmAnotherVault: true, once for the mount. If not, check"
                    + " QUARKUS_VAULT_URL and who answers there."),
    VAULT_WENT_BACK(
            "Vault was restored to an earlier state: a version that the service had written is not there, or another one has its number."
                    + " Nothing is written to this mount.",
            "If that is meant, an administrator sends PATCH with vaultKv and confirmAnotherVault: true, once for the mount; all that is served"
                    + " is then written again."),
    VAULT_SECRET_GONE(
            "The secret in Vault was deleted with its metadata, so whoever reads it gets nothing.",
            "With driftPolicy reassert it is written again within the hour; else send PATCH with the same vaultKv. Find out who deleted it."),
    VAULT_VERSION_DELETED(
            "The version of the secret in Vault was deleted, so whoever reads it gets nothing.",
            "With driftPolicy reassert it is written again within the hour; else send PATCH with the same vaultKv. Find out who deleted it."),
    VAULT_VERSION_DESTROYED(
            "The version of the secret in Vault was destroyed, so whoever reads it gets nothing.",
            "With driftPolicy reassert it is written again within the hour; else send PATCH with the same vaultKv. Find out who destroyed it."),
    VAULT_VERSION_EXPIRED(
            "The version of the secret in Vault has ended by delete_version_after, so whoever reads it gets nothing.",
            "Rotate more often than that, or raise delete_version_after of the secret or of the engine; a PATCH with the same vaultKv writes it"
                    + " again."),
    VAULT_CHANGED_BY_HAND(
            "Somebody else has changed the secret in Vault, so whoever reads it gets something else than what is served.",
            "With driftPolicy reassert it is written again within the hour; else send PATCH with the same vaultKv. Find out who changes it."),
    VAULT_FORBIDDEN(
            "Vault does not allow the service to read or write the secret.",
            "Let the service's policy create, read and update below <mount>/data and <mount>/metadata (docs/consuming.md)."),
    VAULT_METADATA_FORBIDDEN(
            "Vault does not allow the service to read the secret's metadata, so it cannot know whose the secret is. Nothing is written.",
            "Add read (and, for the marks, create and update) below <mount>/metadata to the service's policy."),
    VAULT_MARK_FORBIDDEN(
            "The credential is in Vault; its custom metadata, which says the rotation to people, could not be written.",
            "Add create and update below <mount>/metadata to the service's policy, or leave it so."),
    VAULT_TOKEN_REFUSED(
            "Vault refuses the service's token: it has ended or was revoked.",
            "Give the service another token, or let it log in by AppRole or Kubernetes."),
    VAULT_LOGIN_REFUSED(
            "Vault refuses the service's login.",
            "Check role and secret id, or the role of the Kubernetes login, in Vault and in the service's settings."),
    VAULT_NO_SUCH_ENGINE(
            "Nothing is mounted at this place in Vault.",
            "Mount a KV engine of version 2 there, or give vaultKv another mount."),
    VAULT_NOT_A_KV_ENGINE(
            "What is mounted at this place in Vault is no KV engine. Nothing was written.",
            "Give vaultKv the mount of a KV engine of version 2."),
    VAULT_ENGINE_IS_VERSION_1(
            "The KV engine is version 1, which knows no check-and-set. Nothing was written; builds before 0.1 may have left passwords at"
                    + " <mount>/data/<path>.",
            "Upgrade the engine (vault kv enable-versioning) or give vaultKv another mount. Look for what was left below <mount>/data/ and"
                    + " delete it."),
    VAULT_ENGINE_UNKNOWN(
            "Vault does not say what is mounted at this place (GET sys/internal/ui/mounts/<mount>), so nothing is written.",
            "Let that request pass through whatever stands before Vault; Vault itself answers it to whoever has a right below the mount."),
    VAULT_NOT_REACHABLE(
            "Nothing answers at Vault's address.", "Check QUARKUS_VAULT_URL, Vault and the network between."),
    VAULT_TLS_FAILED(
            "The TLS handshake with Vault failed.", "Check Vault's certificate and QUARKUS_VAULT_TLS_CA_CERT."),
    VAULT_TIMED_OUT("Vault did not answer in time.", "Look at Vault's load; it is tried again by itself."),
    VAULT_UNAVAILABLE(
            "Vault is sealed, a standby without a leader, overloaded, or has an error.",
            "Unseal it, or look into its log; it is tried again by itself."),
    VAULT_REFUSED("Vault refused the request.", "Look into Vault's log."),
    VAULT_FAULT("Vault's answer makes no sense.", "Look into the logs of both.");

    private final String meaning;
    private final String next;

    VaultFault(String meaning, String next) {
        this.meaning = meaning;
        this.next = next;
    }

    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** What has happened, in a sentence or two. */
    public String meaning() {
        return meaning;
    }

    /** What to do about it. */
    public String next() {
        return next;
    }

    public static Optional<VaultFault> of(String code) {
        return Arrays.stream(values()).filter(each -> each.code().equals(code)).findFirst();
    }
}
