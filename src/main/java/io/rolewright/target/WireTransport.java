package io.rolewright.target;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.InternetProtocolFamily;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.vertx.core.impl.transports.JDKTransport;
import io.vertx.core.net.impl.SocketAddressImpl;
import io.vertx.core.spi.transport.Transport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.ThreadFactory;

/**
 * How the targets' Vert.x makes sockets: each is given its {@link Wire} before it is connected, as the first handler, so that the TLS
 * handler which the driver later puts in front of all others leaves it the decrypted side. The address carries the wire; without
 * one nothing is dialled at all.
 *
 * <p>Decision record 0010 says why this and not one closable Vert.x per session.
 */
final class WireTransport implements Transport {

    /** An address that was checked, with the wire for the session to it. Vert.x takes its host text for SNI and certificate. */
    static final class Address extends SocketAddressImpl {
        private final Wire wire;

        Address(InetAddress address, int port, Wire wire) {
            super(new InetSocketAddress(address, port));
            this.wire = wire;
        }
    }

    private static final class Dial extends InetSocketAddress {
        private final transient Wire wire;

        Dial(InetAddress address, int port, Wire wire) {
            super(address, port);
            this.wire = wire;
        }
    }

    /** Hands the channel to its wire as soon as it is told where to go. */
    private static final class Attach extends ChannelOutboundHandlerAdapter {
        @Override
        public void connect(
                ChannelHandlerContext ctx, SocketAddress remote, SocketAddress local, ChannelPromise promise) {
            if (remote instanceof Dial dial) {
                ctx.pipeline().replace(this, "wire", dial.wire);
                dial.wire.attach(ctx.channel());
                ctx.connect(new InetSocketAddress(dial.getAddress(), dial.getPort()), local, promise);
            } else {
                promise.setFailure(new IllegalStateException("not an address that was checked"));
            }
        }
    }

    @Override
    public SocketAddress convert(io.vertx.core.net.SocketAddress address) {
        return address instanceof Address checked
                ? new Dial(checked.ipAddress(), checked.port(), checked.wire)
                : Transport.super.convert(address);
    }

    @Override
    public ChannelFactory<? extends Channel> channelFactory(boolean domainSocket) {
        if (domainSocket) {
            throw new IllegalArgumentException("targets are reached by TCP only");
        }
        return () -> {
            Channel channel = new NioSocketChannel();
            channel.pipeline().addLast("attach", new Attach());
            return channel;
        };
    }

    @Override
    public EventLoopGroup eventLoopGroup(int type, int nThreads, ThreadFactory threadFactory, int ioRatio) {
        return JDKTransport.INSTANCE.eventLoopGroup(type, nThreads, threadFactory, ioRatio);
    }

    @Override
    public DatagramChannel datagramChannel() {
        return JDKTransport.INSTANCE.datagramChannel();
    }

    @Override
    public DatagramChannel datagramChannel(InternetProtocolFamily family) {
        return JDKTransport.INSTANCE.datagramChannel(family);
    }

    @Override
    public ChannelFactory<? extends ServerChannel> serverChannelFactory(boolean domainSocket) {
        throw new UnsupportedOperationException("targets only");
    }
}
