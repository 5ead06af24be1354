package io.rolewright.request;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** The one coding that answers are compressed with: every client that accepts any accepts it, and Java brings it along. */
public final class Gzip {

    public static final String NAME = "gzip";

    /** Bytes of an answer below which compressing is not worth its time: it fits one packet of a network either way. */
    public static final int SMALLEST = 1024;

    private Gzip() {}

    /**
     * RFC 9110 §12.5.3, for one coding.
     *
     * @param acceptEncoding as it was sent, several lines joined by commas; null when it was not
     */
    public static boolean isAccepted(@Nullable String acceptEncoding) {
        if (acceptEncoding == null) {
            return false;
        }
        boolean any = false;
        for (String each : acceptEncoding.toLowerCase(Locale.ROOT).split(",")) {
            String[] coding = each.split(";", 2);
            String name = coding[0].strip();
            boolean wanted = coding.length == 1 || !coding[1].strip().matches("q\\s*=\\s*0(\\.0*)?");
            if (name.equals(NAME) || name.equals("x-gzip")) {
                return wanted;
            }
            any |= name.equals("*") && wanted;
        }
        return any;
    }

    /**
     * Blocks for as long as it computes: some 10 ms for a megabyte at the lowest level.
     *
     * @param level of {@link Deflater}: 1 for what is compressed for one answer, 9 for what is kept
     */
    public static byte[] of(byte[] plain, int level) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(plain.length / 4 + 64);
        try (GZIPOutputStream out = new GZIPOutputStream(bytes) {
            {
                def.setLevel(level);
            }
        }) {
            out.write(plain);
        } catch (IOException impossible) { // it is memory
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }
}
