package io.rolewright.target;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.ssl.SslHandler;
import io.rolewright.password.ScramKeys;
import io.rolewright.password.ScramSalt;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Stands between the socket (or TLS) and the driver for one session, sees what the server sends before the driver does, and is
 * the handle that frees the socket at once. Inbound messages are passed on one by one, whole.
 *
 * <p><strong>What this protects against.</strong> The driver answers a server's request for the password in clear or as MD5 with or without TLS, takes
 * any number of SCRAM iterations, logs what servers say in
 * notices, and has no bound on what it reads. Here such messages end the session before the driver gets them.
 *
 * <p><strong>What it does not.</strong> A server that answers slowly but properly: the deadline does that. TLS records are bounded by Java's
 * TLS engine alone.
 *
 * <p>Fields are written on the channel's loop and read anywhere; {@link #kill} may be called from any thread.
 */
final class Wire extends ByteToMessageDecoder {

    /** RFC 7677 asks for at least 4,096; at 100,000 one login costs a quarter of a second of computing. */
    static final int MAXIMUM_ITERATIONS = 100_000;

    /** A login needs less than 2 KiB; an error may carry a long text. */
    static final int MAXIMUM_LOGIN_BYTES = 64 * 1024;

    /** Our statements have small answers. */
    static final int MAXIMUM_MESSAGE_BYTES = 1024 * 1024;

    static final int MAXIMUM_SESSION_BYTES = 8 * 1024 * 1024;

    private static final int MAXIMUM_NOTICES = 100;

    /** How far a login came. */
    enum Phase {
        CONNECTING,
        /** SSLRequest sent. */
        TLS_ASKED,
        TLS_HANDSHAKE,
        LOGIN,
        READY
    }

    /** How the server asked for a proof of the password. */
    enum Challenge {
        NONE,
        CLEARTEXT,
        MD5,
        SCRAM
    }

    private final SslMode mode;
    private final String password;
    private final @Nullable ScramKeys keys;
    private final boolean scramOnly;
    private final boolean stopAtChallenge;

    private volatile Phase phase = Phase.CONNECTING;
    private volatile Challenge challenge = Challenge.NONE;
    private volatile PasswordRule rule = PasswordRule.UNKNOWN;
    private volatile boolean spoken;
    private volatile boolean asked;
    private volatile boolean authenticated;
    private volatile @Nullable ScramSalt salt;
    private volatile boolean signed;
    private volatile String serverVersion = "";
    private volatile @Nullable Unreachability fault;
    private volatile @Nullable Channel channel;
    private volatile SessionFacts.@Nullable Tls tls;
    private byte @Nullable [] endPoint;
    private @Nullable ScramExchange scram;
    private int bytes;
    private int notices;

    /**
     * @param password for SCRAM, which goes on here and not in the driver
     * @param keys of the password, where they were derived already; absent for none
     * @param scramOnly ends the session when the server asks for the password in any other form
     * @param stopAtChallenge ends the session as soon as the server has shown how it lets the role try, and for SCRAM the salt of
     *     the role's secret, before anything is sent that it could judge
     */
    Wire(SslMode mode, String password, @Nullable ScramKeys keys, boolean scramOnly, boolean stopAtChallenge) {
        this.mode = mode;
        this.password = password;
        this.keys = keys;
        this.scramOnly = scramOnly;
        this.stopAtChallenge = stopAtChallenge;
    }

    // ---- what was seen

    Phase phase() {
        return phase;
    }

    Challenge challenge() {
        return challenge;
    }

    /** What the server's first word about authentication was. */
    PasswordRule rule() {
        return rule;
    }

    /** Whether the server has sent anything. */
    boolean spoken() {
        return spoken;
    }

    /** Whether the server has said anything about authentication but an error. */
    boolean asked() {
        return asked;
    }

    /** Whether the server has sent AuthenticationOk. */
    boolean authenticated() {
        return authenticated;
    }

    /** What a SCRAM challenge showed of the role's secret; null before it. */
    @Nullable
    ScramSalt salt() {
        return salt;
    }

    /** Whether the server has signed the SCRAM exchange: it keeps the secret of this very password, and our proof held. */
    boolean signed() {
        return signed;
    }

    String serverVersion() {
        return serverVersion;
    }

    /** Why we ended the session, if we did. */
    @Nullable
    Unreachability fault() {
        return fault;
    }

    SessionFacts.@Nullable Tls tls() {
        return tls;
    }

    // ---- life of the channel

    /** The socket is about to be connected. Called on its loop. */
    void attach(Channel opening) {
        channel = opening;
        if (fault != null) {
            free(opening);
        }
    }

    /** TCP stands. */
    @Override
    public void channelActive(ChannelHandlerContext ctx) throws Exception {
        phase = mode == SslMode.DISABLE ? Phase.LOGIN : Phase.TLS_ASKED;
        super.channelActive(ctx);
    }

    /** Ends the session for a reason that then explains it, and frees the socket at once. Later calls change nothing. */
    void kill(Unreachability reason) {
        if (fault == null) {
            fault = reason;
        }
        Channel open = channel;
        if (open != null) {
            free(open);
        }
    }

    /** The netty channel, to wait for its end; null before there was one. */
    @Nullable
    Channel channel() {
        return channel;
    }

    /**
     * An ordinary close would send what is queued, wait for TLS to say good-bye, and leave the socket half open until the
     * server closes its side, which a hostile one never does. With SO_LINGER 0 the kernel drops it with a reset.
     */
    private static void free(Channel open) {
        open.eventLoop().execute(() -> {
            if (open.isOpen()) {
                try {
                    open.config().setOption(ChannelOption.SO_LINGER, 0);
                } catch (ChannelException alreadyGone) {
                    // Closing is all that matters.
                }
                open.unsafe().close(open.unsafe().voidPromise());
            }
        });
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) throws Exception {
        if (fault == null && phase == Phase.TLS_HANDSHAKE) {
            fault = Unreachability.TLS_HANDSHAKE_FAILED;
        }
        super.channelInactive(ctx);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) throws Exception {
        // In TLS 1.3 a server refuses a client's certificate after the handshake.
        if (fault == null && phase != Phase.READY && causedByTls(cause)) {
            fault = Unreachability.TLS_HANDSHAKE_FAILED;
        }
        super.exceptionCaught(ctx, cause);
    }

    private static boolean causedByTls(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof SSLException) {
                return true;
            }
        }
        return false;
    }

    // ---- messages

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        spoken = true;
        if (fault != null) {
            in.skipBytes(in.readableBytes());
        } else if (phase == Phase.TLS_ASKED) {
            tlsAnswer(in, out);
        } else if (phase == Phase.TLS_HANDSHAKE && ctx.pipeline().get(SslHandler.class) == null) {
            // Bytes in clear after the S that announces TLS: somebody slips us something (compare CVE-2021-23222).
            kill(Unreachability.NOT_POSTGRESQL);
        } else {
            if (phase == Phase.TLS_HANDSHAKE) {
                phase = Phase.LOGIN;
                encrypted(ctx.pipeline().get(SslHandler.class).engine().getSession());
            }
            message(ctx, in, out);
        }
    }

    @Override
    protected void decodeLast(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        in.skipBytes(in.readableBytes());
    }

    private void tlsAnswer(ByteBuf in, List<Object> out) {
        byte answer = in.getByte(in.readerIndex());
        if (answer == 'S' && in.readableBytes() == 1) {
            phase = Phase.TLS_HANDSHAKE;
            out.add(in.readRetainedSlice(1));
        } else {
            kill(
                    answer == 'N' && in.readableBytes() == 1
                            ? Unreachability.TLS_NOT_OFFERED
                            : Unreachability.NOT_POSTGRESQL);
        }
    }

    private void message(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        if (in.readableBytes() < 5) {
            return;
        }
        int start = in.readerIndex();
        byte type = in.getByte(start);
        int length = in.getInt(start + 1);
        boolean ready = phase == Phase.READY;
        if (length < 4 || (!ready && "RENSKZ".indexOf(type) < 0)) {
            kill(Unreachability.NOT_POSTGRESQL);
            return;
        }
        if (length > (ready ? MAXIMUM_MESSAGE_BYTES : MAXIMUM_LOGIN_BYTES)) {
            // Text read as a length is a huge number: most often this is another protocol.
            kill(ready || authenticated ? Unreachability.TOO_MUCH_DATA : Unreachability.NOT_POSTGRESQL);
            return;
        }
        if (in.readableBytes() <= length) {
            return;
        }
        bytes += length + 1;
        if (bytes > (ready ? MAXIMUM_SESSION_BYTES : MAXIMUM_LOGIN_BYTES)) {
            kill(Unreachability.TOO_MUCH_DATA);
            return;
        }
        ByteBuf message = in.readSlice(length + 1);
        boolean ours = type == 'N' || type == 'A' || type == 'R' && isScram(message);
        inspect(ctx, type, message.slice(5, length - 4));
        if (fault == null && !ours) {
            out.add(message.retain());
        }
    }

    /** Which the driver hears nothing of: to it, the server asks for no password. */
    private static boolean isScram(ByteBuf message) {
        return message.readableBytes() >= 9 && message.getInt(5) >= 10 && message.getInt(5) <= 12;
    }

    private void inspect(ChannelHandlerContext ctx, byte type, ByteBuf body) {
        switch (type) {
            case 'R' -> authentication(ctx, body);
            case 'N' -> {
                if (++notices > MAXIMUM_NOTICES) {
                    kill(Unreachability.TOO_MUCH_DATA);
                }
            }
            case 'S' -> parameter(body.toString(StandardCharsets.UTF_8));
            case 'Z' -> {
                if (!authenticated) {
                    kill(Unreachability.NOT_POSTGRESQL);
                } else {
                    phase = Phase.READY;
                }
            }
            default -> {}
        }
    }

    private void parameter(String pair) {
        if (pair.startsWith("server_version\0")) {
            String version = pair.substring("server_version\0".length()).replaceAll("[^\\x20-\\x7e]", "");
            serverVersion = version.substring(0, Math.min(version.length(), 100));
        }
    }

    private void authentication(ChannelHandlerContext ctx, ByteBuf body) {
        if (body.readableBytes() < 4 || phase == Phase.READY || authenticated) {
            kill(Unreachability.NOT_POSTGRESQL);
            return;
        }
        int kind = body.readInt();
        if (!asked) {
            asked = true;
            rule = rule(kind, body);
        }
        if (stopAtChallenge && !(kind == 10 && rule == PasswordRule.SCRAM) && kind != 11) {
            authenticated = kind == 0;
            kill(Unreachability.AUTHENTICATION_NOT_SUPPORTED);
            return;
        }
        switch (kind) {
            case 0 -> ok();
            case 3 -> password(Challenge.CLEARTEXT, Unreachability.CLEARTEXT_PASSWORD_DEMANDED);
            case 5 -> password(Challenge.MD5, Unreachability.MD5_PASSWORD_DEMANDED);
            case 10 -> sasl(ctx, body.toString(StandardCharsets.UTF_8));
            case 11 -> challenged(ctx, body.toString(StandardCharsets.UTF_8));
            case 12 -> signature(body.toString(StandardCharsets.UTF_8));
            default -> kill(Unreachability.AUTHENTICATION_NOT_SUPPORTED);
        }
    }

    private PasswordRule rule(int kind, ByteBuf body) {
        return switch (kind) {
            case 0 -> PasswordRule.NOT_ASKED;
            case 3 -> PasswordRule.CLEARTEXT;
            case 5 -> PasswordRule.MD5;
            case 10 ->
                offersScram(body.toString(StandardCharsets.UTF_8))
                        ? PasswordRule.SCRAM
                        : PasswordRule.ANOTHER_MECHANISM;
            default -> PasswordRule.ANOTHER_MECHANISM;
        };
    }

    private boolean offersScram(String mechanisms) {
        return exchange(mechanisms) != null;
    }

    /**
     * With channel binding, where there is TLS and the server offers it. Null where it offers nothing that we can take.
     */
    private @Nullable ScramExchange exchange(String mechanisms) {
        List<String> offered = List.of(mechanisms.split("\0"));
        byte[] shown = endPoint;
        boolean binds = tls != null && offered.contains(ScramExchange.BOUND);
        if (binds && shown != null) {
            return ScramExchange.bound(shown);
        }
        if (!offered.contains(ScramExchange.MECHANISM)) {
            return null;
        }
        return tls == null || binds ? ScramExchange.unbound() : ScramExchange.notOffered();
    }

    private void ok() {
        if (challenge == Challenge.SCRAM && !signed) {
            kill(Unreachability.SERVER_NOT_AUTHENTIC);
        } else {
            authenticated = true;
        }
    }

    /**
     * Only a server whose certificate was checked is shown a password that a person chose, or a hash of it that can be tried out quickly;
     * none is shown one of ours.
     */
    private void password(Challenge kind, Unreachability refusal) {
        if (scramOnly || !mode.verifies() || challenge != Challenge.NONE) {
            kill(refusal);
        } else {
            challenge = kind;
        }
    }

    private void sasl(ChannelHandlerContext ctx, String mechanisms) {
        ScramExchange begun = exchange(mechanisms);
        if (challenge != Challenge.NONE) {
            kill(Unreachability.NOT_POSTGRESQL);
        } else if (begun != null && cannotBind(mechanisms)) {
            kill(Unreachability.CHANNEL_BINDING_IMPOSSIBLE);
        } else if (begun != null) {
            challenge = Challenge.SCRAM;
            scram = begun;
            byte[] first = begun.clientFirst().getBytes(StandardCharsets.US_ASCII);
            byte[] mechanism = begun.mechanism().getBytes(StandardCharsets.US_ASCII);
            ByteBuf message = ctx.alloc().buffer(10 + mechanism.length + first.length);
            message.writeByte('p').writeInt(4 + mechanism.length + 1 + 4 + first.length);
            message.writeBytes(mechanism).writeByte(0).writeInt(first.length).writeBytes(first);
            ctx.writeAndFlush(message, ctx.voidPromise());
        } else {
            kill(Unreachability.AUTHENTICATION_NOT_SUPPORTED);
        }
    }

    /**
     * Whether anybody could show us such a certificate and pass on what we say: the server offers channel binding, nothing can be bound to
     * the certificate, and nobody has verified it. libpq refuses that too.
     */
    private boolean cannotBind(String mechanisms) {
        return tls != null
                && endPoint == null
                && !mode.verifies()
                && List.of(mechanisms.split("\0")).contains(ScramExchange.BOUND);
    }

    private void challenged(ChannelHandlerContext ctx, String message) {
        ScramExchange begun = scram;
        if (begun == null) {
            kill(Unreachability.NOT_POSTGRESQL);
        } else if (tooManyIterations(message)) {
            kill(Unreachability.TOO_MANY_ITERATIONS);
        } else if (!begun.challenged(message)) {
            kill(Unreachability.NOT_POSTGRESQL);
        } else {
            salt = begun.salt();
            if (stopAtChallenge) {
                kill(Unreachability.AUTHENTICATION_NOT_SUPPORTED);
            } else if (password.isEmpty()) {
                free(ctx.channel()); // there is no proof of nothing, and no role has an empty password
            } else {
                byte[] last = begun.clientFinal(password, keys).getBytes(StandardCharsets.US_ASCII);
                ByteBuf answer = ctx.alloc().buffer(5 + last.length);
                answer.writeByte('p').writeInt(4 + last.length).writeBytes(last);
                ctx.writeAndFlush(answer, ctx.voidPromise());
            }
        }
    }

    /** Every {@code i=} counts (RFC 5802 §7), so that the reason is told whatever else is wrong with the message. */
    private static boolean tooManyIterations(String message) {
        for (String attribute : message.split(",", -1)) {
            if (attribute.matches("i=[1-9][0-9]*")
                    && (attribute.length() > 11 || Integer.parseInt(attribute.substring(2)) > MAXIMUM_ITERATIONS)) {
                return true;
            }
        }
        return false;
    }

    private void signature(String message) {
        ScramExchange begun = scram;
        if (begun != null && begun.signs(message)) {
            signed = true;
        } else {
            kill(begun == null ? Unreachability.NOT_POSTGRESQL : Unreachability.SERVER_NOT_AUTHENTIC);
        }
    }

    private void encrypted(SSLSession session) {
        try {
            X509Certificate leaf = (X509Certificate) session.getPeerCertificates()[0];
            endPoint = ChannelBinding.endPoint(leaf);
            tls = new SessionFacts.Tls(
                    session.getProtocol(),
                    session.getCipherSuite(),
                    mode.verifies(),
                    leaf.getSubjectX500Principal().getName(),
                    leaf.getIssuerX500Principal().getName(),
                    leaf.getNotBefore().toInstant(),
                    leaf.getNotAfter().toInstant());
        } catch (SSLPeerUnverifiedException anonymous) {
            throw new IllegalStateException(anonymous); // no anonymous cipher suite is enabled
        }
    }
}
