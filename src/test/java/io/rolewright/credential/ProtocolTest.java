package io.rolewright.credential;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.credential.Protocol.Answer;
import io.rolewright.credential.Protocol.Do;
import io.rolewright.credential.Protocol.Ending;
import io.rolewright.credential.Protocol.Next;
import io.rolewright.credential.Protocol.Reached;
import io.rolewright.credential.Protocol.State;
import io.rolewright.credential.Protocol.Subject;
import io.rolewright.target.PasswordRule;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Every order in which a server and a store can answer, of every kind of role: what the protocol does is tried against what the server may
 * hold by then, and the promises of {@code docs/architecture.md} are asked after each answer.
 */
class ProtocolTest {

    private static final Stop PASSING = Stop.passing(Step.APPLY, "network", "It may be over in a moment.");
    private static final Stop DEFINITE = Stop.definite(Step.VERIFY, "refused", "The same answer comes again.");
    private static final Stop FORBIDDEN = new Stop(Step.APPLY, "privilege_missing", "42501", "No.", true, List.of());

    /**
     * What is true outside of the run, as far as anybody can know.
     *
     * @param stored whether the store holds the version that is sent
     * @param hasNew whether the server may hold the new secret, or hold it later by a statement that is late
     * @param hasFormer whether it may hold the former one
     * @param late highest epoch of a statement whose answer is missing and that may still take effect; 0 for none
     * @param epoch of what is sent now
     * @param proven whether the server has signed for the new secret
     * @param looked whether the last look has found nothing in the way
     * @param asked whether the server was asked how it wants the password since the proof failed
     */
    private record World(
            boolean stored,
            boolean hasNew,
            boolean hasFormer,
            int late,
            int epoch,
            boolean looked,
            boolean proven,
            boolean asked) {

        World looked(boolean clear) {
            return new World(stored, hasNew, hasFormer, late, epoch, clear, proven, asked);
        }

        World written() {
            return new World(true, hasNew, hasFormer, late, epoch, looked, proven, asked);
        }

        World higher() {
            return new World(stored, hasNew, hasFormer, late, epoch + 1, looked, proven, asked);
        }

        /** With a marker, what was sent under a lower epoch is refused from now on. */
        World applied(boolean marked) {
            return new World(stored, true, false, marked ? 0 : late, epoch, looked, proven, asked);
        }

        World unknown() {
            return new World(stored, true, hasFormer, epoch, epoch, looked, proven, asked);
        }

        World olderEnded() {
            return new World(stored, hasNew, hasFormer, 0, epoch, looked, proven, asked);
        }

        World signed() {
            return new World(stored, hasNew, hasFormer, late, epoch, looked, true, asked);
        }

        World ruleAsked() {
            return new World(stored, hasNew, hasFormer, late, epoch, looked, proven, true);
        }

        World putBack() {
            return new World(stored, false, true, 0, epoch, looked, proven, asked);
        }

        World putBackUnknown() {
            return new World(stored, hasNew, true, late, epoch, looked, proven, asked);
        }
    }

    private record Told(Answer answer, World world) {}

    private record Node(State state, World world, Do act) {}

    private final Set<Node> seen = new HashSet<>();
    private final Set<Node> under = new HashSet<>();
    private final Set<Class<?>> acts = new HashSet<>();
    private final Set<Class<?>> answers = new HashSet<>();
    private final List<Do> path = new ArrayList<>();

    @Test
    void everyOrderOfAnswersKeepsThePromises() {
        for (boolean self : new boolean[] {false, true}) {
            for (boolean former : new boolean[] {false, true}) {
                for (boolean revokes : new boolean[] {false, true}) {
                    for (boolean marked : self ? new boolean[] {false} : new boolean[] {false, true}) {
                        // A new password; one that an earlier claim has left; the current one again.
                        begin(new Subject(self, false, false, revokes, former), marked, Reached.UNTOUCHED, false);
                        begin(new Subject(self, true, false, revokes, former), marked, Reached.UNTOUCHED, false);
                        begin(new Subject(self, true, false, revokes, former), marked, Reached.DOUBT, true);
                        begin(new Subject(self, true, false, revokes, former), marked, Reached.APPLIED, true);
                        if (former && !revokes) {
                            begin(new Subject(self, false, true, false, true), marked, Reached.UNTOUCHED, true);
                        }
                    }
                }
            }
        }
        assertThat(seen).as("orders that were tried").hasSizeGreaterThan(2000);
        assertThat(acts).containsExactlyInAnyOrder(Do.class.getPermittedSubclasses());
        assertThat(answers).containsExactlyInAnyOrder(Answer.class.getPermittedSubclasses());
    }

    /** @param stored whether there is a version already, which may have been sent */
    private void begin(Subject subject, boolean marked, Reached reached, boolean stored) {
        boolean doubt = reached != Reached.UNTOUCHED;
        World world = new World(stored, doubt, true, doubt ? 1 : 0, 2, false, false, false);
        Next first = Protocol.begin(State.before(subject, marked, reached));
        visit(new Node(first.state(), world, first.act()));
    }

    private void after(State state, Told told) {
        answers.add(told.answer.getClass());
        for (boolean time : new boolean[] {true, false}) {
            Next next = Protocol.next(state, told.answer, time);
            visit(new Node(next.state(), told.world, next.act()));
        }
    }

    private void visit(Node node) {
        acts.add(node.act.getClass());
        // I4: no order goes on for ever.
        assertThat(under.contains(node)).as("goes round: %s", path).isFalse();
        if (!seen.add(node)) {
            return;
        }
        under.add(node);
        path.add(node.act);
        check(node);
        for (Told told : answers(node)) {
            after(node.state, told);
        }
        path.remove(path.size() - 1);
        under.remove(node);
    }

    // ---- The promises ---------------------------------------------------------------------------------------------

    private void check(Node node) {
        State state = node.state;
        World world = node.world;
        if (!state.subject().reapplies()) {
            // I4: what the server may have is never taken for nothing.
            assertThat(state.reached() == Reached.UNTOUCHED && world.hasNew)
                    .as("forgets what was sent: %s", path)
                    .isFalse();
        }
        if (node.act instanceof Protocol.Mark
                || node.act instanceof Protocol.Write
                || node.act instanceof Protocol.Send) {
            // I8: nothing is written, here or there, before everything was looked at.
            assertThat(world.looked).as("writes unseen: %s", path).isTrue();
        }
        if (node.act instanceof Protocol.Send) {
            // I1: nothing is sent that the store does not hold. I3: what may be late has a lower epoch.
            assertThat(world.stored && state.written())
                    .as("sends what is not written: %s", path)
                    .isTrue();
            assertThat(world.late).as("one epoch for two sends: %s", path).isLessThan(world.epoch);
            assertThat(state.sends()).isLessThanOrEqualTo(Protocol.MOST_SENDS);
        }
        if (node.act instanceof Protocol.Promote) {
            // I2: published is proven.
            assertThat(world.proven).as("promotes without a proof: %s", path).isTrue();
        }
        if (node.act instanceof Protocol.PutBack) {
            // I8: nothing is undone before the server was asked, and only where there is something to put back to,
            // fenced.
            assertThat(world.asked && state.marked() && state.subject().former())
                    .as("puts back: %s", path)
                    .isTrue();
            assertThat(state.reached()).isEqualTo(Reached.APPLIED);
        }
        if (node.act instanceof Protocol.End end) {
            ends(state, world, end.stop());
        }
    }

    private void ends(State state, World world, Stop stop) {
        Subject subject = state.subject();
        boolean unfinished = world.stored && !subject.reapplies();
        Stream<Cause> causes = subject.reapplies()
                ? Stream.of(Cause.REASSERT, Cause.TARGET_WENT_BACK)
                : subject.revokes() ? Stream.of(Cause.REVOKE) : Stream.of(Cause.SCHEDULE, Cause.MANUAL, Cause.CREATION);
        causes.forEach(cause -> {
            Ending ending = Protocol.ending(unfinished, state.reached(), stop, cause);
            if (ending != Ending.PARKED && !subject.reapplies()) {
                // I1: a version is given up only where the server does not have it, nor gets it any more.
                assertThat(world.hasNew)
                        .as("gives up what the server may hold: %s", path)
                        .isFalse();
            }
            if (subject.reapplies()) {
                assertThat(ending).isEqualTo(Ending.PARKED);
            }
            if (world.hasNew && unfinished) {
                // I4: the doubt shows.
                assertThat(state.reached()).isIn(Reached.DOUBT, Reached.APPLIED);
            }
        });
    }

    // ---- What can be answered -------------------------------------------------------------------------------------

    private static List<Told> answers(Node node) {
        World world = node.world;
        Do act = node.act;
        if (act instanceof Protocol.Mark) {
            World next = world.higher();
            return List.of(
                    new Told(new Protocol.Marked(), next),
                    new Told(new Protocol.MarkNotSent(PASSING), next),
                    new Told(new Protocol.MarkRefused(DEFINITE, false), next),
                    new Told(new Protocol.MarkRefused(FORBIDDEN, true), next),
                    new Told(new Protocol.MarkUnknown(), next));
        }
        if (act instanceof Protocol.Look || act instanceof Protocol.LookAgain) {
            return List.of(
                    new Told(new Protocol.Clear(true), world.looked(true)),
                    new Told(new Protocol.Clear(false), world.looked(true)),
                    new Told(new Protocol.InTheWay(PASSING), world.looked(false)),
                    new Told(new Protocol.InTheWay(DEFINITE), world.looked(false)));
        }
        if (act instanceof Protocol.NoteNoMarker) {
            return List.of(new Told(new Protocol.NoMarkerNoted(), world));
        }
        if (act instanceof Protocol.Write) {
            return List.of(new Told(new Protocol.Written(), world.written()));
        }
        if (act instanceof Protocol.Send) {
            return List.of(
                    new Told(new Protocol.Applied(), world.applied(node.state.marked())),
                    new Told(new Protocol.SendUnknown(PASSING), world.unknown()),
                    new Told(new Protocol.NotSent(PASSING, false), world),
                    new Told(new Protocol.NotSent(DEFINITE, true), world),
                    new Told(new Protocol.Refused(PASSING, true, false), world),
                    new Told(new Protocol.Refused(DEFINITE, false, false), world),
                    new Told(new Protocol.Refused(FORBIDDEN, false, true), world),
                    new Told(new Protocol.Elsewhere(), world),
                    new Told(new Protocol.Moved(), world));
        }
        if (act instanceof Protocol.Wait) {
            return List.of(new Told(new Protocol.Waited(), world));
        }
        if (act instanceof Protocol.NoteDoubt doubt) {
            return List.of(new Told(new Protocol.DoubtNoted(doubt.stop()), world.higher()));
        }
        if (act instanceof Protocol.EndOlder) {
            List<Told> told = new ArrayList<>(List.of(
                    new Told(new Protocol.OlderEnded(), world.olderEnded()),
                    new Told(new Protocol.OlderLeft(PASSING, false, null), world)));
            if (world.hasNew) {
                told.add(new Told(new Protocol.OlderLeft(DEFINITE, true, DEFINITE), world.signed()));
            }
            return told;
        }
        if (act instanceof Protocol.Prove) {
            List<Told> told = new ArrayList<>(List.of(
                    new Told(new Protocol.Unproven(PASSING), world), new Told(new Protocol.Unproven(DEFINITE), world)));
            if (world.hasNew) {
                told.add(new Told(new Protocol.Proven(null), world.signed()));
                told.add(new Told(new Protocol.Proven(DEFINITE), world.signed()));
            }
            return told;
        }
        if (act instanceof Protocol.AskRule ask) {
            List<Told> told = new ArrayList<>();
            for (PasswordRule rule : PasswordRule.values()) {
                told.add(new Told(new Protocol.Asked(rule, false, ask.reason()), world.ruleAsked()));
                if (world.hasNew) {
                    told.add(new Told(new Protocol.Asked(rule, true, ask.reason()), world.ruleAsked()));
                }
            }
            return told;
        }
        if (act instanceof Protocol.PutBack back) {
            World next = world.higher();
            return List.of(
                    new Told(new Protocol.PutBackEnded(true, back.reason()), next.putBack()),
                    new Told(new Protocol.PutBackEnded(false, back.reason()), next.putBackUnknown()));
        }
        if (act instanceof Protocol.ProveFormer proof) {
            List<Told> told = new ArrayList<>(List.of(new Told(new Protocol.Former(false, proof.reason()), world)));
            if (world.hasFormer) {
                told.add(new Told(new Protocol.Former(true, proof.reason()), world));
            }
            return told;
        }
        return List.of(); // its end
    }

    // ---- Preflight ------------------------------------------------------------------------------------------------

    @Test
    void whoOnlyAsksIsToldWhatAChangeWouldEndWith() {
        State state = State.before(new Subject(false, false, false, false, true), true, Reached.UNTOUCHED);

        assertThat(Protocol.preflight(state, new Protocol.InTheWay(PASSING))).isEqualTo(PASSING);
        assertThat(Protocol.preflight(state, new Protocol.Clear(false))).isNull();
        assertThat(Protocol.preflight(state, new Protocol.Clear(true))).isNull();
    }

    // ---- The states of a version ----------------------------------------------------------------------------------

    @Test
    void versionsMoveAsTheTableSays() {
        List<String> moves = new ArrayList<>();
        for (VersionState from : VersionState.values()) {
            for (VersionState to : VersionState.values()) {
                if (from.leadsTo(to)) {
                    moves.add(from + " " + to);
                }
            }
        }
        assertThat(moves)
                .containsExactlyInAnyOrder(
                        "PENDING IN_DOUBT",
                        "PENDING APPLIED",
                        "IN_DOUBT APPLIED",
                        "APPLIED APPLIED",
                        "PENDING CURRENT",
                        "IN_DOUBT CURRENT",
                        "APPLIED CURRENT",
                        "PENDING REJECTED",
                        "IN_DOUBT REJECTED",
                        "APPLIED REJECTED",
                        "CURRENT PREVIOUS",
                        "PREVIOUS RETIRED");
    }
}
