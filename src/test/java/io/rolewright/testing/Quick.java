package io.rolewright.testing;

import static java.util.stream.Collectors.joining;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.FieldVisitor;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * What {@code ./quick} runs: compiles what changed since it last ran, in this process, and then runs the named tests, those of Quarkus
 * in a process of their own. It takes the place of Maven for the moment between two edits and proves nothing to others: formatting,
 * error-prone and the build that ships are CI's.
 *
 * <p>A changed file is compiled alone. If what others could see of it changed (signatures, constants), everything is compiled.
 */
public final class Quick {

    private static final Path TARGET = Path.of("target");
    private static final Path STAMP = TARGET.resolve("quick/compiled");
    private static final List<String> FOLDERS = List.of("main", "test");

    private Quick() {}

    /**
     * @param arguments names of test classes, simple or full, each with {@code #method} behind it where only that is wanted
     */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("--run")) {
            System.exit(run(
                    List.of(arguments).subList(1, arguments.length),
                    Thread.currentThread().getContextClassLoader()));
        }
        if (!compiled()) {
            System.exit(1);
        }
        List<String> plain = new ArrayList<>();
        List<String> quarkus = new ArrayList<>();
        ClassLoader loader = classes();
        for (String test : arguments) {
            String name = fullName(test);
            (needsQuarkus(Class.forName(name.replaceAll("#.*", ""), false, loader)) ? quarkus : plain).add(name);
        }
        int failed = 0;
        if (!plain.isEmpty()) {
            // The interceptor loads every test class and looks whether Quarkus is wanted.
            System.setProperty("junit.platform.launcher.interceptors.enabled", "false");
            Thread.currentThread().setContextClassLoader(loader);
            failed |= run(plain, loader);
        }
        if (!quarkus.isEmpty()) {
            failed |= fork(quarkus);
        }
        System.exit(failed);
    }

    // ---- Compiling
    // ---------------------------------------------------------------------------------------------------------------

    private static boolean compiled() throws IOException {
        FileTime begun = FileTime.from(Instant.now());
        FileTime before = Files.exists(STAMP) ? Files.getLastModifiedTime(STAMP) : FileTime.fromMillis(0);
        boolean all = removedGone() || !Files.exists(STAMP);
        Files.deleteIfExists(STAMP);
        copyResources(before);
        List<Path> changed = new ArrayList<>();
        for (String folder : FOLDERS) {
            changed.addAll(sources(folder, all ? path -> true : path -> newer(path, before)));
        }
        if (!changed.isEmpty()) {
            Map<Path, List<String>> seen = all ? Map.of() : visible(changed);
            if (!javac(changed)) {
                return false;
            }
            if (!all && !seen.equals(visible(changed))) {
                System.out.println("Signatures changed: everything is compiled");
                List<Path> every = new ArrayList<>();
                for (String folder : FOLDERS) {
                    every.addAll(sources(folder, path -> true));
                }
                if (!javac(every)) {
                    return false;
                }
            }
        }
        Files.createFile(STAMP);
        Files.setLastModifiedTime(STAMP, begun);
        return true;
    }

    private static boolean javac(List<Path> sources) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            String libraries = System.getProperty("java.class.path");
            for (String folder : FOLDERS) {
                List<Path> mine = sources.stream()
                        .filter(path -> path.startsWith(Path.of("src", folder)))
                        .toList();
                if (mine.isEmpty()) {
                    continue;
                }
                String path = String.join(
                        File.pathSeparator,
                        output("test").toString(),
                        output("main").toString(),
                        libraries);
                List<String> options = List.of(
                        "-d",
                        output(folder).toString(),
                        "-cp",
                        path,
                        "--release",
                        "17",
                        "-g",
                        "-parameters",
                        "-proc:none",
                        "-nowarn",
                        "-XDsuppressNotes");
                var task = compiler.getTask(
                        new PrintWriter(System.out, true, StandardCharsets.UTF_8),
                        files,
                        null,
                        options,
                        null,
                        files.getJavaFileObjectsFromPaths(mine));
                if (!task.call()) {
                    return false;
                }
            }
            return true;
        }
    }

    /** What other classes can see of the classes that these files were compiled to, by file. */
    private static Map<Path, List<String>> visible(List<Path> sources) throws IOException {
        Map<Path, List<String>> found = new TreeMap<>();
        for (Path source : sources) {
            String folder = source.getName(1).toString();
            Path relative = Path.of("src", folder, "java").relativize(source);
            String name = relative.getFileName().toString().replace(".java", "");
            Path at = output(folder).resolve(relative).getParent();
            if (!Files.isDirectory(at)) {
                continue;
            }
            try (Stream<Path> files = Files.list(at)) {
                for (Path file : files.sorted().toList()) {
                    if (file.getFileName().toString().matches(Pattern.quote(name) + "(\\$[^0-9].*)?\\.class")) {
                        found.put(file, signatures(Files.readAllBytes(file)));
                    }
                }
            }
        }
        return found;
    }

    private static List<String> signatures(byte[] bytes) {
        List<String> lines = new ArrayList<>();
        new ClassReader(bytes)
                .accept(
                        new ClassVisitor(Opcodes.ASM9) {
                            @Override
                            public void visit(
                                    int version,
                                    int access,
                                    String name,
                                    String signature,
                                    String parent,
                                    String[] types) {
                                lines.add(access + " " + name + " " + signature + " " + parent + " " + List.of(types));
                            }

                            @Override
                            public void visitInnerClass(String name, String outer, String inner, int access) {
                                lines.add(access + " " + name);
                            }

                            @Override
                            public void visitPermittedSubclass(String name) {
                                lines.add("permits " + name);
                            }

                            @Override
                            public FieldVisitor visitField(
                                    int access, String name, String type, String signature, Object value) {
                                add(access, name + " " + type + " " + signature + " " + value);
                                return null;
                            }

                            @Override
                            public MethodVisitor visitMethod(
                                    int access, String name, String type, String signature, String[] exceptions) {
                                add(access, name + type + signature + (exceptions == null ? "" : List.of(exceptions)));
                                return null;
                            }

                            private void add(int access, String what) {
                                if ((access & (Opcodes.ACC_SYNTHETIC | Opcodes.ACC_PRIVATE)) == 0) {
                                    lines.add(access + " " + what);
                                }
                            }
                        },
                        ClassReader.SKIP_CODE | ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
        lines.sort(null);
        return lines;
    }

    /** Removes the classes whose source is gone; true if there were any. */
    private static boolean removedGone() throws IOException {
        boolean any = false;
        for (String folder : FOLDERS) {
            for (Path file : walk(output(folder), path -> path.toString().endsWith(".class"))) {
                String name = output(folder).relativize(file).toString().replaceAll("(\\$.*)?\\.class$", ".java");
                if (!Files.exists(Path.of("src", folder, "java").resolve(name))) {
                    Files.delete(file);
                    any = true;
                }
            }
        }
        return any;
    }

    private static void copyResources(FileTime since) throws IOException {
        for (String folder : FOLDERS) {
            Path from = Path.of("src", folder, "resources");
            for (Path file : walk(from, path -> newer(path, since))) {
                Path to = output(folder).resolve(from.relativize(file));
                Files.createDirectories(to.getParent());
                Files.copy(file, to, StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private static List<Path> sources(String folder, Predicate<Path> which) throws IOException {
        return walk(Path.of("src", folder, "java"), path -> path.toString().endsWith(".java") && which.test(path));
    }

    private static List<Path> walk(Path folder, Predicate<Path> which) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).filter(which).toList();
        }
    }

    private static boolean newer(Path file, FileTime than) {
        try {
            return Files.getLastModifiedTime(file).compareTo(than) >= 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path output(String folder) {
        return TARGET.resolve(folder.equals("main") ? "classes" : "test-classes");
    }

    // ---- Running
    // -----------------------------------------------------------------------------------------------------------------

    private static int run(List<String> tests, ClassLoader loader) throws ClassNotFoundException {
        List<DiscoverySelector> selectors = new ArrayList<>();
        for (String test : tests) {
            String[] parts = test.split("#", 2);
            Class<?> type = Class.forName(parts[0], false, loader);
            if (parts.length == 1) {
                selectors.add(
                        DiscoverySelectors.selectClass(parts[0])); // by name: Quarkus loads it with a loader of its own
                continue;
            }
            for (var method : type.getDeclaredMethods()) {
                if (method.getName().equals(parts[1]) && !method.isSynthetic()) {
                    String parameters = Stream.of(method.getParameterTypes())
                            .map(Class::getName)
                            .collect(joining(","));
                    selectors.add(DiscoverySelectors.selectMethod(parts[0], parts[1], parameters));
                }
            }
        }
        LauncherDiscoveryRequest request =
                LauncherDiscoveryRequestBuilder.request().selectors(selectors).build();
        SummaryGeneratingListener listener = new SummaryGeneratingListener();
        Launcher launcher = LauncherFactory.create(LauncherConfig.builder().build());
        launcher.execute(request, listener);
        var summary = listener.getSummary();
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        summary.printFailuresTo(out, 15);
        out.printf(
                Locale.ROOT,
                "%d tests: %d passed, %d failed, %d skipped%n",
                summary.getTestsFoundCount(),
                summary.getTestsSucceededCount(),
                summary.getTotalFailureCount(),
                summary.getTestsSkippedCount());
        return summary.getTotalFailureCount() > 0 || summary.getTestsSucceededCount() == 0 ? 1 : 0;
    }

    private static int fork(List<String> tests) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:ReservedCodeCacheSize=128m"));
        for (String name : List.of("java.util.logging.manager", "maven.home", "postgres.tested")) {
            command.add("-D" + name + "=" + System.getProperty(name));
        }
        // The application's class path as the Maven plugin of Quarkus wrote it down; without it Quarkus asks Maven
        // again.
        command.add("-Dquarkus-internal-test.serialized-app-model.path="
                + TARGET.resolve("quarkus/bootstrap/test-app-model.dat").toAbsolutePath());
        command.add("-Dquarkus.log.console.level=WARN");
        command.addAll(List.of(
                "-cp",
                String.join(
                        File.pathSeparator,
                        output("test").toString(),
                        output("main").toString(),
                        System.getProperty("java.class.path")),
                Quick.class.getName(),
                "--run"));
        command.addAll(tests);
        return new ProcessBuilder(command).inheritIO().start().waitFor() == 0 ? 0 : 1;
    }

    private static ClassLoader classes() throws MalformedURLException {
        URL[] folders = {output("test").toUri().toURL(), output("main").toUri().toURL()};
        return new URLClassLoader(folders, Quick.class.getClassLoader());
    }

    private static String fullName(String test) throws IOException {
        String file = test.replaceAll("#.*", "").replaceAll(".*\\.", "") + ".java";
        List<Path> found = sources(
                "test",
                path -> path.getFileName().toString().equals(file)
                        && path.toString()
                                .replace(File.separatorChar, '.')
                                .endsWith("." + test.replaceAll("#.*", "") + ".java"));
        if (found.size() != 1) {
            throw new IllegalArgumentException(found.isEmpty() ? "There is no test " + test : "Which one? " + found);
        }
        String name =
                Path.of("src/test/java").relativize(found.get(0)).toString().replace(File.separatorChar, '.');
        return name.substring(0, name.length() - ".java".length())
                + (test.contains("#") ? test.substring(test.indexOf('#')) : "");
    }

    private static boolean needsQuarkus(Class<?> test) {
        for (Class<?> type = test; type != null; type = type.getSuperclass()) {
            if (Stream.of(type.getAnnotations())
                    .anyMatch(a -> a.annotationType().getName().startsWith("io.quarkus.test"))) {
                return true;
            }
        }
        return false;
    }
}
