package io.rolewright.listener;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ByteProcessor;

/**
 * Sees what the decoder of one connection is given, and so knows whether it is left with part of a request when the one before is
 * answered: the decoder itself does not tell. Runs on the channel's event loop, right before the decoder.
 */
final class RequestEnds extends ChannelInboundHandlerAdapter implements ByteProcessor {

    /** Of the first request since {@link #nothingFollows}. */
    private boolean headBegun;

    private boolean headEnded;
    private boolean headFolded;
    private long afterHead;

    private boolean several;

    private int lines;
    private int inLine;
    private byte last;
    private boolean atBlankLine = true;

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof ByteBuf bytes) {
            bytes.forEachByte(this);
        }
        ctx.fireChannelRead(message);
    }

    @Override
    public boolean process(byte next) {
        if (headEnded) {
            afterHead++;
        } else if (!headBegun) {
            if ((next & 0xFF) <= ' ') { // the decoder skips it
                return true;
            }
            headBegun = true;
        } else if (inLine == 0 && (next == ' ' || next == '\t')) {
            headFolded = true;
        }
        if (next == '\n') {
            atBlankLine = inLine == 0 || inLine == 1 && last == '\r';
            headEnded |= atBlankLine;
            inLine = 0;
            lines++;
        } else {
            atBlankLine = false;
            inLine++;
        }
        last = next;
        return true;
    }

    /** Whether the last byte ended a head, or a body in chunks. */
    boolean atBlankLine() {
        return atBlankLine;
    }

    /** Whether a line of the first head goes on in the next, which the decoder puts together and others read as two, or not at all. */
    boolean isFolded() {
        return headFolded;
    }

    /** How many have come since {@link #nothingFollows}. */
    int lines() {
        return lines;
    }

    /** Whether more has come than one request with a body of this many bytes; of several, whether the last of them ends no head. */
    boolean isFollowed(long bodyBytes) {
        return several ? !atBlankLine : afterHead > bodyBytes;
    }

    /** From now on nobody can say where the last one began. */
    void severalRequests() {
        several = true;
    }

    /** The next byte begins a request. */
    void nothingFollows() {
        headBegun = false;
        headEnded = false;
        headFolded = false;
        afterHead = 0;
        several = false;
        lines = 0;
        inLine = 0;
        atBlankLine = true;
    }
}
