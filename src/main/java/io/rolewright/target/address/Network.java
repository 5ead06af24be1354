package io.rolewright.target.address;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A network in CIDR form. Never asks a name server.
 *
 * @param base 4 or 16 bytes; the bits after the prefix are zero
 * @param prefix number of leading bits that count
 */
public record Network(byte[] base, int prefix) {

    /**
     * Of what an operator opens or closes: nothing but what is meant exactly as it stands there.
     *
     * @param text {@code 10.0.0.0/8}, {@code fd00::/8}, or a single address
     * @throws IllegalArgumentException with a readable sentence
     */
    static Network parse(String text) {
        byte[] base = IpLiteral.parse(address(text))
                .orElseThrow(() -> new IllegalArgumentException("'" + text + "' is not a network like 10.0.0.0/8."));
        int bits = base.length * 8;
        int prefix = prefix(text, bits);
        if (prefix < 0) {
            throw new IllegalArgumentException("'" + text + "' has no prefix length from 0 to " + bits + ".");
        }
        if (!Arrays.equals(masked(base, prefix), base)) {
            throw new IllegalArgumentException("'" + text + "' has bits set after its prefix.");
        }
        return new Network(base, prefix);
    }

    /**
     * Of addresses that callers come from, as lenient as the reference is: bits after the prefix do not count, and IPv4 addresses may be
     * written as IPv6.
     *
     * @param text such as {@code 10.0.0.0/8} or {@code fd00::/8}; a bare address is a network of one
     */
    public static Optional<Network> ofCallers(String text) {
        byte[] base = caller(address(text));
        if (base == null) {
            return Optional.empty();
        }
        int prefix = prefix(text, base.length * 8);
        return prefix < 0 ? Optional.empty() : Optional.of(new Network(masked(base, prefix), prefix));
    }

    /** @return 4 or 16 bytes, 4 for an IPv4 address written as IPv6 too; null if the text is no numeric address */
    public static byte @Nullable [] caller(String text) {
        byte[] bytes = NetUtil.createByteArrayFromIpAddressString(text);
        try {
            return bytes == null ? null : InetAddress.getByAddress(bytes).getAddress();
        } catch (UnknownHostException e) {
            throw new IllegalStateException("Netty made an address of " + bytes.length + " bytes", e);
        }
    }

    private static String address(String text) {
        int slash = text.indexOf('/');
        return slash < 0 ? text : text.substring(0, slash);
    }

    /** @return all bits where the text names none; -1 where it names what is no number of them */
    private static int prefix(String text, int bits) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            return bits;
        }
        String digits = text.substring(slash + 1);
        return digits.matches("\\d{1,3}") && Integer.parseInt(digits) <= bits ? Integer.parseInt(digits) : -1;
    }

    public boolean contains(byte[] address) {
        return address.length == base.length && Arrays.equals(masked(address, prefix), base);
    }

    boolean contains(InetAddress address) {
        return contains(address.getAddress());
    }

    private static byte[] masked(byte[] address, int prefix) {
        byte[] masked = address.clone();
        for (int bit = prefix; bit < address.length * 8; bit++) {
            masked[bit / 8] &= (byte) ~(0x80 >> bit % 8);
        }
        return masked;
    }
}
