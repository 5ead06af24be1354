package io.rolewright.store;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One step of the schema: a file {@code db/V<version>__<sentence>.sql}, run once per store and never changed afterwards.
 *
 * @param version positive; the order of the steps
 * @param sentence the rest of the file name, with spaces
 * @param sql one or more statements; they run in one transaction, so none that refuses to (CREATE INDEX CONCURRENTLY)
 * @param checksum SHA-256 of the file in hex, line ends counted as LF
 */
record Migration(int version, String sentence, String sql, String checksum) {

    /** Names every file, one per line: an executable cannot list a folder of its class path, and a jar only slowly. */
    static final String INDEX = "db/migrations.txt";

    private static final Pattern FILE = Pattern.compile("V([1-9][0-9]{0,5})__([A-Za-z0-9_]+)\\.sql");

    /** All migrations of this build, in order. */
    static List<Migration> all() {
        List<Migration> all = read(INDEX)
                .lines()
                .filter(line -> !line.isBlank() && !line.startsWith("#"))
                .map(file -> of(file, read("db/" + file)))
                .sorted(Comparator.comparingInt(Migration::version))
                .toList();
        for (int i = 1; i < all.size(); i++) {
            if (all.get(i).version == all.get(i - 1).version) {
                throw new IllegalStateException("two migrations have version " + all.get(i).version);
            }
        }
        return all;
    }

    static Migration of(String file, String content) {
        Matcher name = FILE.matcher(file);
        if (!name.matches()) {
            throw new IllegalStateException("not a migration's name: " + file);
        }
        String sql = content.replace("\r\n", "\n");
        return new Migration(Integer.parseInt(name.group(1)), name.group(2).replace('_', ' '), sql, sha256(sql));
    }

    @Override
    public String toString() {
        return "V" + version + " (" + sentence + ")";
    }

    static String read(String resource) {
        try (InputStream in = Migration.class.getClassLoader().getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("missing in this build: " + resource);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String sha256(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has it
        }
    }
}
