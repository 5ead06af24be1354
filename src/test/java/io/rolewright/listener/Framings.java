package io.rolewright.listener;

import io.rolewright.testing.RawHttp;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Requests whose end, or whose receiver, two programs may see in different places (RFC 9112; a table of those that were used for smuggling). */
final class Framings {

    /** In which a connection is answered, or closed, on a machine that is busy. */
    static final Duration IN_TIME = Duration.ofSeconds(10);

    /** After which nothing more is expected from a connection that was answered and stays open. */
    static final Duration QUIET = Duration.ofMillis(250);

    /** One answer to what is a request by all readings. */
    enum Expected {
        /** 4xx or 5xx and the end of the connection, or the end alone. */
        REFUSED,
        /** The same, or one answer to the request itself and the end of the connection: RFC 9112 leaves that open. */
        ONE_AND_CLOSED,
        /** One answer to the request itself, whether the connection stays open or not. */
        ONE
    }

    /** @param text with {@code %s} where the smuggled request stands */
    record Request(String name, Expected expected, String text) {

        String with(String id) {
            return text.replace("%s", probe(id))
                    .replace("%x", Integer.toHexString(probe(id).length()))
                    .replace("%d", Integer.toString(probe(id).length()));
        }

        /** Sends it, and reads what comes: to the end of the connection, if there is to be one. */
        String answer(RawHttp client, String id) throws IOException {
            return client.send(with(id)).readToTheEnd(IN_TIME, expected == Expected.ONE ? QUIET : IN_TIME);
        }

        /** @return what is wrong with what a server answered; null for nothing */
        @Nullable
        String objection(String answer) {
            int answers = answers(answer);
            boolean refused =
                    answer.isEmpty() || answer.matches("(?s)(HTTP/1\\.1 100 Continue\r\n\r\n)?HTTP/1\\.[01] [45].*");
            boolean open = answer.endsWith(OPEN);
            if (answers > 1) {
                return answers + " answers: " + answer;
            }
            return switch (expected) {
                case REFUSED -> !refused || open ? "not refused, or left open: " + answer : null;
                case ONE_AND_CLOSED -> open ? "left open: " + answer : null;
                case ONE -> null;
            };
        }
    }

    /** At the end of what {@code RawHttp.readToTheEnd} has read from a connection that was not closed. */
    static final String OPEN = "\n(open)";

    private static final String POST =
            "POST /api/v1/auth/universal-auth/login HTTP/1.1\r\nHost: x\r\n" + "Content-Type: application/json\r\n";
    private static final String GET = "GET /api/status HTTP/1.1\r\n";
    private static final String CHUNKED = "Transfer-Encoding: chunked\r\n";
    private static final String CHUNKS = "\r\n2\r\n{}\r\n0\r\n\r\n";

    private Framings() {}

    /** How many requests were answered; a 100 only says to go on. */
    static int answers(String answer) {
        return answer.split("HTTP/1\\.[01] [2-5]", -1).length - 1;
    }

    /** Which leaves a row in the audit when it gets in: nobody may do it without a token. */
    static String probe(String id) {
        return "GET /api/v1/projects HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + id + "\r\n\r\n";
    }

    static List<Request> all() {
        List<Request> all = new ArrayList<>();
        // Two lengths
        add(
                all,
                "length and chunks",
                Expected.ONE_AND_CLOSED,
                POST + CHUNKED + "Content-Length: 4" + "\r\n" + CHUNKS + "%s");
        add(
                all,
                "chunks that end early, and a length",
                Expected.ONE_AND_CLOSED,
                POST + "Content-Length: 900\r\n" + CHUNKED + "\r\n0\r\n\r\n%s");
        add(all, "two lengths", Expected.REFUSED, POST + "Content-Length: 2\r\nContent-Length: 90\r\n\r\n{}%s");
        add(all, "two lengths in one line", Expected.REFUSED, POST + "Content-Length: 2, 90\r\n\r\n{}%s");
        for (String length :
                List.of("+2", "-2", "0x2", "2.0", "2;", "2 2", "", "99999999999999999999", "2\u000b", "\u00b2")) {
            add(all, "length " + length, Expected.REFUSED, POST + "Content-Length: " + length + "\r\n\r\n{}%s");
        }
        // Codings
        for (String coding : List.of(
                "xchunked",
                "identity",
                "chunked, identity",
                "chunked;q=1",
                "\"chunked\"",
                "gzip",
                "chunked, chunked",
                "chunked chunked",
                "\u000bchunked",
                "chunked\u0000",
                "gzip, chunked")) {
            add(
                    all,
                    "coding " + coding,
                    Expected.REFUSED,
                    POST + "Transfer-Encoding: " + coding + CHUNKS.replaceFirst("\r\n", "\r\n\r\n") + "%s");
            add(
                    all,
                    "coding " + coding + " and a length",
                    Expected.REFUSED,
                    POST + "Content-Length: 2\r\nTransfer-Encoding: " + coding + "\r\n\r\n{}%s");
        }
        add(all, "two codings", Expected.REFUSED, POST + CHUNKED + "Transfer-Encoding: identity\r\n" + CHUNKS + "%s");
        add(all, "a coding before a colon", Expected.REFUSED, POST + "Transfer-Encoding : chunked\r\n" + CHUNKS + "%s");
        add(
                all,
                "a coding in the next line",
                Expected.REFUSED,
                POST + "Transfer-Encoding:\r\n chunked\r\n" + CHUNKS + "%s");
        add(all, "a line that goes on", Expected.REFUSED, POST + "X-A: b\r\n" + " " + CHUNKED + CHUNKS + "%s");
        add(
                all,
                "chunks in HTTP/1.0",
                Expected.REFUSED,
                POST.replace("1.1", "1.0") + "Connection: keep-alive\r\n" + CHUNKED + CHUNKS + "%s");
        // Chunks
        for (String size : List.of("0x2", "+2", "-2", "2 2", "g", "", "FFFFFFFFFFFFFFFF2", "80000002", "2\u000b")) {
            add(
                    all,
                    "chunk of size " + size,
                    Expected.REFUSED,
                    POST + CHUNKED + "\r\n" + size + "\r\n{}\r\n0\r\n\r\n%s");
        }
        add(
                all,
                "chunk that is longer than it says",
                Expected.REFUSED,
                POST + CHUNKED + "\r\n2\r\n{}{}\r\n0\r\n\r\n%s");
        add(all, "chunk whose end is no end of a line", Expected.REFUSED, POST + CHUNKED + "\r\n2\r\n{}0\r\n\r\n%s");
        add(all, "extension with a line feed", Expected.REFUSED, POST + CHUNKED + "\r\n2;a\nxx\r\n{}\r\n0\r\n\r\n%s");
        add(all, "extension with a return", Expected.REFUSED, POST + CHUNKED + "\r\n2;a\rxx\r\n{}\r\n0\r\n\r\n%s");
        add(all, "chunks with line feeds", Expected.REFUSED, POST + CHUNKED + "\r\n2\n{}\n0\n\n%s");
        add(
                all,
                "a length after the chunks",
                Expected.ONE,
                POST + CHUNKED + "\r\n2\r\n{}\r\n0\r\nContent-Length: %d\r\n\r\n");
        // Lines of the head
        add(all, "a return alone", Expected.REFUSED, GET + "Host: x\r\nX-A: b\rContent-Length: 2\r\n\r\n");
        add(all, "a NUL", Expected.REFUSED, GET + "Host: x\r\nX-A: b\u0000c\r\n\r\n");
        add(all, "a space before the colon", Expected.REFUSED, POST + "Content-Length : %d\r\n\r\n%s");
        add(all, "a space in a name", Expected.REFUSED, GET + "Host: x\r\nX A: b\r\n\r\n");
        add(all, "a line without a colon", Expected.REFUSED, GET + "Host: x\r\nContent-Length\r\n\r\n");
        add(all, "a name of nothing", Expected.REFUSED, GET + "Host: x\r\n: b\r\n\r\n");
        add(all, "a first line that goes on", Expected.REFUSED, GET + " X-A: b\r\nHost: x\r\n\r\n");
        add(all, "a name beyond ASCII", Expected.REFUSED, GET + "Host: x\r\nX-\u00e9: b\r\n\r\n");
        // Receivers
        add(all, "no Host", Expected.REFUSED, GET + "\r\n");
        add(all, "two Hosts", Expected.REFUSED, GET + "Host: x\r\nHost: y\r\n\r\n");
        add(all, "a Host with a path", Expected.REFUSED, GET + "Host: x/y\r\n\r\n");
        add(all, "a Host with a user", Expected.REFUSED, GET + "Host: u@x\r\n\r\n");
        // First lines
        add(all, "another version", Expected.REFUSED, "GET /api/status HTTP/1.9x\r\nHost: x\r\n\r\n");
        add(all, "a version of nothing", Expected.REFUSED, "GET /api/status\r\nHost: x\r\n\r\n");
        add(all, "a word too many", Expected.REFUSED, "GET /api/status HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n");
        add(all, "a space in the path", Expected.REFUSED, "GET /api/status a HTTP/1.1\r\nHost: x\r\n\r\n");
        add(all, "a tunnel", Expected.REFUSED, "CONNECT 127.0.0.1:9000 HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n\r\n%s");
        add(all, "a method that is none", Expected.REFUSED, "GE(T /api/status HTTP/1.1\r\nHost: x\r\n\r\n");
        // Bodies where none is taken
        add(all, "a body of a GET", Expected.ONE, GET + "Host: x\r\nContent-Length: %d\r\n\r\n%s");
        add(
                all,
                "an upgrade with a body",
                Expected.ONE,
                POST + "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n%s");
        add(
                all,
                "a request that waits for a word to go on",
                Expected.ONE,
                POST + "Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s");
        return all;
    }

    private static void add(List<Request> all, String name, Expected expected, String text) {
        all.add(new Request(name, expected, text));
    }
}
