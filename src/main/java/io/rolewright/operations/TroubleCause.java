package io.rolewright.operations;

import io.rolewright.problem.ErrorCode;
import io.rolewright.rotation.VaultFault;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What is said of a trouble by its code: those that no request is answered with, beside {@link ErrorCode} and {@link VaultFault}. */
enum TroubleCause {
    CHANGED_BY_THIRD_PARTY(
            "None of the passwords kept for the role opens it: somebody else has changed it, or it has expired.",
            "Rotate now: that serves a password that works. Then find out who changes the role; with driftPolicy reassert ours"
                    + " is put back by itself."),
    STALE_CREDENTIAL(
            "The password that is to be served is refused by its server: the service's own database was restored, failed over or silent, and"
                    + " may hold an older one. It is not given out.",
            "Rotate now: that serves a password that works; a managed connection takes one by PATCH with the credentials that log in. Until then"
                    + " consumers go on with what they have. See docs/recovery.md."),
    ANSWER_MISSING(
            "A new password was sent and the server's answer is missing.",
            "Nothing to do while the server is away: the service asks again by itself. Verify says what works now."),
    NOT_ANSWERED_YET(
            "A new password was sent and the server has not answered.",
            "Nothing to do while the server is away: the service asks again by itself. Verify says what works now."),
    NOT_KNOWN_YET(
            "A change was begun, and nothing is known of how it went.",
            "Nothing to do: the service asks again by itself."),
    INTERRUPTED(
            "The process that changed the password ended in the middle of it.",
            "Nothing to do: another process goes on with it within seconds."),
    OUT_OF_TIME(
            "The server took longer than the change may last.",
            "Look at the server's load and at locks on the role; the change is tried again by itself."),
    INTERNAL_ERROR(
            "The change ended with an unexpected fault of this service.",
            "It is tried again by itself. The log has the cause under the request id of the attempt; give both to whoever looks after"
                    + " the service."),
    STORE_UNAVAILABLE(
            "The service's own database did not answer in the middle of a change.",
            "It goes on by itself. If it comes again, see docs/runbooks.md, RolewrightStoreAway."),
    PASSWORD_NOT_PROVEN(
            "The server let the role in after the change, but not visibly because of the new password, so it is not served.",
            "Have pg_hba.conf ask the role for scram-sha-256 on this way, and reload; then rotate again."),
    CONNECTION_GONE(
            "The connection that changed the role has been deleted.",
            "Delete the rotation, and make it anew on another connection."),
    VALID_UNTIL(
            "The server lets the role in only until its VALID UNTIL, which comes before the next change of its password, or within a day. No"
                    + " change of the password moves it.",
            "Have VALID UNTIL moved or lifted: ALTER ROLE … VALID UNTIL 'infinity'. Then verify; the service looks by itself, too, within a"
                    + " quarter of an hour."),
    OVERDUE(
            "The password should have been changed and was not.",
            "Rotate now, and see whether anything looks for due work (rolewright_due_turns_total)."),
    VAULT_BEHIND(
            "Vault does not have the newest credential, so who reads there gets an older one.",
            "See what the last delivery failed with; it is tried again by itself."),
    VAULT_TOKEN_REFUSED(
            "Vault refuses the token of this service: it has ended or was revoked. Nothing is written to Vault.",
            "Give the service another token (QUARKUS_VAULT_AUTHENTICATION_CLIENT_TOKEN) and restart it, or let it log in by"
                    + " AppRole or Kubernetes. What waits is written by itself then."),
    VAULT_TOKEN_ENDS(
            "The token of this service for Vault ends within a week and cannot be renewed.",
            "Give the service another token (QUARKUS_VAULT_AUTHENTICATION_CLIENT_TOKEN) and restart it, or let it log in by"
                    + " AppRole or Kubernetes."),
    STORE_READ_ONLY(
            "The service's own database takes no writes: it is a standby, or was made read-only. No password is served or changed.",
            "Point the service at the primary, or end default_transaction_read_only. It goes on by itself."),
    STORE_FULL(
            "The service's own database has no room left on its disk. No password is served or changed.",
            "Give that disk more room. The service goes on by itself."),
    STORE_WAS_ALTERED(
            "A row that decides who may do what does not fit its seal: somebody else has written to the store. It counts for nothing.",
            "The key command seal-rows lists all such rows. Find out who can write to the store, and see docs/runbooks.md,"
                    + " RolewrightStoreWasAltered."),
    ROOT_KEY_UNFIT(
            "The keys cannot be read again, so a process that starts now would not be ready. This one goes on.",
            "Put the root key back (the file of ROLEWRIGHT_ROOT_KEY_FILE, or what unwraps in Vault) before anything restarts."),
    AUDIT_NOT_PRUNED(
            "The audit has rows that should have been deleted two days ago, so the store grows until its disk is full.",
            "Where the schema has a role of its own, run --prune-audit each day, as the component prune does, or look at why its last run"
                    + " failed. Elsewhere the log says why the service itself does not delete them (Housekeeping postponed)."),
    WEBHOOK_FAILING(
            "The receiver of a webhook takes no messages.",
            "Test the webhook, and mend its receiver; what waits is sent again by itself."),
    WEBHOOK_DEAD_LETTERS(
            "Messages were given up because the receiver of a webhook did not take them in time.",
            "Mend the receiver, then replay the dead letters.");

    private final String meaning;
    private final String next;

    TroubleCause(String meaning, String next) {
        this.meaning = meaning;
        this.next = next;
    }

    /** @param meaning what has happened; @param next what to do about it; each a sentence or two */
    record Said(String meaning, String next) {}

    static Said of(String code) {
        TroubleCause own = own(code);
        if (own != null) {
            return new Said(own.meaning, own.next);
        }
        VaultFault vault = VaultFault.of(code).orElse(null);
        if (vault != null) {
            return new Said(vault.meaning(), vault.next());
        }
        ErrorCode error = ErrorCode.ofReason(code);
        // Those sentences speak of the answer to a change; a trouble is none, and the check has what they name.
        return new Said(
                error.meaning(),
                error.next()
                        .replace(" in details.problems", " that the pre-flight check shows")
                        .replace("details.problems lists", "the pre-flight check lists")
                        .replace("details.problems has", "the pre-flight check has"));
    }

    /**
     * What to do where a role changes its own password: nobody else is there who could put ours back.
     *
     * @param next what to do otherwise
     */
    static String nextOfItself(String code, String next) {
        return switch (code) {
            case "changed_by_third_party" ->
                "Send the password that works now (PATCH the connection with complete credentials): it is adopted, and replaced by one of"
                        + " ours with the next change. Ours cannot be put back by a role that is refused; where somebody else sets it again on"
                        + " the server, the next look finds that, or verify.";
            case "role_expired" ->
                "Run ALTER ROLE … VALID UNTIL 'infinity' as somebody who may. The next look, or verify, finds whether the password opens the"
                        + " role again.";
            default -> next;
        };
    }

    private static @Nullable TroubleCause own(String code) {
        return Arrays.stream(values())
                .filter(each -> each.name().toLowerCase(Locale.ROOT).equals(code))
                .findFirst()
                .orElse(null);
    }
}
