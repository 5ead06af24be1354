package io.rolewright.proof;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.testing.ServiceProcess.Answer;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TcpProxy.Fate;
import io.rolewright.testing.TestPostgres;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The target or the store goes away at the step of a change where it hurts most. */
class InterruptedChangeIT extends ChangeProof {

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theReplyToCommitIsLost(Kind kind) {
        Subject subject = subject(kind);
        subject.settles(service);
        long before = subject.version(service);
        TcpProxy.Sighting lost = scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> Fate.CUT);

        Answer answer = subject.change(service).join();

        assertThat(lost.times()).isEqualTo(1);
        // It sends the same secret again at once, so most doubts end inside the request.
        answer.expect(200);
        subject.assertSettled(service);
        assertThat(subject.version(service)).isEqualTo(before + 1);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theStoreStopsBetweenApplyAndPromote(Kind kind) {
        Answer answer = stopsBeforeTheReplyToCommit(kind, scene.store, Fate.PASS);

        assertThat(answer.status()).as(answer.text()).isIn(503, 504);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theTargetStopsBetweenApplyAndVerify(Kind kind) {
        stopsBeforeTheReplyToCommit(kind, scene.target, Fate.CUT);
    }

    /** And when the server is there again, the change is found to be done, once. */
    private Answer stopsBeforeTheReplyToCommit(Kind kind, TestPostgres stopping, Fate ofTheReply) {
        Subject subject = subject(kind);
        subject.settles(service);
        long before = subject.version(service);
        TcpProxy.Sighting stopped = scene.toTarget.before(TcpProxy.reply("COMMIT"), () -> {
            stopping.server().kill();
            return ofTheReply;
        });

        Answer answer = subject.change(service).join();

        assertThat(stopped.times()).isEqualTo(1);
        stopping.server().start();
        subject.settles(service);
        assertThat(subject.version(service)).isEqualTo(before + 1);
        return answer;
    }
}
