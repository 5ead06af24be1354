package io.rolewright.listener;

import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.quarkus.arc.Arc;
import io.quarkus.runtime.LaunchMode;
import io.quarkus.vertx.core.runtime.QuarkusExecutorFactory;
import io.vertx.core.impl.VertxBuilder;
import io.vertx.core.impl.transports.JDKTransport;
import io.vertx.core.spi.VertxServiceProvider;

/**
 * Puts {@link Doorkeeper} before each port that Quarkus opens: Vert.x has no hook that sees a connection before it has sent a whole
 * request. Found by Vert.x' service loader; decision record 0018 says why this way.
 */
public final class GuardedTransport implements VertxServiceProvider {

    @Override
    public void init(VertxBuilder builder) {
        // Not the Vert.x of targets, nor one of a test. In development mode ports outlive the classes that opened them.
        if (builder.executorServiceFactory() instanceof QuarkusExecutorFactory
                && builder.findTransport() instanceof JDKTransport
                && LaunchMode.current() != LaunchMode.DEVELOPMENT) {
            builder.findTransport(new Guarded());
        }
    }

    private static final class Guarded extends JDKTransport {

        @Override
        public ChannelFactory<? extends ServerChannel> serverChannelFactory(boolean domainSocket) {
            if (domainSocket) {
                return super.serverChannelFactory(true);
            }
            return () -> {
                NioServerSocketChannel port = new NioServerSocketChannel();
                port.pipeline()
                        .addLast(
                                "doorkeeper",
                                new Doorkeeper(address -> Arc.container()
                                        .instance(Listener.class)
                                        .get()
                                        .open(address)));
                return port;
            };
        }
    }
}
