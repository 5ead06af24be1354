package io.rolewright.request;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import io.vertx.core.buffer.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that are sent to many and kept once: outside the heap, where they can be sent from as they are. Whoever does not read them costs
 * no more than his connection.
 */
public final class SharedBytes {

    private SharedBytes() {}

    private static final class Kept extends UnpooledDirectByteBuf {
        Kept(byte[] bytes) {
            super(UnpooledByteBufAllocator.DEFAULT, bytes.length, bytes.length);
            writeBytes(bytes);
        }
    }

    /** @return a copy that stays for as long as the process, however often it is sent */
    public static Buffer of(byte[] bytes) {
        return Buffer.buffer(Unpooled.unreleasableBuffer(new Kept(bytes)));
    }

    /** Whether nobody made a copy for whom this is sent to. */
    public static boolean isPart(ByteBuf bytes) {
        for (@Nullable ByteBuf at = bytes; at != null; at = at.unwrap()) {
            if (at instanceof Kept) {
                return true;
            }
        }
        return false;
    }
}
