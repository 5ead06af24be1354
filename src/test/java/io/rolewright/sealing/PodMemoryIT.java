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
import java.util.Arrays;
import java.util.Base64;
import org.junit.jupiter.api.Test;

/** What a thief finds in the memory of a running service whose root key is in a file. */
class PodMemoryIT {

    @Test
    void dataKeysAreInMemoryAndTheRootKeyIsNot() throws Exception {
        assumeFalse(ServiceProcess.isNative(), "an executable makes no heap dump");
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
