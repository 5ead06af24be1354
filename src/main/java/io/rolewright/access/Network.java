package io.rolewright.access;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A range of IP addresses in CIDR form, for addresses that callers come from. Never asks a name server. */
record Network(byte[] base, int prefixBits) {

    /** @param text such as {@code 10.0.0.0/8} or {@code fd00::/8}; a bare address is a network of one */
    static Optional<Network> parse(String text) {
        var slash = text.indexOf('/');
        byte[] base = address(slash < 0 ? text : text.substring(0, slash));
        if (base == null) {
            return Optional.empty();
        }
        var bits = base.length * 8;
        if (slash >= 0) {
            var suffix = text.substring(slash + 1);
            if (!suffix.matches("\\d{1,3}") || Integer.parseInt(suffix) > bits) {
                return Optional.empty();
            }
            bits = Integer.parseInt(suffix);
        }
        return Optional.of(new Network(base, bits));
    }

    /** @return 4 or 16 bytes, 4 for an IPv4 address written as IPv6 too; null if the text is no numeric address */
    static byte @Nullable [] address(String text) {
        byte[] bytes = NetUtil.createByteArrayFromIpAddressString(text);
        try {
            return bytes == null ? null : InetAddress.getByAddress(bytes).getAddress();
        } catch (UnknownHostException e) {
            throw new IllegalStateException("Netty made an address of " + bytes.length + " bytes", e);
        }
    }

    boolean contains(byte[] address) {
        return address.length == base.length && sameBits(address);
    }

    private boolean sameBits(byte[] address) {
        for (int i = 0; i * 8 < prefixBits; i++) {
            int counted = Math.min(8, prefixBits - i * 8);
            int mask = 0xFF << (8 - counted) & 0xFF;
            if ((address[i] & mask) != (base[i] & mask)) {
                return false;
            }
        }
        return true;
    }
}
