package io.rolewright.credential;

import java.time.Instant;
import java.util.Locale;
import java.util.UUID;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.Level;
import org.jboss.logmanager.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Tells the log of changes that came to nothing and that nobody waited for: an operator hears of them nowhere else before an alert. One
 * line of the category {@code rolewright.failures}, WARN the first time and when the reason changes, INFO when it is the same again.
 * Ids and names of ours and PostgreSQL's codes only: no host, no secret.
 */
final class Failures {

    private static final Logger log = Logger.getLogger("rolewright.failures");

    private Failures() {}

    /** @param next when it is tried again by itself; absent for never */
    record Ended(ChangeOutcome outcome, @Nullable Instant next) {}

    /**
     * What a look at a role has found, or could not find out. Called when it is another than the look before has found.
     *
     * @param reason stable code
     */
    static void found(ManagedRole role, String what, String reason) {
        ExtLogRecord line = line(
                Level.WARN,
                "The password of the role " + role.roleName + " (" + role.ownerKind + " " + role.ownerId + ") " + what
                        + ": " + reason);
        about(line, role);
        line.putMdc("reason", reason);
        log.log(line);
    }

    /** The same of a role of which something was said before. */
    static void well(ManagedRole role) {
        ExtLogRecord line = line(
                Level.INFO,
                "The password of the role " + role.roleName + " (" + role.ownerKind + " " + role.ownerId
                        + ") opens a session again.");
        about(line, role);
        log.log(line);
    }

    /** A change that should have been made a quarter of an hour ago. Told once for each planned change. */
    static void overdue(Credential credential) {
        ExtLogRecord line = line(
                Level.WARN,
                "The change of " + credential.subjectKind() + " " + credential.id + " is overdue: it was planned for "
                        + credential.plan.nextRotationAt());
        line.putMdc(credential.subjectKind() + "Id", credential.id.toString());
        line.putMdc("reason", "overdue");
        log.log(line);
    }

    /**
     * The server lets a role in only until then, which is before its next change, or within a day. Told when that is first seen, and once
     * more the day before.
     *
     * @param validUntil as the role had it when it was last looked at
     */
    static void ends(String ownerKind, UUID ownerId, String roleName, Instant validUntil) {
        ExtLogRecord line = line(
                Level.WARN,
                "The password of the role " + roleName + " (" + ownerKind + " " + ownerId + ") ends at " + validUntil
                        + " by its VALID UNTIL, which no change of the password moves");
        line.putMdc(ownerKind + "Id", ownerId.toString());
        line.putMdc("role", roleName);
        line.putMdc("reason", ScheduleNotices.VALID_UNTIL);
        log.log(line);
    }

    private static ExtLogRecord line(java.util.logging.Level level, String sentence) {
        // No format: a percent sign in a name is only that.
        ExtLogRecord line =
                new ExtLogRecord(level, sentence, ExtLogRecord.FormatStyle.NO_FORMAT, Failures.class.getName());
        line.setLoggerName(log.getName());
        return line;
    }

    private static void about(ExtLogRecord line, ManagedRole role) {
        line.putMdc(role.ownerKind + "Id", role.ownerId.toString());
        line.putMdc("role", role.roleName);
    }

    /** @param news whether the last try did not end for this reason */
    static void log(Claim claim, Stop stop, Ended ended, boolean news) {
        if (claim.asked && ended.outcome instanceof ChangeOutcome.Failed) {
            return; // whoever asked has the answer, and nothing goes on
        }
        String outcome = ended.outcome instanceof ChangeOutcome.Failed
                ? "failed"
                : ended.outcome instanceof ChangeOutcome.InDoubt ? "in doubt" : "parked";
        String sentence = "A change of the role " + claim.role.roleName + " (" + claim.role.ownerKind + " "
                + claim.role.ownerId + ", " + claim.attempt.cause.name().toLowerCase(Locale.ROOT) + ") is " + outcome
                + ": " + stop.reason() + (stop.sqlState() == null ? "" : " " + stop.sqlState()) + ". Attempt "
                + claim.attempt.id + ", next try " + (ended.next == null ? "never" : ended.next.toString());
        ExtLogRecord line = line(news ? Level.WARN : Level.INFO, sentence);
        about(line, claim.role);
        line.putMdc("attemptId", claim.attempt.id.toString());
        if (claim.attempt.requestId != null) {
            line.putMdc("requestId", claim.attempt.requestId);
        }
        line.putMdc("cause", claim.attempt.cause.wireName());
        line.putMdc("outcome", outcome.replace(' ', '_'));
        line.putMdc("reason", stop.reason());
        line.putMdc("step", stop.step().name().toLowerCase(Locale.ROOT));
        if (stop.sqlState() != null) {
            line.putMdc("sqlState", stop.sqlState());
        }
        if (ended.next != null) {
            line.putMdc("nextTryAt", ended.next.toString());
        }
        log.log(line);
    }
}
