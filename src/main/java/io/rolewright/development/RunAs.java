package io.rolewright.development;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Under whose name PostgreSQL runs. It refuses to run as root, so for root there are two ways: a user namespace of its own,
 * in which it is nobody in particular while its files stay root's; and, where the kernel or the container forbids that, an
 * unprivileged user, who then owns the files.
 */
final class RunAs {

    private static final List<String> UNPRIVILEGED = List.of("postgres", "nobody");

    private static RunAs chosen;

    private final List<String> prefix;
    private final Optional<String> owner;

    private RunAs(List<String> prefix, Optional<String> owner) {
        this.prefix = prefix;
        this.owner = owner;
    }

    /** @throws IllegalStateException we are root and have no way to be someone else */
    static synchronized RunAs find() {
        if (chosen == null) {
            chosen = choose();
        }
        return chosen;
    }

    List<String> command(String... command) {
        List<String> all = new ArrayList<>(prefix);
        all.addAll(List.of(command));
        return all;
    }

    /** Lets the user PostgreSQL runs as go through a folder of ours to what is theirs in it; nobody can list it. */
    void letPass(Path folder) throws IOException {
        if (owner.isPresent()) {
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
        }
    }

    /** Hands the file or folder over to the user PostgreSQL runs as, where that is another one than ours. */
    void handOver(Path path) throws IOException {
        if (owner.isPresent()) {
            var user = path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(owner.get());
            Files.setOwner(path, user);
        }
    }

    /**
     * Checks that the other user can reach the folder at all.
     *
     * @throws IllegalStateException a folder on the way may be entered by its owner only
     */
    void checkReachable(Path folder) throws IOException {
        if (owner.isEmpty()) {
            return;
        }
        for (Path above = folder.toAbsolutePath().getParent(); above != null; above = above.getParent()) {
            if (!Files.getPosixFilePermissions(above).contains(PosixFilePermission.OTHERS_EXECUTE)) {
                throw new IllegalStateException("PostgreSQL does not run as root, and the user " + owner.get()
                        + " may not enter " + above + ". Run this as an ordinary user or from another folder.");
            }
        }
    }

    private static RunAs choose() {
        if (!"root".equals(System.getProperty("user.name"))) {
            return new RunAs(List.of(), Optional.empty());
        }
        RunAs namespace = new RunAs(List.of("unshare", "-U"), Optional.empty());
        if (!Boolean.getBoolean("io.rolewright.development.no-user-namespace") && namespace.works()) {
            return namespace;
        }
        return UNPRIVILEGED.stream()
                .flatMap(RunAs::ways)
                .filter(RunAs::works)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("PostgreSQL does not run as root, and neither a user"
                        + " namespace (unshare -U) nor another user (setpriv, runuser, su) can be had here. Run this"
                        + " as an ordinary user."));
    }

    private static Stream<RunAs> ways(String user) {
        return Stream.of(
                new RunAs(
                        List.of("setpriv", "--reuid=" + user, "--regid=" + groupOf(user), "--clear-groups"),
                        Optional.of(user)),
                new RunAs(List.of("runuser", "-u", user, "--"), Optional.of(user)),
                // su takes one string: "$0" "$@" passes the words on as they are.
                new RunAs(List.of("su", user, "-s", "/bin/sh", "-c", "exec \"$0\" \"$@\"", "--"), Optional.of(user)));
    }

    private static String groupOf(String user) {
        try {
            return run(List.of("id", "-g", user)).orElse("65534").strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean works() {
        try {
            return run(command("true")).isPresent();
        } catch (IOException missing) {
            return false;
        }
    }

    private static Optional<String> run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (var output = process.getInputStream()) {
            String text = new String(output.readAllBytes());
            return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0
                    ? Optional.of(text)
                    : Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
