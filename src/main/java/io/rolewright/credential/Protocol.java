package io.rolewright.credential;

import io.rolewright.target.PasswordRule;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What is done next about a role's password, told by what was answered last: the whole order of looking, marker, writing down, sending,
 * proof, promotion and putting back. Pure: it knows no server, no store and no clock, so that every order of answers can be tried without
 * one. {@link Run} carries out what it says; a preflight ({@link RoleChecks}) goes the same way until before it writes.
 *
 * <table>
 * <caption>From answer to act</caption>
 * <tr><th>after</th><th>answer</th><th>act</th></tr>
 * <tr><td>{@link Look}, {@link LookAgain}</td><td>{@link Clear}</td><td>{@link Mark} where the role needs our marker first, else
 *     {@link Write}</td></tr>
 * <tr><td></td><td>{@link InTheWay}</td><td>{@link End}</td></tr>
 * <tr><td>{@link Mark}</td><td>{@link Marked}</td><td>{@link Write}</td></tr>
 * <tr><td></td><td>{@link MarkRefused}</td><td>{@link NoteNoMarker} where it is COMMENT that is refused, else {@link End}</td></tr>
 * <tr><td></td><td>{@link MarkUnknown}</td><td>{@link LookAgain} while there is time</td></tr>
 * <tr><td>{@link Write}</td><td>{@link Written}</td><td>{@link Send}</td></tr>
 * <tr><td>{@link Send}</td><td>{@link Applied}</td><td>{@link Prove}; without a marker {@link EndOlder} first</td></tr>
 * <tr><td></td><td>{@link SendUnknown}</td><td>{@link NoteDoubt}, which raises the epoch; then the same secret again</td></tr>
 * <tr><td></td><td>{@link Refused}</td><td>{@link Wait} and again where it passes at once; {@link NoteNoMarker} and again where COMMENT is
 *     refused; else {@link End}</td></tr>
 * <tr><td></td><td>{@link NotSent}</td><td>{@link Send} as the role with its new password where an earlier send may have taken effect; else
 *     {@link End}</td></tr>
 * <tr><td></td><td>{@link Elsewhere}, {@link Moved}</td><td>{@link End}</td></tr>
 * <tr><td>{@link Prove}</td><td>{@link Proven}</td><td>{@link Promote}</td></tr>
 * <tr><td></td><td>{@link Unproven}</td><td>{@link AskRule} where a former password could be put back; else {@link End}</td></tr>
 * <tr><td>{@link AskRule}</td><td>{@link Asked}</td><td>{@link PutBack} where the server shows our new secret, or asks for no proof of one any
 *     more; else {@link End}</td></tr>
 * <tr><td>{@link PutBack}</td><td>{@link PutBackEnded}</td><td>{@link ProveFormer} where it was applied</td></tr>
 * <tr><td>{@link ProveFormer}</td><td>{@link Former}</td><td>{@link End}</td></tr>
 * </table>
 *
 * <p>How a version moves from state to state when a run ends is {@link #ending}'s; the table of states is {@link VersionState}'s.
 */
final class Protocol {

    /** Sends in one run: more would keep a role's row busy for nothing. */
    static final int MOST_SENDS = 8;

    private Protocol() {}

    /** What is known of the version when a run stops. */
    enum Reached {
        /** None of it was sent, or every send by this very run was refused; and no earlier run had it. */
        UNTOUCHED,
        /** A send may have taken effect. */
        DOUBT,
        /** The target has taken it; the login that proves it is missing. */
        APPLIED,
        /** The target had taken it, and has taken the current one again since, which is proven. */
        PUT_BACK
    }

    /**
     * What stays the same for a run.
     *
     * @param self whether the role changes its own password
     * @param continued whether an earlier claim has begun
     * @param reapplies whether the current version is applied again
     * @param revokes whether the role gets a password that nobody is given
     * @param former whether the role has a current version
     */
    record Subject(boolean self, boolean continued, boolean reapplies, boolean revokes, boolean former) {}

    /**
     * Where a run stands.
     *
     * @param marked whether the role carries our marker, or can
     * @param written whether what is sent is written down
     * @param sends of markers and passwords
     */
    record State(Subject subject, boolean marked, boolean written, int sends, Reached reached) {

        static State before(Subject subject, boolean marked, Reached reached) {
            return new State(subject, marked, false, 0, reached);
        }

        private State with(Reached now) {
            return new State(subject, marked, written, sends, now);
        }

        private State sending() {
            return new State(subject, marked, written, sends + 1, reached);
        }

        private State unmarked() {
            return new State(subject, false, written, sends, reached);
        }

        private State writtenDown() {
            return new State(subject, marked, true, sends, reached);
        }
    }

    record Next(State state, Do act) {}

    // ---- What is done ---------------------------------------------------------------------------------------------

    sealed interface Do {}

    /** Looks at all that could make the change wrong, before anything is written, here or there. */
    record Look() implements Do {}

    /** Writes our marker, and no password. */
    record Mark() implements Do {}

    /** Looks at the role again, after a moment: whatever became of the marker shows then. */
    record LookAgain() implements Do {}

    /** Writes down that the role's comment cannot carry our marker. */
    record NoteNoMarker() implements Do {}

    /** Commits what is to be sent before any byte of it is sent. */
    record Write() implements Do {}

    /** @param asNew logs in with the new password, which an earlier send of ours has set by now */
    record Send(boolean asNew) implements Do {}

    /** Waits a little before the same is sent again. */
    record Wait(Duration about) implements Do {}

    /** Writes down that the answer to a send is missing, and raises the epoch. @param stop what is told if nothing comes after it */
    record NoteDoubt(Stop stop) implements Do {}

    /** Without a marker: ends what older attempts have left, before the proof. */
    record EndOlder() implements Do {}

    record Prove() implements Do {}

    /** @param reason why there was no proof */
    record AskRule(Stop reason) implements Do {}

    /** Applies the current version again, under a higher epoch. @param reason why there was no proof of the new one */
    record PutBack(Stop reason) implements Do {}

    record ProveFormer(Stop reason) implements Do {}

    /** @param refusal of the session by which the password was proven; absent when the role was let in */
    record Promote(@Nullable Stop refusal) implements Do {}

    record End(Stop stop) implements Do {}

    // ---- What is answered -----------------------------------------------------------------------------------------

    sealed interface Answer {}

    /** Nothing stands in the way of the change. @param ours whether the role carries our marker */
    record Clear(boolean ours) implements Answer {}

    /** @param stop the first thing that the look has found */
    record InTheWay(Stop stop) implements Answer {}

    record Marked() implements Answer {}

    record MarkNotSent(Stop stop) implements Answer {}

    /** @param comment whether it is COMMENT that is refused: the rehearsal was allowed the ALTER ROLE */
    record MarkRefused(Stop stop, boolean comment) implements Answer {}

    /** Somebody was quicker, or the answer is missing. */
    record MarkUnknown() implements Answer {}

    record NoMarkerNoted() implements Answer {}

    record Written() implements Answer {}

    record Applied() implements Answer {}

    record SendUnknown(Stop stop) implements Answer {}

    record DoubtNoted(Stop stop) implements Answer {}

    /** @param password whether it was the password of the login that was refused */
    record NotSent(Stop stop, boolean password) implements Answer {}

    /** @param passing whether the same may be allowed a moment later */
    record Refused(Stop stop, boolean passing, boolean comment) implements Answer {}

    /** The role carries the marker of somebody else. */
    record Elsewhere() implements Answer {}

    /** The role carries another marker than the one that was seen, or none. */
    record Moved() implements Answer {}

    record Waited() implements Answer {}

    record OlderEnded() implements Answer {}

    /** There was no session for it. @param proven whether the server has accepted the password all the same */
    record OlderLeft(Stop stop, boolean proven, @Nullable Stop refusal) implements Answer {}

    record Proven(@Nullable Stop refusal) implements Answer {}

    record Unproven(Stop stop) implements Answer {}

    /** @param ours whether the server shows the salt of the new secret */
    record Asked(PasswordRule rule, boolean ours, Stop reason) implements Answer {}

    record PutBackEnded(boolean applied, Stop reason) implements Answer {}

    record Former(boolean proven, Stop reason) implements Answer {}

    // ---- The order ------------------------------------------------------------------------------------------------

    /** Where every change begins, and every preflight. */
    static Next begin(State state) {
        return new Next(state, new Look());
    }

    /**
     * What a change would come to that nobody makes: the same order, until before it writes.
     *
     * @param looked the answer to the look
     * @return why it would end there; null where it would go on
     */
    static @Nullable Stop preflight(State state, Answer looked) {
        return next(state, looked, true).act() instanceof End end ? end.stop : null;
    }

    /** @param time whether enough is left to send something, to hear the answer, to prove it and to write that down */
    static Next next(State state, Answer answer, boolean time) {
        if (answer instanceof Clear clear) {
            return !state.marked || clear.ours ? new Next(state, new Write()) : mark(state);
        }
        if (answer instanceof InTheWay inTheWay) {
            return end(state, inTheWay.stop);
        }
        if (answer instanceof Marked) {
            return new Next(state, new Write());
        }
        if (answer instanceof MarkRefused refused) {
            return refused.comment ? new Next(state.unmarked(), new NoteNoMarker()) : end(state, refused.stop);
        }
        if (answer instanceof MarkNotSent notSent) {
            return end(state, notSent.stop);
        }
        if (answer instanceof MarkUnknown) {
            return time ? new Next(state, new LookAgain()) : end(state, MOVED);
        }
        if (answer instanceof NoMarkerNoted) {
            return state.written ? send(state, time, false) : new Next(state, new Write());
        }
        if (answer instanceof Written) {
            return send(state.writtenDown(), time, false);
        }
        if (answer instanceof Waited) {
            return send(state, time, false);
        }
        if (answer instanceof Applied) {
            return new Next(state.with(Reached.APPLIED), state.marked ? new Prove() : new EndOlder());
        }
        if (answer instanceof SendUnknown unknown) {
            return new Next(state.with(Reached.DOUBT), new NoteDoubt(unknown.stop));
        }
        if (answer instanceof DoubtNoted noted) {
            return maySend(state, time) ? new Next(state, new Wait(Duration.ofMillis(100))) : end(state, noted.stop);
        }
        if (answer instanceof NotSent notSent) {
            return state.subject.self && state.sends > 1 && notSent.password
                    ? send(state, time, true)
                    : end(state, notSent.stop);
        }
        if (answer instanceof Refused refused) {
            return refused(state, refused, time);
        }
        if (answer instanceof Elsewhere) {
            return end(state, ELSEWHERE);
        }
        if (answer instanceof Moved) {
            return end(state, MOVED);
        }
        return proof(state, answer, time);
    }

    private static Next mark(State state) {
        return state.sends == MOST_SENDS
                ? end(state, Stop.passing(Step.APPLY, Stop.OUT_OF_TIME, "There was no time left to mark the role."))
                : new Next(state.sending(), new Mark());
    }

    private static boolean maySend(State state, boolean time) {
        return time && state.sends < MOST_SENDS;
    }

    private static Next send(State state, boolean time, boolean asNew) {
        return maySend(state, time)
                ? new Next(state.sending(), new Send(asNew))
                : end(
                        state,
                        Stop.passing(Step.APPLY, Stop.OUT_OF_TIME, "There was no time left to change the password."));
    }

    private static Next refused(State state, Refused refused, boolean time) {
        if (refused.passing && maySend(state, time)) {
            return new Next(state, new Wait(Duration.ofMillis(150)));
        }
        return state.marked && refused.comment
                ? new Next(state.unmarked(), new NoteNoMarker())
                : end(state, refused.stop);
    }

    private static Next proof(State state, Answer answer, boolean time) {
        if (answer instanceof OlderEnded) {
            return new Next(state, new Prove());
        }
        if (answer instanceof OlderLeft left) {
            // Before the change they were ended, and this is all that was sent since.
            boolean nothingOlder = state.sends == 1 && !state.subject.continued;
            return nothingOlder && left.proven ? new Next(state, new Promote(left.refusal)) : end(state, left.stop);
        }
        if (answer instanceof Proven proven) {
            return new Next(state, new Promote(proven.refusal));
        }
        if (answer instanceof Unproven unproven) {
            Subject subject = state.subject;
            return subject.former && state.marked && !subject.reapplies && !subject.revokes
                    ? new Next(state, new AskRule(unproven.stop))
                    : end(state, unproven.stop);
        }
        if (answer instanceof Asked asked) {
            boolean gone = switch (asked.rule) {
                case CLEARTEXT, NOT_ASKED, ANOTHER_MECHANISM, REFUSED -> true;
                // Another salt than ours is a standby that lags, or a failover.
                case SCRAM -> asked.ours;
                case MD5, UNKNOWN -> false;
            };
            return gone && time ? new Next(state, new PutBack(asked.reason)) : end(state, asked.reason);
        }
        if (answer instanceof PutBackEnded ended) {
            return ended.applied ? new Next(state, new ProveFormer(ended.reason)) : end(state, ended.reason);
        }
        Former former = (Former) answer;
        return end(former.proven ? state.with(Reached.PUT_BACK) : state, former.reason);
    }

    private static Next end(State state, Stop stop) {
        return new Next(state, new End(stop));
    }

    private static final Stop ELSEWHERE = Stop.definite(
            Step.APPLY, "role_already_managed", "Another rotation or installation put its marker on the role.");

    /** A newer claim was quicker, or somebody removed or wrote a marker while we looked away: the next preflight sorts it out. */
    private static final Stop MOVED = Stop.passing(
            Step.APPLY,
            "marker_moved",
            "The marker in the role's comment was removed or replaced between the look at the role and the change:"
                    + " somebody else works on the role. Nothing was changed by this try.");

    // ---- The end --------------------------------------------------------------------------------------------------

    /** What becomes of an attempt that has not come to its end, and of its version. */
    enum Ending {
        /** The version is given up, and with it the attempt. */
        REJECTED,
        /** There was no version yet, and none is made by trying again. */
        FAILED,
        /** It is tried again, with the same version. */
        PARKED
    }

    /** @param unfinished whether a version of this attempt waits for its proof */
    static Ending ending(boolean unfinished, Reached reached, Stop stop, Cause cause) {
        boolean over = stop.definite() || cause.awaited();
        if (unfinished) {
            return reached == Reached.PUT_BACK || reached == Reached.UNTOUCHED && !stop.notThePassword() && over
                    ? Ending.REJECTED
                    : Ending.PARKED;
        }
        return !cause.reapplies() && cause != Cause.REVOKE && over ? Ending.FAILED : Ending.PARKED;
    }
}
