package io.rolewright.testing;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntSupplier;

/**
 * TCP ports for servers that are started by a test, or by the program it tests, and perhaps stopped and started again.
 *
 * <p>Below the range from which the kernel gives ports to outgoing connections (from 32768 on Linux): such a one would be taken
 * between this answer and the start of the server, or while it is down. And not one that a test was given before, of this checkout
 * or another on the machine: a file named like the port holds the id of the process that has it, for as long as that lives.
 * {@code .ci/free-port} does the same for scripts.
 */
public final class Ports {

    static final int LOWEST = 10_000;
    static final int HIGHEST = 31_999;

    /** Where scripts look as well; {@code java.io.tmpdir} does not follow TMPDIR. */
    static final Path MARKS = Path.of(
            System.getenv().getOrDefault("TMPDIR", "/tmp"), "rolewright-ports-" + System.getProperty("user.name"));

    private Ports() {}

    /** @return a port that nobody listens on, of this process until it ends */
    public static int free() {
        return free(MARKS, () -> ThreadLocalRandom.current().nextInt(LOWEST, HIGHEST + 1));
    }

    static int free(Path marks, IntSupplier some) {
        for (int tries = 0; tries < 1000; tries++) {
            int port = some.getAsInt();
            // While it is bound here, nobody else is at its mark.
            try (ServerSocket bound = new ServerSocket(port)) {
                Path mark = Files.createDirectories(marks).resolve(Integer.toString(port));
                if (!isTaken(mark)) {
                    Files.writeString(
                            mark, Long.toString(ProcessHandle.current().pid()));
                    mark.toFile().deleteOnExit();
                    return bound.getLocalPort();
                }
            } catch (IOException taken) {
                // Another one, then.
            }
        }
        throw new IllegalStateException("no free port; " + marks + " says which are taken");
    }

    /** Whether the process that has it lives. One that was killed leaves its mark behind. */
    private static boolean isTaken(Path mark) throws IOException {
        try {
            return ProcessHandle.of(Long.parseLong(Files.readString(mark).strip()))
                    .filter(ProcessHandle::isAlive)
                    .isPresent();
        } catch (NoSuchFileException | NumberFormatException nobodys) {
            return false;
        }
    }
}
