package io.rolewright.proof;

import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TcpProxy;
import io.rolewright.testing.TestPostgres;
import java.time.Duration;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/** A scene with one replica for each test: what the proofs share in which something goes wrong around a change. */
@Tag("suite-crash")
abstract class ChangeProof {

    /** The statement that changes a password; the rehearsal has the same words and a ROLLBACK, a marking no password. */
    static final Predicate<TcpProxy.Message> APPLY = message -> message.request()
            && message.type() == 'Q'
            && message.sql().contains(" PASSWORD '")
            && message.sql().contains("COMMIT;");

    Scene scene;
    ServiceProcess service;
    /** As whom the service changes the roles of rotations. */
    String connection;

    @BeforeEach
    void start() {
        scene = new Scene();
        service = scene.installation.start();
        connection = scene.managingConnection(service);
    }

    @AfterEach
    void stop() {
        scene.close();
    }

    ServiceProcess startedWith(String name, String value) {
        service.stop();
        scene.installation.setting(name, value);
        return scene.installation.start();
    }

    RotationSubject rotation(boolean dual) {
        return RotationSubject.create(scene, service, connection, dual);
    }

    /** A rotation of two roles, of one, or a connection whose role changes its own password and carries no marker. */
    enum Kind {
        DUAL,
        SINGLE,
        MANAGED
    }

    Subject subject(Kind kind) {
        return switch (kind) {
            case DUAL -> rotation(true);
            case SINGLE -> rotation(false);
            case MANAGED -> ManagedSubject.create(scene, service);
        };
    }

    static void sleep(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    static String login(TestPostgres server, TestPostgres.Login login) {
        return server.login(login.role(), login.password());
    }
}
