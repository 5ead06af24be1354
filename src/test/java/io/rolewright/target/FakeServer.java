package io.rolewright.target;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server that does whatever a test tells it to, and remembers all it was sent. Not PostgreSQL: for what PostgreSQL never does. */
final class FakeServer implements AutoCloseable {

    /** What is done with one connection; ends with it. */
    interface Behaviour {
        void serve(Peer peer) throws IOException, InterruptedException;
    }

    /** One connection as the behaviour sees it. */
    static final class Peer {
        private final DataInputStream in;
        private final DataOutputStream out;
        private final ByteArrayOutputStream received;

        private Peer(Socket socket, ByteArrayOutputStream received) throws IOException {
            this.in = new DataInputStream(socket.getInputStream());
            this.out = new DataOutputStream(socket.getOutputStream());
            this.received = received;
        }

        /** Reads SSLRequest or the start-up message. */
        byte[] startup() throws IOException {
            return remember(in.readNBytes(in.readInt() - 4));
        }

        /** Reads one message with its type; blocks for as long as the client says nothing. */
        byte[] message() throws IOException {
            byte type = in.readByte();
            synchronized (received) {
                received.write(type);
            }
            return remember(in.readNBytes(in.readInt() - 4));
        }

        private byte[] remember(byte[] bytes) {
            synchronized (received) {
                received.writeBytes(bytes);
            }
            return bytes;
        }

        void send(byte[] bytes) throws IOException {
            out.write(bytes);
            out.flush();
        }

        void send(String latin) throws IOException {
            send(latin.getBytes(StandardCharsets.ISO_8859_1));
        }

        /** Keeps the connection open and reads on, until the client leaves. */
        void stay() throws IOException {
            while (in.read() >= 0) {
                // Whatever it is.
            }
        }

        /** As if nobody had looked at the socket at all. */
        void hang() throws InterruptedException {
            Thread.sleep(Long.MAX_VALUE);
        }
    }

    private final ServerSocket listener;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "fake-server");
        thread.setDaemon(true);
        return thread;
    });
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ByteArrayOutputStream received = new ByteArrayOutputStream();

    FakeServer(Behaviour behaviour) {
        try {
            listener = new ServerSocket(0, 200, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.execute(() -> accept(behaviour));
    }

    private void accept(Behaviour behaviour) {
        while (!listener.isClosed()) {
            try {
                Socket socket = listener.accept();
                open.add(socket);
                if (listener.isClosed()) {
                    // It came while all the others were being closed.
                    socket.close();
                    return;
                }
                threads.execute(() -> {
                    try (socket) {
                        behaviour.serve(new Peer(socket, received));
                    } catch (IOException | InterruptedException gone) {
                        // The client left, or the test is over.
                    } finally {
                        open.remove(socket);
                    }
                });
            } catch (IOException closed) {
                return;
            }
        }
    }

    int port() {
        return listener.getLocalPort();
    }

    /** Connections that the client has not left yet, or that we do not look at. */
    int open() {
        return open.size();
    }

    /** All that clients have sent as message bodies and types, as Latin-1. */
    String received() {
        synchronized (received) {
            return received.toString(StandardCharsets.ISO_8859_1);
        }
    }

    @Override
    public void close() {
        try {
            listener.close();
            for (Socket socket : open) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.shutdownNow();
    }

    // ---- messages

    static byte[] message(char type, byte[]... parts) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            body.writeBytes(part);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(type);
        out.writeBytes(number(body.size() + 4));
        out.writeBytes(body.toByteArray());
        return out.toByteArray();
    }

    static byte[] number(int value) {
        return new byte[] {(byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value};
    }

    static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] authentication(int kind, String rest) {
        return message('R', number(kind), text(rest));
    }

    static byte[] sasl() {
        return authentication(10, "SCRAM-SHA-256\0\0");
    }

    static byte[] parameter(String name, String value) {
        return message('S', text(name + "\0" + value + "\0"));
    }

    static byte[] ready() {
        return message('Z', text("I"));
    }

    /** @param fields such as {@code SFATAL}, {@code C28P01}, {@code Rauth_failed} */
    static byte[] error(String... fields) {
        return message('E', text(String.join("\0", fields) + "\0\0"));
    }

    /** What comes after a login that was let in without a word. */
    static byte[] welcome() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(authentication(0, ""));
        out.writeBytes(parameter("server_version", "18.6"));
        out.writeBytes(parameter("client_encoding", "UTF8"));
        out.writeBytes(ready());
        return out.toByteArray();
    }
}
