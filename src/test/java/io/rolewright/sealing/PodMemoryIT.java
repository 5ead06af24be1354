package io.rolewright.sealing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.rolewright.testing.Installation;
import io.rolewright.testing.ServiceProcess;
import io.rolewright.testing.TestPostgres;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** What a thief finds in the memory of a running service whose root key is in a file. */
class PodMemoryIT {

    @Test
    void dataKeysAreInMemoryAndTheRootKeyIsNot() throws Exception {
        assumeFalse(ServiceProcess.isNative(), "an executable makes no heap dump: see below");
        try (var installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST))) {
            var service = installation.start();
            var dump = Files.createTempDirectory(Path.of("target"), "heap")
                    .resolve("service.hprof")
                    .toAbsolutePath();
            // Of live objects only: it collects the garbage first.
            var jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
            var made = new ProcessBuilder(jcmd, Long.toString(service.pid()), "GC.heap_dump", dump.toString())
                    .redirectErrorStream(true)
                    .start();
            var said = new String(made.getInputStream().readAllBytes());
            assertThat(made.waitFor()).as(said).isZero();

            var line = Files.readString(installation.rootKeyFile()).strip();
            byte[] rootKey = Base64.getDecoder().decode(line.substring(line.indexOf(':') + 1));
            var row = installation
                    .sql("SELECT id, root_key_id, wrapped FROM data_key")
                    .get(0);
            byte[] dataKey = RootKeyFile.read(installation.rootKeyFile())
                    .unwrap(
                            row.getInteger(0),
                            row.getString(1),
                            row.getBuffer(2).getBytes())
                    .orElseThrow();

            assertThat(occurs(dump, dataKey))
                    .as("data key: the search finds what is there")
                    .isTrue();
            assertThat(occurs(dump, rootKey)).as("root key").isFalse();
            assertThat(occurs(dump, line.substring(line.indexOf(':') + 1).getBytes()))
                    .as("root key, base64")
                    .isFalse();
            Files.delete(dump);
        }
    }

    /** GraalVM's executables may answer SIGUSR1 with a heap dump in their working directory, where all that is in memory could be read. */
    @Test
    void aSignalPrintsTheThreadsAndNoneWritesTheHeap() throws Exception {
        try (var installation = Installation.on(TestPostgres.shared(TestPostgres.NEWEST))) {
            var service = installation.start();

            service.signal("QUIT");

            Awaitility.await()
                    .atMost(Duration.ofSeconds(20))
                    .untilAsserted(() -> assertThat(service.log()).contains("\"vert.x-eventloop-thread-0\" "));
            assertThat(service.ready()).isTrue();

            service.signal("USR1");

            // POSIX' default for it, which means that nobody handles it.
            Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> !service.isAlive());
            try (var files = Files.list(Path.of(""))) {
                assertThat(files).noneMatch(file -> file.toString().endsWith(".hprof"));
            }
        }
    }

    private static boolean occurs(Path file, byte[] wanted) throws IOException {
        try (var channel = FileChannel.open(file)) {
            MappedByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
            byte[] there = new byte[wanted.length];
            for (int i = 0; i <= bytes.limit() - wanted.length; i++) {
                if (bytes.get(i) == wanted[0] && bytes.get(i + 1) == wanted[1]) {
                    bytes.get(i, there);
                    if (Arrays.equals(there, wanted)) {
                        return true;
                    }
                }
            }
            return false;
        }
    }
}
