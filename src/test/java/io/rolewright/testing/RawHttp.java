package io.rolewright.testing;

import io.restassured.RestAssured;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A connection on which a test sends what no client would. */
public final class RawHttp implements AutoCloseable {

    private final Socket socket;

    private RawHttp(Socket socket) {
        this.socket = socket;
    }

    /** To the service under test. */
    public static RawHttp open() throws IOException {
        return to(RestAssured.port, "127.0.0.1");
    }

    /** @param from the address to come from, such as 127.0.0.2 */
    public static RawHttp to(int port, String from) throws IOException {
        return connected(new Socket(), port, from);
    }

    /** One whose kernel takes no more than some 100 KiB that were not read. */
    public static RawHttp reluctant(int port, String from) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(64 * 1024);
        return connected(socket, port, from);
    }

    private static RawHttp connected(Socket socket, int port, String from) throws IOException {
        socket.setTcpNoDelay(true);
        socket.bind(new InetSocketAddress(InetAddress.getByName(from), 0));
        socket.connect(new InetSocketAddress("127.0.0.1", port), 5000);
        return new RawHttp(socket);
    }

    public int localPort() {
        return socket.getLocalPort();
    }

    public RawHttp send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
        return this;
    }

    /** All that is answered until the server closes. @throws java.net.SocketTimeoutException it stays open for longer than this */
    public String readAll(Duration within) throws IOException {
        long end = System.nanoTime() + within.toNanos();
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        byte[] part = new byte[8192];
        try {
            InputStream in = socket.getInputStream();
            while (true) {
                socket.setSoTimeout((int) Math.max(1, (end - System.nanoTime()) / 1_000_000));
                int count = in.read(part);
                if (count < 0) {
                    break;
                }
                answer.write(part, 0, count);
            }
        } catch (SocketException reset) {
            // Closed as well.
        }
        return answer.toString(StandardCharsets.UTF_8);
    }

    /**
     * All that is answered until the server closes, or nothing comes for so long: then {@code "\n(open)"} is at the end.
     *
     * @param first how long the first of it may take
     * @param quiet and after that what comes next
     */
    public String readToTheEnd(Duration first, Duration quiet) throws IOException {
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        byte[] part = new byte[8192];
        socket.setSoTimeout((int) first.toMillis());
        try {
            InputStream in = socket.getInputStream();
            for (int count = in.read(part); count >= 0; count = in.read(part)) {
                answer.write(part, 0, count);
                socket.setSoTimeout((int) quiet.toMillis());
            }
        } catch (SocketTimeoutException stillOpen) {
            answer.writeBytes("\n(open)".getBytes(StandardCharsets.UTF_8));
        } catch (SocketException reset) {
            // Closed as well.
        }
        return answer.toString(StandardCharsets.UTF_8);
    }

    /** What is answered until this text has come, or the server closes. */
    public String readUntil(String text, Duration within) throws IOException {
        long end = System.nanoTime() + within.toNanos();
        StringBuilder answer = new StringBuilder();
        InputStream in = socket.getInputStream();
        while (answer.indexOf(text) < 0) {
            socket.setSoTimeout((int) Math.max(1, (end - System.nanoTime()) / 1_000_000));
            int next = in.read();
            if (next < 0) {
                break;
            }
            answer.append((char) next);
        }
        return answer.toString();
    }

    /** @return how many bytes came, which are fewer when the server has closed */
    public int read(int bytes, Duration within) throws IOException {
        socket.setSoTimeout((int) within.toMillis());
        return socket.getInputStream().readNBytes(bytes).length;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
