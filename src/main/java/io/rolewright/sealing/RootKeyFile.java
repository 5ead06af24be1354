package io.rolewright.sealing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.regex.Pattern;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * The mounted file with the root keys.
 *
 * <pre>
 * # made with: echo "2026-11:$(openssl rand -base64 32)"
 * 2026-11:&lt;32 bytes in base64&gt;
 * 2025-03:&lt;32 bytes in base64&gt;
 * </pre>
 *
 * <p>The first key wraps what is new, the others still open what is old. Empty lines and lines that start with {@code #}
 * are skipped, blanks around a line too.
 */
public final class RootKeyFile {

    /** Room for hundreds of keys; a larger file is the wrong file. */
    private static final int MOST_BYTES = 64 * 1024;

    private static final Pattern KEY_ID = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    private RootKeyFile() {}

    /**
     * Reads and checks the file. Blocks for as long as the file system takes.
     *
     * @throws Unusable if it is missing or malformed
     */
    public static RootKeys read(Path file) {
        // Of our own, so that no copy stays behind unwiped.
        byte[] content = new byte[MOST_BYTES + 1];
        try (var in = Files.newInputStream(file)) {
            return parse(file, content, in.readNBytes(content, 0, content.length));
        } catch (NoSuchFileException e) {
            throw new Unusable(file, "does not exist");
        } catch (AccessDeniedException e) {
            throw new Unusable(file, "may not be read by this process");
        } catch (IOException e) {
            throw new Unusable(file, "cannot be read");
        } finally {
            wipe(content);
        }
    }

    private static RootKeys parse(Path file, byte[] content, int length) {
        if (length > MOST_BYTES) {
            throw new Unusable(file, "is longer than 64 KiB and so not a root key file");
        }
        // Keeps the order of the file; only the first one's place matters.
        var keys = new LinkedHashMap<String, SecretKey>();
        int number = 0;
        for (int start = 0; start < length; ) {
            int end = start;
            while (end < length && content[end] != '\n') {
                end++;
            }
            number++;
            byte[] line = trimmed(content, start, end);
            try {
                if (line.length > 0 && line[0] != '#') {
                    add(keys, line, file, number);
                }
            } finally {
                wipe(line);
            }
            start = end + 1;
        }
        if (keys.isEmpty()) {
            throw new Unusable(file, "holds no key; it needs a line <key id>:<32 bytes in base64>");
        }
        return new RootKeys(keys.keySet().iterator().next(), keys);
    }

    private static void add(LinkedHashMap<String, SecretKey> keys, byte[] line, Path file, int number) {
        int colon = 0;
        while (colon < line.length && line[colon] != ':') {
            colon++;
        }
        if (colon == line.length) {
            throw new Unusable(file, number, "is not of the form <key id>:<32 bytes in base64>");
        }
        // Nothing of a malformed line is repeated in the message: it may be the key itself.
        String id = new String(line, 0, colon, StandardCharsets.ISO_8859_1);
        if (!KEY_ID.matcher(id).matches()) {
            throw new Unusable(file, number, "needs a key id of 1 to 64 letters, digits, dots, dashes or underscores");
        }
        byte[] encoded = Arrays.copyOfRange(line, colon + 1, line.length);
        byte[] key = null;
        try {
            key = Base64.getDecoder().decode(encoded);
            if (key.length != AesGcm.KEY_BYTES) {
                throw new Unusable(file, number, "holds a key of " + key.length + " bytes where 32 are needed");
            }
            if (keys.putIfAbsent(id, new SecretKeySpec(key, "AES")) != null) {
                throw new Unusable(file, number, "repeats the key id of an earlier line");
            }
        } catch (IllegalArgumentException e) {
            throw new Unusable(file, number, "holds a key that is not base64");
        } finally {
            wipe(encoded);
            wipe(key);
        }
    }

    private static byte[] trimmed(byte[] content, int from, int to) {
        int start = from;
        int end = to;
        while (start < end && content[start] <= ' ' && content[start] >= 0) {
            start++;
        }
        while (end > start && content[end - 1] <= ' ' && content[end - 1] >= 0) {
            end--;
        }
        return Arrays.copyOfRange(content, start, end);
    }

    private static void wipe(byte @Nullable [] secret) {
        if (secret != null) {
            Arrays.fill(secret, (byte) 0);
        }
    }

    /** The file cannot be used; the message is one sentence for the operator and shows nothing of a key. */
    public static final class Unusable extends RuntimeException {

        final String sentence;

        Unusable(Path file, String why) {
            this("The root key file %s %s.".formatted(file, why));
        }

        Unusable(Path file, int line, String why) {
            this("The root key file %s is malformed: line %d %s.".formatted(file, line, why));
        }

        private Unusable(String sentence) {
            super(sentence, null, false, false);
            this.sentence = sentence;
        }
    }
}
