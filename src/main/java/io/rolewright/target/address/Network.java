package io.rolewright.target.address;

import java.net.InetAddress;
import java.util.Arrays;

/**
 * A network in CIDR form.
 *
 * @param base 4 or 16 bytes; the bits after the prefix are zero
 * @param prefix number of leading bits that count
 */
record Network(byte[] base, int prefix) {

    /**
     * @param text {@code 10.0.0.0/8}, {@code fd00::/8}, or a single address
     * @throws IllegalArgumentException with a readable sentence
     */
    static Network parse(String text) {
        int slash = text.indexOf('/');
        String address = slash < 0 ? text : text.substring(0, slash);
        byte[] base = IpLiteral.parse(address)
                .orElseThrow(() -> new IllegalArgumentException("'" + text + "' is not a network like 10.0.0.0/8."));
        int prefix = slash < 0 ? base.length * 8 : prefixOf(text, slash, base.length * 8);
        Network network = new Network(base, prefix);
        if (!Arrays.equals(network.masked(base), base)) {
            throw new IllegalArgumentException("'" + text + "' has bits set after its prefix.");
        }
        return network;
    }

    private static int prefixOf(String text, int slash, int bits) {
        String digits = text.substring(slash + 1);
        if (!digits.matches("\\d{1,3}") || Integer.parseInt(digits) > bits) {
            throw new IllegalArgumentException("'" + text + "' has no prefix length from 0 to " + bits + ".");
        }
        return Integer.parseInt(digits);
    }

    boolean contains(byte[] address) {
        return address.length == base.length && Arrays.equals(masked(address), base);
    }

    boolean contains(InetAddress address) {
        return contains(address.getAddress());
    }

    private byte[] masked(byte[] address) {
        byte[] masked = address.clone();
        for (int bit = prefix; bit < address.length * 8; bit++) {
            masked[bit / 8] &= (byte) ~(0x80 >> bit % 8);
        }
        return masked;
    }
}
