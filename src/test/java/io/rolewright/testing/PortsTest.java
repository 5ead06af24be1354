package io.rolewright.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No two servers of tests are given the same port, in whichever process of whichever checkout they are. */
class PortsTest {

    /** A socket that is opened only to learn which port the kernel gives to it. */
    private static final Pattern LOOK = Pattern.compile(
            "\\(\\s*(?:var|ServerSocket) (\\w+) = new ServerSocket\\(0[^{]*\\{\\s*(?:return |[\\w ]+ = |System\\.setProperty\\()[^;{}]*\\1\\.getLocalPort\\(\\)[^;{}]*;\\s*\\}");

    @TempDir
    Path marks;

    @Test
    void aPortIsGivenOnceAndIsNoneThatTheKernelGives() {
        List<Integer> ports = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            ports.add(Ports.free());
        }

        assertThat(ports).doesNotHaveDuplicates().allMatch(port -> port >= Ports.LOWEST && port <= Ports.HIGHEST);
    }

    @Test
    void whatAnotherProcessOfTestsHasIsPassedBy() throws IOException {
        int first = Ports.free();
        int second = Ports.free();
        mark(first, 1); // the first process of the machine, which lives

        assertThat(Ports.free(marks, oneAfterTheOther(first, second))).isEqualTo(second);
        assertThat(marks.resolve(Integer.toString(first))).hasContent("1");
    }

    @Test
    void whatADeadProcessHadIsFree() throws Exception {
        Process dead = new ProcessBuilder("true").start();
        assertThat(dead.waitFor(1, TimeUnit.MINUTES)).isTrue();
        int port = Ports.free();
        mark(port, dead.pid());

        assertThat(Ports.free(marks, oneAfterTheOther(port))).isEqualTo(port);
        assertThat(marks.resolve(Integer.toString(port)))
                .hasContent(Long.toString(ProcessHandle.current().pid()));
    }

    @Test
    void aMarkThatNobodyHasFinishedIsFree() throws IOException {
        int port = Ports.free();
        Files.createFile(marks.resolve(Integer.toString(port)));

        assertThat(Ports.free(marks, oneAfterTheOther(port))).isEqualTo(port);
    }

    @Test
    void whereSomebodyListensIsPassedBy() throws IOException {
        int first = Ports.free();
        int second = Ports.free();
        try (ServerSocket listener = new ServerSocket(first)) {
            assertThat(listener.isBound()).isTrue();
            assertThat(Ports.free(marks, oneAfterTheOther(first, second))).isEqualTo(second);
        }
    }

    @Test
    void scriptsMarkTheirPortsInTheSamePlace() throws Exception {
        Process script = new ProcessBuilder(
                        ".ci/free-port", Long.toString(ProcessHandle.current().pid()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        int port = Integer.parseInt(new String(script.getInputStream().readAllBytes()).strip());

        assertThat(script.waitFor()).isZero();
        assertThat(port).isBetween(Ports.LOWEST, Ports.HIGHEST);
        assertThat(Ports.MARKS.resolve(Integer.toString(port)))
                .hasContent(Long.toString(ProcessHandle.current().pid()));
    }

    @Test
    void noTestAsksTheKernelForAPortItself() throws IOException {
        try (Stream<Path> sources = Files.walk(Path.of("src/test/java"))) {
            List<Path> files =
                    sources.filter(file -> file.toString().endsWith(".java")).toList();
            assertThat(files).hasSizeGreaterThan(100);
            for (Path file : files) {
                assertThat(LOOK.matcher(Files.readString(file)).find())
                        .as(file + " wants Ports.free()")
                        .isFalse();
            }
        }
        assertThat(LOOK.matcher("try (ServerSocket s = new ServerSocket(0)) {\n    return s.getLocalPort();\n}")
                        .find())
                .isTrue();
        assertThat(LOOK.matcher("int p;\ntry (var s = new ServerSocket(0, 1, HERE)) {\n    p = s.getLocalPort();\n}")
                        .find())
                .isTrue();
    }

    private void mark(int port, long process) throws IOException {
        Files.writeString(marks.resolve(Integer.toString(port)), Long.toString(process));
    }

    private static IntSupplier oneAfterTheOther(int... ports) {
        var left = new ArrayList<>(Arrays.stream(ports).boxed().toList());
        return () -> left.remove(0);
    }
}
