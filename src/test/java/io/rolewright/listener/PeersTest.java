package io.rolewright.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.rolewright.access.ClientAddresses;
import io.rolewright.request.SharedBytes;
import io.rolewright.testing.RawHttp;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who stays when a port is full: ten connections at a time, four of one address, behind a channel like that of Vert.x. */
class PeersTest {

    private static final Duration SOON = Duration.ofSeconds(5);
    private static final String REQUEST = "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n";

    private final NioEventLoopGroup loops = new NioEventLoopGroup(1);
    private final List<RawHttp> clients = new ArrayList<>();
    private final MemoryBudget budget = new MemoryBudget(1 << 20);
    private final MemoryBudget unread = new MemoryBudget(128 << 20);
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    /** By how much the clock of connections is ahead. */
    private final AtomicLong ahead = new AtomicLong();

    private final Map<Integer, Channel> channels = new ConcurrentHashMap<>();
    private final Peers peers = new Peers(
            10,
            4,
            new ClientAddresses(List.of("127.0.0.99/32")),
            budget,
            unread,
            () -> System.nanoTime() + ahead.get(),
            metrics);
    private final AtomicInteger slow = new AtomicInteger();
    private Channel port;

    @BeforeEach
    void listen() throws InterruptedException {
        port = new ServerBootstrap()
                .group(loops)
                .channelFactory(() -> {
                    NioServerSocketChannel channel = new NioServerSocketChannel();
                    channel.pipeline().addLast(new Doorkeeper(address -> peers));
                    return channel;
                })
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channels.put(((InetSocketAddress) channel.remoteAddress()).getPort(), channel);
                        channel.pipeline()
                                .addLast("httpDecoder", new HttpRequestDecoder())
                                .addLast("httpEncoder", new HttpResponseEncoder())
                                .addLast("handler", new Resource());
                    }
                })
                .bind("127.0.0.1", 0)
                .sync()
                .channel();
    }

    @AfterEach
    void close() throws IOException {
        for (RawHttp client : clients) {
            client.close();
        }
        port.close();
        loops.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS);
    }

    /** Larger than what the kernels of both sides take. */
    private static final int LARGE = 16 << 20;

    private static final Buffer SHARED = SharedBytes.of(new byte[LARGE]);

    /** Answers everything but /slow, when all of it has arrived. */
    private final class Resource extends ChannelDuplexHandler {
        private boolean answers;
        private ByteBuf body;

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof HttpRequest request) {
                answers = !request.uri().equals("/slow");
                slow.addAndGet(answers ? 0 : 1);
                body = switch (request.uri()) {
                    case "/large" -> Unpooled.buffer(LARGE).writeZero(LARGE);
                    case "/shared" -> SHARED.getByteBuf();
                    default -> Unpooled.copiedBuffer("ok", java.nio.charset.StandardCharsets.US_ASCII);
                };
            }
            if (message instanceof LastHttpContent && answers) {
                DefaultFullHttpResponse answer =
                        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body);
                answer.headers().set("Content-Length", body.readableBytes());
                ctx.writeAndFlush(answer);
            }
            ReferenceCountUtil.release(message);
        }

        /** As Vert.x does: not before all that was written has left. */
        @Override
        public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
            ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> ctx.close(promise));
        }
    }

    @Test
    void theLongestIdleOfAnAddressGoesWhenItIsBeyondItsShare() throws IOException {
        List<RawHttp> own = open("127.0.0.2", 4);
        RawHttp other = open("127.0.0.3", 1).get(0);
        answered(own.get(0)); // so the second has asked for nothing for the longest time
        open("127.0.0.2", 1);

        assertThat(isClosed(own.get(1))).isTrue();
        answered(own.get(0));
        answered(own.get(2));
        answered(own.get(3));
        answered(other);
    }

    @Test
    void theLongestIdleOfAllGoesWhenThePortIsFull() throws IOException {
        List<RawHttp> first = open("127.0.0.2", 4);
        List<RawHttp> more = open("127.0.0.3", 4);
        open("127.0.0.4", 4);

        assertThat(isClosed(first.get(0))).isTrue();
        assertThat(isClosed(first.get(1))).isTrue();
        answered(first.get(2));
        answered(more.get(0));
        await().untilAsserted(() -> assertThat(peers.count()).isEqualTo(10));
    }

    @Test
    void whoIsBeingAnsweredStaysAndTheNewOneIsRefused() throws IOException {
        List<RawHttp> waiting = new ArrayList<>();
        for (String address : List.of("127.0.0.2", "127.0.0.3", "127.0.0.4")) {
            for (RawHttp client : open(address, address.endsWith("4") ? 2 : 4)) {
                waiting.add(client.send(REQUEST.formatted("slow")));
            }
        }
        await().untilAtomic(slow, org.hamcrest.Matchers.equalTo(10));
        RawHttp probe = open("127.0.0.1", 1).get(0); // this machine has some beyond
        answered(probe);
        probe.close(); // idle now, it would be the one to go
        await().until(() -> peers.count() == 10);

        assertThat(isClosed(open("127.0.0.5", 1).get(0))).isTrue();
        for (RawHttp client : waiting) {
            assertThat(isClosed(client)).isFalse();
        }
    }

    @Test
    void aTrustedProxyHasNoShare() throws IOException {
        List<RawHttp> proxied = open("127.0.0.99", 9);
        for (RawHttp client : proxied) {
            answered(client);
        }
    }

    @Test
    void halfAHeadIsClosedInTimeAndAnIdleConnectionLater() throws IOException {
        RawHttp half = open("127.0.0.2", 1).get(0).send("GET / HTTP/1.1\r\n");
        RawHttp idle = open("127.0.0.2", 1).get(0);
        assertThat(half.readAll(Peer.HEAD.plusSeconds(3))).isEmpty();
        answered(idle);
    }

    @Test
    void anAnswerThatNobodyReadsIsGivenUpInTime() throws IOException {
        RawHttp unreadOne = asking("127.0.0.2", "large");
        RawHttp slowOne = asking("127.0.0.3", "large");
        RawHttp sharedOne = asking("127.0.0.4", "shared");
        await().until(() -> unread.used() == 2 * LARGE);
        AtomicLong taken = new AtomicLong();
        await().during(Duration.ofSeconds(1))
                .until(
                        () -> { // until the kernels have taken what they take
                            long now = left(unreadOne) + left(slowOne) + left(sharedOne);
                            return taken.getAndSet(now) == now;
                        });
        sweepNow();

        ahead.set(Peer.UNREAD.dividedBy(2).toNanos());
        long left = left(slowOne);
        slowOne.read(LARGE / 4, SOON);
        await().until(() -> left(slowOne) > left);
        sweepNow();
        assertThat(peers.count()).isEqualTo(3);

        ahead.set(Peer.UNREAD.toNanos());
        await().until(() -> {
            sweepNow();
            return peers.count() == 1;
        });
        await().until(() -> unread.used() == LARGE);
        assertThat(slowOne.read(LARGE / 2, SOON)).isEqualTo(LARGE / 2);
        assertThat(closedFor("unread")).isEqualTo(2);
        assertThat(unreadOne.readAll(SOON).length()).isLessThan(LARGE);
        assertThat(sharedOne.readAll(SOON).length()).isLessThan(LARGE);
    }

    private void sweepNow() {
        peers.sweep();
        loops.next().submit(() -> {}).syncUninterruptibly(); // after what the sweep has told it
    }

    /** Bytes of the answer that the kernel has taken. */
    private long left(RawHttp client) {
        return channels.get(client.localPort()).unsafe().outboundBuffer().currentProgress();
    }

    @Test
    void ofUnreadAnswersTheOldestOfAnAddressGoesAndSharedOnesCostNothing() throws IOException {
        List<RawHttp> shared = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            shared.add(asking("127.0.0.2", "shared"));
        }
        RawHttp first = asking("127.0.0.2", "large");
        await().until(() -> unread.used() == LARGE);
        RawHttp other = asking("127.0.0.3", "large");
        await().until(() -> unread.used() == 2 * LARGE);
        RawHttp second = asking("127.0.0.2", "large"); // beyond a quarter of what the other leaves of 128 MiB
        await().until(() -> closedFor("unread") == 1);

        assertThat(first.readAll(SOON).length()).isLessThan(LARGE);
        await().until(() -> unread.used() == 2 * LARGE);
        for (RawHttp client : List.of(shared.get(0), shared.get(1), second, other)) {
            assertThat(client.read(LARGE, SOON)).isEqualTo(LARGE);
        }
        await().until(() -> unread.used() == 0);
    }

    private RawHttp asking(String from, String what) throws IOException {
        RawHttp client = RawHttp.reluctant(((InetSocketAddress) port.localAddress()).getPort(), from)
                .send(REQUEST.formatted(what));
        clients.add(client);
        return client;
    }

    private double closedFor(String reason) {
        return metrics.counter("rolewright.listener.closed", "reason", reason).count();
    }

    /** Each in one read, of which the decoder keeps what comes after the request. */
    private static final List<String> WHOLE = List.of(
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{ }\n",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{ }\r\n0\r\n\r\n",
            "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));

    @Test
    void halfAHeadBehindARequestIsCountedAndClosedInTime() throws IOException {
        List<RawHttp> followed = new ArrayList<>();
        List<RawHttp> alone = new ArrayList<>();
        int address = 20;
        for (String request : WHOLE) {
            RawHttp half = open("127.0.0." + address++, 1).get(0);
            followed.add(half.send(request + "GET / HTTP/1.1\r\nHost: x\r\n" + "a:\r\n".repeat(300)));
            half.readUntil("ok", SOON);
            alone.add(open("127.0.0." + address++, 1).get(0).send(request));
        }
        await().untilAsserted(() -> assertThat(budget.used()).isGreaterThan(WHOLE.size() * 300L * Peer.COST_OF_LINE));

        for (RawHttp half : followed) {
            half.readAll(Peer.HEAD.plusSeconds(3)); // and does not stay open
        }
        await().untilAsserted(() -> assertThat(budget.used()).isZero());
        for (RawHttp client : alone) {
            assertThat(isClosed(client)).isFalse();
            answered(client);
        }
    }

    @Test
    void theRestOfAHeadThatCameBehindARequestCompletesIt() throws IOException {
        int address = 40;
        for (String request : WHOLE) {
            RawHttp client = open("127.0.0." + address++, 1).get(0);
            client.send(request + "GET / HTTP/1.1\r\nHost: x\r\n");
            client.readUntil("ok", SOON);
            await().until(() -> budget.used() > 0);
            client.send("\r\n");
            await().until(() -> budget.used() == 0);
            answered(client);
            client.close();
        }
    }

    /** What costs memory may be lost, also while the request before it is being answered. */
    @Test
    void halfAHeadBehindARequestThatIsBeingAnsweredMakesRoomForOthers() throws IOException {
        RawHttp client = open("127.0.0.2", 1)
                .get(0)
                .send(REQUEST.formatted("slow") + "GET / HTTP/1.1\r\nHost: x\r\n" + "a:\r\n".repeat(1000));
        await().untilAtomic(slow, org.hamcrest.Matchers.equalTo(1));
        await().untilAsserted(() -> assertThat(budget.used()).isGreaterThan(1000L * Peer.COST_OF_LINE));

        RawHttp other = open("127.0.0.2", 1).get(0);
        other.send("GET / HTTP/1.1\r\nHost: x\r\n" + "a:\r\n".repeat(700) + "\r\n");
        assertThat(client.readAll(SOON)).isEmpty();
        assertThat(other.readUntil("ok", SOON)).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void leavesFilesForEverythingElse() {
        assertThat(Listener.within(12_000, 20_000)).isEqualTo(12_000);
        assertThat(Listener.within(12_000, 4096)).isEqualTo(3096);
        assertThat(Listener.within(12_000, 1024)).isEqualTo(512);
        assertThat(Listener.within(12_000, Long.MAX_VALUE)).isEqualTo(12_000);
    }

    private List<RawHttp> open(String from, int count) throws IOException {
        List<RawHttp> opened = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            opened.add(RawHttp.to(((InetSocketAddress) port.localAddress()).getPort(), from));
        }
        clients.addAll(opened);
        // The loop has taken them in, in this order, when it has done what was asked of it afterwards.
        loops.submit(() -> {}).awaitUninterruptibly();
        await().until(() -> loops.submit(() -> true).get());
        return opened;
    }

    private static void answered(RawHttp client) throws IOException {
        assertThat(client.send(REQUEST.formatted("")).readUntil("ok", SOON)).startsWith("HTTP/1.1 200 ");
    }

    private static boolean isClosed(RawHttp client) throws IOException {
        try {
            return client.readAll(Duration.ofMillis(500)).isEmpty();
        } catch (SocketTimeoutException open) {
            return false;
        }
    }
}
