package io.rolewright.testing;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Stands between a client and a PostgreSQL server, passes everything on, and sees every message of a session without TLS go by.
 * At a message that a test waits for it kills, cuts, drops, holds back, or runs whatever the test wants: this is how a process is
 * hit at one certain step without a hook in the code that is tested.
 *
 * <pre>
 * TcpProxy.Sighting killed = proxy.before(TcpProxy.request("ALTER ROLE"), () -&gt; { service.kill(); return Fate.CUT; });
 * TcpProxy.Sighting lost = proxy.before(TcpProxy.reply("COMMIT"), () -&gt; Fate.CUT);
 * </pre>
 *
 * Reactions run on the thread that carries the session, so the session waits for them.
 */
public final class TcpProxy implements AutoCloseable {

    /** What becomes of a message. */
    public enum Fate {
        PASS,
        /** Swallowed; the session goes on without it. */
        DROP,
        /** Swallowed, and both sockets are closed. */
        CUT
    }

    /**
     * One message of PostgreSQL's protocol.
     *
     * @param session counts the sessions of this proxy
     * @param type {@code 0} for the start-up message
     * @param sql the statement of a Query, Parse or Bind; empty for everything else
     */
    public record Message(int session, boolean request, char type, byte[] body, String sql) {

        public String text() {
            return new String(body, StandardCharsets.UTF_8);
        }
    }

    /** A reaction that waits for its message, has met it, or was called off. */
    public static final class Sighting {
        private final Predicate<Message> which;
        private final Supplier<Fate> reaction;
        private final boolean afterwards;
        private final boolean always;
        private final AtomicInteger met = new AtomicInteger();
        private final CountDownLatch done = new CountDownLatch(1);
        private volatile boolean calledOff;

        private Sighting(Predicate<Message> which, Supplier<Fate> reaction, boolean afterwards, boolean always) {
            this.which = which;
            this.reaction = reaction;
            this.afterwards = afterwards;
            this.always = always;
        }

        /** Whether the message came, and the reaction has ended, within the time. */
        public boolean happensWithin(Duration time) {
            try {
                return done.await(time.toMillis(), TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }

        public int times() {
            return met.get();
        }

        public void callOff() {
            calledOff = true;
        }

        private boolean waitsFor(Message message, boolean sent) {
            return !calledOff && afterwards == sent && (always || met.get() == 0) && which.test(message);
        }

        private Fate react() {
            if (met.getAndIncrement() > 0 && !always) {
                return Fate.PASS;
            }
            try {
                return reaction.get();
            } finally {
                done.countDown();
            }
        }
    }

    private static final int SSL_REQUEST = 80877103;
    private static final int GSS_REQUEST = 80877104;

    private final ServerSocket listener;
    private final Set<Link> links = ConcurrentHashMap.newKeySet();
    private final List<Sighting> sightings = new CopyOnWriteArrayList<>();
    private final AtomicInteger sessions = new AtomicInteger();
    private final Object gate = new Object();
    private final boolean messages;
    private volatile InetSocketAddress server;
    private volatile boolean paused;
    private volatile boolean refusing;
    private volatile boolean keepsServerSide;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "tcp-proxy");
        thread.setDaemon(true);
        return thread;
    });

    private TcpProxy(InetSocketAddress server, boolean messages) {
        this.server = server;
        this.messages = messages;
        try {
            listener = new ServerSocket(0, 200, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.execute(this::accept);
    }

    public static TcpProxy to(TestPostgres server) {
        return new TcpProxy(new InetSocketAddress(server.host(), server.port()), true);
    }

    /** To what listens on 127.0.0.1 and speaks whatever it likes: no message is seen. */
    public static TcpProxy toAnything(int port) {
        return new TcpProxy(new InetSocketAddress("127.0.0.1", port), false);
    }

    /** Where clients connect to, on 127.0.0.1. */
    public int port() {
        return listener.getLocalPort();
    }

    // ---- messages to wait for

    /** A statement of the client whose text contains {@code part}, as simple query or when its parameters are bound. */
    public static Predicate<Message> request(String part) {
        return message -> message.request && message.type != 'P' && message.sql.contains(part);
    }

    /** The server's word that a statement is done, such as {@code COMMIT} or {@code INSERT}. */
    public static Predicate<Message> reply(String start) {
        return message ->
                !message.request && message.type == 'C' && message.text().startsWith(start);
    }

    /** The server lets a client in. */
    public static Predicate<Message> loggedIn() {
        return message -> !message.request
                && message.type == 'R'
                && message.body.length >= 4
                && ByteBuffer.wrap(message.body).getInt() == 0;
    }

    /** Runs {@code reaction} once, before the message is passed on. */
    public Sighting before(Predicate<Message> which, Supplier<Fate> reaction) {
        return watch(new Sighting(which, reaction, false, false));
    }

    /** Runs {@code reaction} once, when the message has been passed on. */
    public Sighting after(Predicate<Message> which, Runnable reaction) {
        return watch(new Sighting(
                which,
                () -> {
                    reaction.run();
                    return Fate.PASS;
                },
                true,
                false));
    }

    /** Runs {@code reaction} every time. */
    public Sighting always(Predicate<Message> which, Supplier<Fate> reaction) {
        return watch(new Sighting(which, reaction, false, true));
    }

    private Sighting watch(Sighting sighting) {
        sightings.add(sighting);
        return sighting;
    }

    /** Forgets all reactions. */
    public void forget() {
        sightings.forEach(Sighting::callOff);
        sightings.clear();
    }

    // ---- what the network does

    /** Nothing passes any more, in neither direction, and nobody is told. */
    public void pause() {
        paused = true;
    }

    public void resume() {
        synchronized (gate) {
            paused = false;
            gate.notifyAll();
        }
    }

    /** Closes all sessions, on both sides. */
    public void cut() {
        links.forEach(Link::close);
    }

    /** Closes all sessions and every later one at once, as the machine of a server that has stopped. */
    public void refuse() {
        refusing = true;
        cut();
    }

    public void accept(boolean again) {
        refusing = !again;
    }

    /**
     * From now on the server does not learn that a client is gone, as when the network between them is cut: its backend goes on
     * with what it does.
     */
    public void keepServerSide() {
        keepsServerSide = true;
    }

    /** Later sessions go to another server: a failover. Those that are open are cut. */
    public void redirect(TestPostgres other) {
        server = new InetSocketAddress(other.host(), other.port());
        cut();
    }

    /** The same for what listens there on 127.0.0.1, such as a pooler. */
    public void redirect(int port) {
        server = new InetSocketAddress("127.0.0.1", port);
        cut();
    }

    @Override
    public void close() {
        resume();
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        cut();
        threads.shutdownNow();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                if (refusing) {
                    client.setSoLinger(true, 0);
                    client.close();
                } else {
                    threads.execute(() -> connect(client));
                }
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void connect(Socket client) {
        Socket upstream = new Socket();
        Link link = new Link(client, upstream);
        links.add(link);
        try {
            waitAtGate();
            upstream.connect(server, 5000);
            client.setTcpNoDelay(true);
            upstream.setTcpNoDelay(true);
        } catch (IOException down) {
            link.close();
            return;
        }
        threads.execute(() -> link.carry(true));
        threads.execute(() -> link.carry(false));
        if (refusing) {
            link.close();
        }
    }

    private void waitAtGate() throws IOException {
        synchronized (gate) {
            while (paused) {
                try {
                    gate.wait();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
        }
    }

    /** One session: two sockets and two threads. */
    private final class Link {
        private final int number = sessions.incrementAndGet();
        private final Socket client;
        private final Socket upstream;
        private final Map<String, String> prepared = new HashMap<>();
        private volatile boolean encryptionAsked;
        private volatile boolean opaque;

        private Link(Socket client, Socket upstream) {
            this.client = client;
            this.upstream = upstream;
            this.opaque = !messages;
        }

        private void carry(boolean requests) {
            Socket from = requests ? client : upstream;
            Socket to = requests ? upstream : client;
            try {
                DataInputStream in = new DataInputStream(new BufferedInputStream(from.getInputStream(), 1 << 16));
                OutputStream out = new BufferedOutputStream(to.getOutputStream(), 1 << 16);
                boolean startup = requests;
                while (!opaque) {
                    if (in.available() == 0) {
                        out.flush();
                    }
                    if (startup) {
                        startup = !startUp(in, out);
                    } else {
                        int type = in.read();
                        if (type < 0) {
                            throw new EOFException();
                        }
                        if (!requests && encryptionAsked) {
                            encryptionAsked = false;
                            opaque = type == 'S' || type == 'G';
                            out.write(type);
                            out.flush();
                        } else {
                            typed(requests, type, in, out);
                        }
                    }
                }
                raw(in, out);
            } catch (IOException gone) {
                if (requests && keepsServerSide) {
                    closeQuietly(client);
                    return;
                }
            }
            close();
        }

        /** @return whether typed messages follow */
        private boolean startUp(DataInputStream in, OutputStream out) throws IOException {
            int length = in.readInt();
            if (opaque) {
                out.write(ByteBuffer.allocate(4).putInt(length).array());
                return true;
            }
            byte[] body = in.readNBytes(length - 4);
            int code = ByteBuffer.wrap(body).getInt();
            boolean encryption = code == SSL_REQUEST || code == GSS_REQUEST;
            encryptionAsked = encryption;
            pass(
                    new Message(number, true, '\0', body, ""),
                    ByteBuffer.allocate(4).putInt(length).array(),
                    out);
            return !encryption;
        }

        private void typed(boolean request, int type, DataInputStream in, OutputStream out) throws IOException {
            int length = in.readInt();
            byte[] body = in.readNBytes(length - 4);
            if (body.length < length - 4) {
                throw new EOFException();
            }
            String sql = request ? sql((char) type, body) : "";
            pass(
                    new Message(number, request, (char) type, body, sql),
                    ByteBuffer.allocate(5).put((byte) type).putInt(length).array(),
                    out);
        }

        private String sql(char type, byte[] body) {
            return switch (type) {
                case 'Q' -> words(body)[0];
                case 'P' -> {
                    String[] words = words(body);
                    prepared.put(words[0], words[1]);
                    yield words[1];
                }
                case 'B' -> prepared.getOrDefault(words(body)[1], "");
                default -> "";
            };
        }

        private static String[] words(byte[] body) {
            return new String(body, StandardCharsets.UTF_8).split("\0", 3);
        }

        private void pass(Message message, byte[] head, OutputStream out) throws IOException {
            Fate fate = Fate.PASS;
            for (Sighting sighting : sightings) {
                if (sighting.waitsFor(message, false)) {
                    out.flush();
                    Fate wanted = sighting.react();
                    fate = fate == Fate.PASS ? wanted : fate;
                }
            }
            waitAtGate();
            if (fate == Fate.CUT) {
                throw new IOException("cut");
            }
            if (fate == Fate.PASS) {
                out.write(head);
                out.write(message.body);
                for (Sighting sighting : sightings) {
                    if (sighting.waitsFor(message, true)) {
                        out.flush();
                        sighting.react();
                    }
                }
            }
        }

        private void raw(InputStream in, OutputStream out) throws IOException {
            byte[] buffer = new byte[1 << 16];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                waitAtGate();
                out.write(buffer, 0, read);
                out.flush();
            }
        }

        private void close() {
            links.remove(this);
            closeQuietly(client);
            closeQuietly(upstream);
        }

        private static void closeQuietly(Socket socket) {
            try {
                socket.close();
            } catch (IOException gone) {
                // That is what was wanted.
            }
        }
    }
}
