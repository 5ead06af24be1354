package io.rolewright.listener;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.rolewright.listener.MemoryBudget.Holding;
import io.rolewright.request.SharedBytes;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.HostAndPort;
import io.vertx.core.net.impl.ConnectionBase;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One connection of a client: what it may send now, and how long it may take. One request at a time: what is sent before the answer to the
 * one before is not read, and what came in one read with that one is counted like any other. A request that is answered before all of it
 * has arrived ends its connection, for nobody reads the rest.
 *
 * <p>This handler is the first of the channel and sees bytes; {@link Exchange}, right before Vert.x, sees requests and answers. Both, and
 * {@link #expect}, run on the channel's event loop; the other methods on any thread.
 */
final class Peer extends ChannelDuplexHandler {

    /** Without a request. Above that of any client's pool, which is to close first (Go and nginx: 60 to 90 s, most others less). */
    static final Duration IDLE = Duration.ofSeconds(75);

    /** From the first byte of a request to the end of its head. */
    static final Duration HEAD = Duration.ofSeconds(10);

    /** From the head to the end of the body: longer than {@code operations.DeadlineGuard}, which answers before. */
    static final Duration BODY = Duration.ofSeconds(11);

    /** What is still sent after an answer is read and thrown away for so long, or the client might lose the answer. */
    static final Duration LINGER = Duration.ofSeconds(2);

    /** An answer of which the client's side takes nothing for so long. (nginx and HAProxy have 60 s and 50 s in their examples.) */
    static final Duration UNREAD = Duration.ofSeconds(30);

    /** Requests of one read that are kept until the one before is answered. No client that we know sends two. */
    private static final int MOST_WAITING = 64;

    /** Bytes of one read at most: so much of what was not asked for may be kept. */
    static final int LARGEST_READ = 8192;

    /**
     * Bytes of answers that the kernel keeps for the client, which it doubles for what it adds. Left to itself it keeps megabytes of each, which
     * no bound of ours would see.
     */
    private static final int KERNEL_KEEPS = 64 * 1024;

    /** What a read, a line of a head and a byte make us keep, roughly: objects and a copy. */
    static final int COST_OF_READ = 128;

    static final int COST_OF_LINE = 160;
    static final int COST_OF_BYTE = 2;

    /** Bytes of a write that are among what a connection costs anyhow. */
    private static final int SMALL_WRITE = 2048;

    private static final String NAME = "peer";

    /** In the one error shape, before the request has an id. */
    private static final String NOT_UNDERSTOOD =
            "{\"reqId\":\"none\",\"statusCode\":400,\"message\":\"A request needs HTTP/1.1,"
                    + " exactly one Host header that names a host, no header that goes on in the next line or has no name,"
                    + " no tunnel and no other transfer coding than chunked.\",\"error\":\"BadRequest\",\"code\":\"bad_request\"}";

    private enum State {
        /** Nothing was sent since the last answer. */
        IDLE,
        /** A head is arriving. */
        HEAD,
        /** A head has arrived, its body may still do so, and the answer is not sent yet. */
        ANSWERING,
        /** Nothing that is still sent counts. */
        ENDING
    }

    private final Channel channel;
    private final Peers peers;
    private final Holding holding;
    private final Exchange exchange = new Exchange();
    private final RequestEnds ends = new RequestEnds();
    private @Nullable ByteBuf partOfHead;
    /** It came in one read with the end of a request, and only the decoder knows where it began. */
    private boolean decoderHasPartOfHead;

    /** Of what the decoder was given since nothing followed. */
    private int linesCounted;

    /** Who is asking, as far as is known. */
    private String origin;

    /** For what is written and has not left yet; null if that is little. */
    private @Nullable Holding unread;

    private long unreadBytes;

    /** What was the first to leave when we last looked, and how much of it had left; the time is when that last changed. */
    private int leaving;

    private long left;
    private long leftSince;

    private volatile boolean answerBegun;
    private volatile State state = State.IDLE;
    private volatile long since = System.nanoTime();
    private volatile boolean bodyArrived = true;

    Peer(Channel channel, String origin, Peers peers) {
        this.channel = channel;
        this.peers = peers;
        this.origin = origin;
        this.holding = new Holding(origin, () -> channel.eventLoop().execute(this::lost));
        // One read a turn, so that what thousands send at the same moment is not all kept before any of it can be let
        // go.
        channel.config()
                .setRecvByteBufAllocator(
                        new AdaptiveRecvByteBufAllocator(256, 2048, LARGEST_READ).maxMessagesPerRead(1));
        channel.config().setOption(ChannelOption.SO_SNDBUF, KERNEL_KEEPS);
        channel.pipeline().addLast(NAME, this);
    }

    /** @return null if the connection came by another way, as in development mode */
    static @Nullable Peer of(Channel channel) {
        return channel.pipeline().get(NAME) instanceof Peer peer ? peer : null;
    }

    /** @return null as above */
    static @Nullable Peer of(HttpServerRequest request) {
        return request.connection() instanceof ConnectionBase connection ? of(connection.channel()) : null;
    }

    // ---- for Peers

    boolean isIdle() {
        return state == State.IDLE || state == State.HEAD;
    }

    /** By {@link System#nanoTime}. */
    long idleSince() {
        return since;
    }

    void endIfOverdue(long now) {
        long nanos = now - since;
        switch (state) {
            case IDLE -> endAfter(nanos, IDLE, "idle");
            case HEAD -> endAfter(nanos, HEAD, "head");
            case ANSWERING -> {
                if (!bodyArrived) {
                    endAfter(nanos, BODY, "body");
                }
                if (answerBegun) {
                    channel.eventLoop().execute(() -> endIfUnread(now));
                }
            }
            case ENDING -> endAfter(nanos, LINGER, "lingering");
        }
    }

    private void endIfUnread(long now) {
        ChannelOutboundBuffer leavingNow = channel.unsafe().outboundBuffer();
        Object first = leavingNow == null ? null : leavingNow.current();
        int next = System.identityHashCode(first);
        long leftNow = leavingNow == null ? 0 : leavingNow.currentProgress();
        if (first == null || next != leaving || leftNow != left) {
            leaving = next;
            left = leftNow;
            leftSince = now;
        } else {
            if (now - leftSince > UNREAD.toNanos()) {
                endUnread();
            }
        }
    }

    private void endAfter(long nanos, Duration most, String reason) {
        if (nanos > most.toNanos()) {
            end(reason);
        }
    }

    void end(String reason) {
        peers.count(reason);
        channel.close();
    }

    // ---- for the request that is being read

    /** Whether all of the last one has arrived. */
    boolean hasWholeRequest() {
        return bodyArrived;
    }

    /** What becomes of a request of which no more is read. Called once at most; it has to answer if no answer was begun. */
    interface Refusal {
        void tooLarge();

        void noMemory();
    }

    /**
     * The head of a request has arrived, and it is known what may follow it.
     *
     * @param mostBytes of its body
     * @param origin whose it is, which a proxy may have told
     * @param light nothing of it is kept while it waits for its answer, so it does not count any more
     */
    void expect(int mostBytes, String origin, boolean light, Refusal refusal) {
        if (!exchange.isPlaced()) { // TLS: its bytes came with the end of the handshake
            exchange.place();
            if (!exchange.isPlaced()) {
                return;
            }
            exchange.begin();
        }
        this.origin = origin;
        exchange.mostBytes = mostBytes;
        exchange.refusal = refusal;
        if (light && !ends.isFollowed(0)) {
            peers.reading().release(holding);
        } else {
            peers.reading().move(holding, origin);
        }
    }

    // ---- bytes

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (state == State.ENDING) {
            ReferenceCountUtil.release(message);
            return;
        }
        if (!exchange.isPlaced()) {
            exchange.place();
        }
        ByteBuf bytes = (ByteBuf) message;
        boolean head = state != State.ANSWERING || bodyArrived;
        if (head && state == State.IDLE) {
            become(State.HEAD);
        }
        if (!peers.reading().take(holding, COST_OF_READ + (long) COST_OF_BYTE * bytes.readableBytes())) {
            ReferenceCountUtil.release(message);
            lost();
        } else if (head
                && (decoderHasPartOfHead
                        || state == State.ANSWERING && exchange.isFollowed())) { // the rest of it is no head
            if (takeLines(lines(bytes))) {
                ctx.fireChannelRead(message);
            } else {
                bytes.release();
                lost();
            }
        } else if (!head || channel.pipeline().get("ssl") != null) {
            ctx.fireChannelRead(message);
        } else {
            head(ctx, bytes);
        }
    }

    /**
     * A head is kept as the bytes that it came in until it is whole: taken apart it would be twenty times as large, and thousands of
     * halves that come at the same moment are taken apart before one of them can be let go.
     */
    private void head(ChannelHandlerContext ctx, ByteBuf bytes) {
        ByteBuf head = bytes;
        if (partOfHead != null) {
            head = partOfHead.writeBytes(bytes);
            partOfHead = null;
            bytes.release();
        }
        if (!isWhole(head) && head.readableBytes() <= 2 * LARGEST_READ) {
            partOfHead = head == bytes ? Unpooled.buffer(bytes.readableBytes()).writeBytes(bytes) : head;
            if (head == bytes) {
                bytes.release();
            }
        } else if (!takeLines(lines(head))) {
            head.release();
            lost();
        } else if (exchange.isPlaced()) {
            ctx.fireChannelRead(head);
        } else {
            first(ctx, head);
        }
    }

    /** Whether there is an empty line after the first that is none, as the decoder of Netty reads lines (RFC 9112, section 2.2). */
    private static boolean isWhole(ByteBuf head) {
        int at = head.readerIndex();
        int end = head.writerIndex();
        while (at < end && head.getByte(at) <= ' ') {
            at++;
        }
        int inLine = 0;
        for (; at < end; at++) {
            byte next = head.getByte(at);
            if (next == '\n') {
                if (inLine == 0) {
                    return true;
                }
                inLine = 0;
            } else if (next != '\r') {
                inLine++;
            }
        }
        return false;
    }

    /**
     * The management port would take HTTP/2, by its first bytes or by an upgrade, and Quarkus has no setting against that. So the head
     * of the first request is looked at before Vert.x decides by it what is spoken.
     */
    private void first(ChannelHandlerContext ctx, ByteBuf head) {
        String text = head.toString(StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
        if (text.startsWith("pri ")
                || text.contains("\nhttp2-settings")
                || text.contains("\n ")
                || text.contains("\n\t")
                || !isWhole(head)) {
            head.release();
            end("http2");
        } else if (!text.endsWith("\n\r\n") && !text.endsWith("\n\n")) { // what follows would be seen by nobody
            head.release();
            end("pipelining");
        } else {
            ctx.fireChannelRead(head);
            exchange.place();
            peers.reading().release(holding);
            become(State.IDLE);
        }
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        ChannelPromise written = promise;
        if (message instanceof ByteBuf bytes && bytes.readableBytes() > SMALL_WRITE && !SharedBytes.isPart(bytes)) {
            written = promise.unvoid();
            keepUntil(written, bytes.readableBytes());
        }
        ctx.write(message, written);
    }

    private void keepUntil(ChannelPromise written, int bytes) {
        Holding kept =
                unread == null ? new Holding(origin, () -> channel.eventLoop().execute(this::unreadLost)) : unread;
        unread = kept;
        unreadBytes += bytes;
        written.addListener(done -> {
            unreadBytes -= bytes;
            peers.unread().give(kept, bytes);
            if (unreadBytes == 0) {
                unread = null;
            }
        });
        if (!peers.unread().takeMade(kept, bytes)) {
            channel.eventLoop().execute(this::unreadLost); // after what is being written
        }
    }

    /** There is no memory for what is not read here. */
    private void unreadLost() {
        if (unreadBytes > 0) {
            endUnread();
        }
    }

    private void endUnread() {
        peers.count("unread");
        channel.config().setOption(ChannelOption.SO_LINGER, 0); // or the kernel would go on offering it for minutes
        // From here, because Vert.x' own handler, which comes later, would first wait until all is read.
        ChannelHandlerContext here = channel.pipeline().context(NAME);
        if (here != null) {
            here.close();
        }
    }

    private boolean takeLines(int lines) {
        linesCounted += lines;
        return peers.reading().take(holding, (long) COST_OF_LINE * lines);
    }

    private static int lines(ByteBuf bytes) {
        int lines = 0;
        int end = bytes.writerIndex();
        for (int at = bytes.readerIndex(); at < end; at++) {
            if (bytes.getByte(at) == '\n') {
                lines++;
            }
        }
        return lines;
    }

    /** There is no memory for what arrives here. */
    private void lost() {
        boolean whole = state == State.ANSWERING && bodyArrived && exchange.waiting.isEmpty();
        if (whole && partOfHead == null && !exchange.isFollowed()) {
            return; // it came in full just before
        }
        peers.count("memory");
        if (state == State.ANSWERING && !whole && exchange.refusal != null) {
            exchange.refuse(Refusal::noMemory);
        } else {
            channel.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        peers.reading().release(holding);
        if (unread != null) {
            peers.unread().release(unread);
        }
        exchange.letGo();
        if (partOfHead != null) {
            partOfHead.release();
            partOfHead = null;
        }
        ctx.fireChannelInactive();
    }

    private void become(State next) {
        state = next;
        since = System.nanoTime();
    }

    /** Requests and answers, right before the handler of Vert.x. */
    private final class Exchange extends ChannelDuplexHandler {

        private final Deque<Object> waiting = new ArrayDeque<>(0);
        private @Nullable ChannelHandlerContext ctx;
        private @Nullable Refusal refusal;
        private int mostBytes;
        private long bodyBytes;
        private int requestsWaiting;
        private boolean deaf;
        private boolean readHeldBack;
        private boolean chunked;

        boolean isPlaced() {
            return ctx != null;
        }

        void place() {
            ChannelPipeline pipeline = channel.pipeline();
            if (pipeline.get("httpDecoder") != null && pipeline.get("handler") != null) {
                pipeline.addBefore("httpDecoder", "ends", ends);
                pipeline.addBefore("handler", "exchange", this);
            }
        }

        /** Whether more was sent than the request that is being answered, all of which has arrived. */
        boolean isFollowed() {
            return chunked ? !ends.atBlankLine() : ends.isFollowed(bodyBytes);
        }

        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            this.ctx = ctx;
        }

        void begin() {
            become(State.ANSWERING);
            answerBegun = false;
            bodyArrived = false;
            bodyBytes = 0;
            mostBytes = BodySize.NONE.bytes();
            refusal = null;
            deaf = false;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            boolean next = message instanceof HttpRequest && state == State.ANSWERING;
            if (next || !waiting.isEmpty()) {
                ends.severalRequests();
                waiting.add(message);
                if (message instanceof HttpRequest && ++requestsWaiting > MOST_WAITING) {
                    end("pipelining");
                }
                return;
            }
            handle(ctx, message);
        }

        private void handle(ChannelHandlerContext ctx, Object message) {
            if (message instanceof HttpRequest request) {
                begin();
                chunked = HttpUtil.isTransferEncodingChunked(request);
                decoderHasPartOfHead = false;
                if (request.decoderResult().isSuccess() && !(saysForWhom(request) && isPlain(request))) {
                    deaf = true;
                    ReferenceCountUtil.release(message);
                    ctx.writeAndFlush(notUnderstood())
                            .addListener(done -> ctx.executor().execute(() -> answered(ctx)));
                    return;
                }
            } else if (message instanceof HttpContent content && !bodyArrived) {
                bodyBytes += content.content().readableBytes();
                if (!deaf && bodyBytes > mostBytes) {
                    refuse(Refusal::tooLarge);
                }
                if (deaf) {
                    ReferenceCountUtil.release(message);
                    return;
                }
                if (message instanceof LastHttpContent) {
                    bodyArrived = true;
                    if (!isFollowed()) {
                        peers.reading().arrived(holding);
                    }
                }
            }
            ctx.fireChannelRead(message);
        }

        /** What Vert.x has no answer to but an error in the log. */
        private boolean saysForWhom(HttpRequest request) {
            List<String> hosts = request.headers().getAll(HttpHeaderNames.HOST);
            return hosts.size() == 1
                    && HostAndPort.parseAuthority(hosts.get(0), -1) != null
                    && request.protocolVersion().majorVersion() == 1;
        }

        /**
         * Whether everybody reads it as one request with one end (RFC 9112), so that no proxy in front takes a part of it for another. The
         * decoder refuses the rest of what is ambiguous.
         */
        private boolean isPlain(HttpRequest request) {
            List<String> codings = request.headers().getAll(HttpHeaderNames.TRANSFER_ENCODING);
            return !ends.isFolded()
                    && !request.headers().contains("")
                    && !HttpMethod.CONNECT.equals(request.method())
                    && (codings.isEmpty()
                            || codings.size() == 1
                                    && HttpHeaderValues.CHUNKED.contentEqualsIgnoreCase(
                                            codings.get(0).strip()));
        }

        private FullHttpResponse notUnderstood() {
            FullHttpResponse answer = new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1,
                    HttpResponseStatus.BAD_REQUEST,
                    Unpooled.copiedBuffer(NOT_UNDERSTOOD, StandardCharsets.UTF_8));
            answer.headers()
                    .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON)
                    .set(HttpHeaderNames.CONTENT_LENGTH, answer.content().readableBytes())
                    .set("X-Content-Type-Options", "nosniff")
                    .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            return answer;
        }

        /** From now on the request hears nothing more; it is answered if nobody has begun to. */
        void refuse(Consumer<Refusal> how) {
            if (deaf) {
                return;
            }
            deaf = true;
            Refusal told = refusal;
            refusal = null;
            if (told == null) {
                end("refused");
            } else {
                how.accept(told);
            }
        }

        @Override
        public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
            ChannelPromise written = promise;
            if (message instanceof HttpResponse answer
                    && answer.status().codeClass() != HttpStatusClass.INFORMATIONAL
                    && !bodyArrived) {
                answer.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            }
            boolean interim = message instanceof HttpResponse answer
                    && answer.status().codeClass() == HttpStatusClass.INFORMATIONAL;
            answerBegun |= !interim;
            if (message instanceof LastHttpContent && !interim) {
                written = promise.unvoid();
                // After Vert.x has finished with it.
                written.addListener(done -> ctx.executor().execute(() -> answered(ctx)));
            }
            ctx.write(message, written);
        }

        private void answered(ChannelHandlerContext ctx) {
            if (state != State.ANSWERING) {
                return;
            }
            refusal = null;
            if (bodyArrived && waiting.isEmpty() && isFollowed()) {
                decoderHasPartOfHead = true;
                become(State.HEAD);
                // What the request before it has cost still counts too: too much, but not for long.
                ends.severalRequests();
                int lines = Math.max(0, ends.lines() - linesCounted); // with the end of a body
                if (!takeLines(lines)) {
                    lost();
                }
                return;
            }
            if (!bodyArrived || waiting.isEmpty()) {
                peers.reading().release(holding);
            }
            if (!bodyArrived) {
                deaf = true;
                become(State.ENDING);
                letGo();
                if (channel instanceof DuplexChannel duplex) {
                    duplex.shutdownOutput();
                }
                channel.config().setAutoRead(true); // to see the end of it
                return;
            }
            become(State.IDLE);
            if (waiting.isEmpty()) {
                ends.nothingFollows();
                linesCounted = 0;
            }
            if (partOfHead != null) { // of the next request, which came before this answer
                become(State.HEAD);
                if (!peers.reading().take(holding, (long) COST_OF_BYTE * partOfHead.readableBytes())) {
                    lost();
                    return;
                }
            }
            boolean handled = !waiting.isEmpty();
            while (!waiting.isEmpty() && !(waiting.peek() instanceof HttpRequest && state == State.ANSWERING)) {
                Object message = waiting.poll();
                if (message instanceof HttpRequest) {
                    requestsWaiting--;
                }
                handle(ctx, message);
            }
            if (handled) {
                ctx.fireChannelReadComplete(); // upon which Vert.x flushes what it answered at once
            }
            if (waiting.isEmpty() && readHeldBack) {
                readHeldBack = false;
                ctx.read();
            }
        }

        @Override
        public void read(ChannelHandlerContext ctx) {
            if (waiting.isEmpty()) {
                ctx.read();
            } else {
                readHeldBack = true;
            }
        }

        void letGo() {
            waiting.forEach(ReferenceCountUtil::release);
            waiting.clear();
            requestsWaiting = 0;
        }
    }
}
