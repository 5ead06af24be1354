package io.rolewright.testing;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * Ends a client's TLS with a certificate of its own before a real server, and passes on what both say: a proxy, or somebody who listens
 * in. What is said is read and altered as Latin-1, one TLS record at a time.
 */
public final class TlsRelay implements AutoCloseable {

    private static final byte[] SSL_REQUEST =
            ByteBuffer.allocate(8).putInt(8).putInt(80877103).array();

    private final TestPostgres server;
    private final SSLContext context;
    private final boolean tlsBehind;
    private final UnaryOperator<String> toServer;
    private final UnaryOperator<String> toClient;
    private final ServerSocket listener;
    private final ByteArrayOutputStream heard = new ByteArrayOutputStream();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "tls-relay");
        thread.setDaemon(true);
        return thread;
    });

    /** @param tlsBehind whether it speaks TLS to the server too */
    public TlsRelay(
            TestPostgres server,
            TestCertificates.Issued shown,
            boolean tlsBehind,
            UnaryOperator<String> toServer,
            UnaryOperator<String> toClient) {
        this.server = server;
        this.context = shown.context();
        this.tlsBehind = tlsBehind;
        this.toServer = toServer;
        this.toClient = toClient;
        try {
            listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.execute(this::accept);
    }

    public int port() {
        return listener.getLocalPort();
    }

    /** All that clients have said. */
    public String heard() {
        synchronized (heard) {
            return heard.toString(StandardCharsets.ISO_8859_1);
        }
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                threads.execute(() -> relay(client));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void relay(Socket client) {
        open.add(client);
        try (client;
                Socket behind = new Socket(server.host(), server.port())) {
            open.add(behind);
            new DataInputStream(client.getInputStream()).readNBytes(SSL_REQUEST.length);
            client.getOutputStream().write('S');
            Socket near = tls(client, false);
            Socket far = behind;
            if (tlsBehind) {
                behind.getOutputStream().write(SSL_REQUEST);
                if (behind.getInputStream().read() != 'S') {
                    return;
                }
                far = tls(behind, true);
            }
            InputStream said = far.getInputStream();
            OutputStream answers = near.getOutputStream();
            threads.execute(() -> carry(said, answers, toClient, false));
            carry(near.getInputStream(), far.getOutputStream(), toServer, true);
        } catch (IOException gone) {
            // One side has left.
        } finally {
            open.remove(client);
        }
    }

    private Socket tls(Socket plain, boolean asClient) throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, null, plain.getPort(), true);
        socket.setUseClientMode(asClient);
        socket.startHandshake();
        return socket;
    }

    private void carry(InputStream in, OutputStream out, UnaryOperator<String> change, boolean listen) {
        byte[] record = new byte[32 * 1024];
        try (in;
                out) {
            for (int length = in.read(record); length >= 0; length = in.read(record)) {
                String said = new String(record, 0, length, StandardCharsets.ISO_8859_1);
                if (listen) {
                    synchronized (heard) {
                        heard.write(record, 0, length);
                    }
                }
                out.write(change.apply(said).getBytes(StandardCharsets.ISO_8859_1));
                out.flush();
            }
        } catch (IOException gone) {
            // One side has left.
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
}
