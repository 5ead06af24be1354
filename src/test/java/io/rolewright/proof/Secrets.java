package io.rolewright.proof;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Strings that must be found nowhere, and the search for them: as they are, in UTF-16, in Base64, in hexadecimal digits and in
 * percent signs, in files of any kind and size.
 */
final class Secrets {

    /** What is compared first, as one number: no secret and no form of one is shorter. */
    private static final int WINDOW = 8;

    private record Form(String name, byte[] bytes) {}

    private final Map<String, String> names = new LinkedHashMap<>();
    private final Map<Long, List<Form>> forms = new HashMap<>();
    private final long[] filter = new long[1 << 14];

    /**
     * @param name what it is called when it is found
     * @return {@code secret}
     */
    synchronized String add(String name, String secret) {
        if (secret.length() < 12) {
            throw new IllegalArgumentException("too short to be recognised: " + name);
        }
        if (names.putIfAbsent(secret, name) == null) {
            byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
            form(name, bytes);
            form(name + " in UTF-16", secret.getBytes(StandardCharsets.UTF_16LE));
            form(name + " in Base64", withoutEnd(Base64.getEncoder().encode(bytes)));
            form(name + " in Base64 for URLs", withoutEnd(Base64.getUrlEncoder().encode(bytes)));
            form(name + " in hexadecimal", HexFormat.of().formatHex(bytes).getBytes(StandardCharsets.US_ASCII));
            form(
                    name + " in percent signs",
                    URLEncoder.encode(secret, StandardCharsets.UTF_8).getBytes(StandardCharsets.US_ASCII));
            // Escaped as in a string of JSON, Java or SQL.
            form(
                    name + " escaped",
                    secret.replace("\\", "\\\\").replace("\"", "\\\"").getBytes(StandardCharsets.UTF_8));
            form(name + " quoted", secret.replace("'", "''").getBytes(StandardCharsets.UTF_8));
        }
        return secret;
    }

    /** The last characters depend on what follows in a longer text. */
    private static byte[] withoutEnd(byte[] base64) {
        return Arrays.copyOf(base64, base64.length - 4);
    }

    private void form(String name, byte[] bytes) {
        long head = 0;
        for (int i = 0; i < WINDOW; i++) {
            head = head << 8 | bytes[i] & 0xff;
        }
        List<Form> sameHead = forms.computeIfAbsent(head, unused -> new ArrayList<>());
        if (sameHead.stream().anyMatch(known -> Arrays.equals(known.bytes, bytes))) {
            return;
        }
        sameHead.add(new Form(name, bytes));
        int hash = hash(head);
        filter[hash >>> 6] |= 1L << hash;
    }

    private static int hash(long window) {
        return (int) (window * 0x9E3779B97F4A7C15L >>> 44);
    }

    int count() {
        return names.size();
    }

    /** The names of the secrets in {@code text}; never the secrets themselves, since this is shown. */
    Set<String> in(String text) {
        return in(text.getBytes(StandardCharsets.UTF_8));
    }

    synchronized Set<String> in(byte[] bytes) {
        Set<String> found = new LinkedHashSet<>();
        long window = 0;
        for (int end = 0; end < bytes.length; end++) {
            window = window << 8 | bytes[end] & 0xff;
            int hash = hash(window);
            if ((filter[hash >>> 6] >>> hash & 1) != 0 && forms.containsKey(window)) {
                int start = end - WINDOW + 1;
                for (Form form : forms.get(window)) {
                    if (start >= 0 && startsWith(bytes, start, form.bytes)) {
                        found.add(form.name);
                    }
                }
            }
        }
        return found;
    }

    private static boolean startsWith(byte[] bytes, int at, byte[] form) {
        return at + form.length <= bytes.length && Arrays.equals(bytes, at, at + form.length, form, 0, form.length);
    }

    /** Every file below {@code folder} in which one is found, with the names of what is. Files that go away meanwhile do not count. */
    Map<Path, Set<String>> below(Path folder) {
        Map<Path, Set<String>> found = new LinkedHashMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Set<String> names = inFile(file);
                if (!names.isEmpty()) {
                    found.put(folder.relativize(file), names);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    private Set<String> inFile(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in(in.readAllBytes());
        } catch (java.nio.file.NoSuchFileException goneMeanwhile) {
            return Set.of();
        }
    }
}
