package io.rolewright.listener;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Stands before one port: decides of each connection whether it is let in, and closes those whose time is over. */
final class Doorkeeper extends ChannelInboundHandlerAdapter {

    private final Function<InetSocketAddress, Peers> ports;
    private @Nullable Peers peers;
    private @Nullable ScheduledFuture<?> sweeping;

    /** @param ports asked once, with the address that is bound */
    Doorkeeper(Function<InetSocketAddress, Peers> ports) {
        this.ports = ports;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        Peers open = ports.apply((InetSocketAddress) ctx.channel().localAddress());
        peers = open;
        sweeping = ctx.executor().scheduleWithFixedDelay(open::sweep, 1, 1, TimeUnit.SECONDS);
        ctx.fireChannelActive();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object accepted) {
        Channel channel = (Channel) accepted;
        if (peers == null || !peers.admit(channel)) {
            channel.unsafe().closeForcibly();
            ReferenceCountUtil.release(accepted);
            return;
        }
        ctx.fireChannelRead(accepted);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (peers != null && sweeping != null) {
            sweeping.cancel(false);
            peers.close();
        }
        ctx.fireChannelInactive();
    }
}
