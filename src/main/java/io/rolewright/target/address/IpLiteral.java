package io.rolewright.target.address;

import java.util.Optional;

/**
 * Reads an IP address from text in its plain forms only: four decimal numbers without leading zeros, or IPv6 as RFC 4291 §2.2
 * writes it. The shorthands that C libraries read as well ({@code 127.1}, {@code 0x7f000001}, {@code 0177.0.0.1}) are not addresses here.
 *
 * <p>Java's own parser is not used because it reads such shorthands and turns a v4-mapped IPv6 address into an IPv4 one.
 */
final class IpLiteral {

    private IpLiteral() {}

    /** @return 4 or 16 bytes */
    static Optional<byte[]> parse(String text) {
        return text.indexOf(':') >= 0 ? parseV6(text) : parseV4(text);
    }

    private static Optional<byte[]> parseV4(String text) {
        String[] parts = text.split("\\.", -1);
        if (parts.length != 4) {
            return Optional.empty();
        }
        byte[] address = new byte[4];
        for (int i = 0; i < 4; i++) {
            if (!parts[i].matches("0|[1-9][0-9]{0,2}") || Integer.parseInt(parts[i]) > 255) {
                return Optional.empty();
            }
            address[i] = (byte) Integer.parseInt(parts[i]);
        }
        return Optional.of(address);
    }

    private static Optional<byte[]> parseV6(String text) {
        int gap = text.indexOf("::");
        if (gap >= 0 && text.indexOf("::", gap + 1) >= 0) {
            return Optional.empty();
        }
        String head = gap < 0 ? text : text.substring(0, gap);
        String tail = gap < 0 ? "" : text.substring(gap + 2);
        Optional<byte[]> first = groups(head, gap < 0);
        Optional<byte[]> last = groups(tail, true);
        if (first.isEmpty() || last.isEmpty()) {
            return Optional.empty();
        }
        int length = first.get().length + last.get().length;
        if (gap < 0 ? length != 16 : length > 14) {
            return Optional.empty();
        }
        byte[] address = new byte[16];
        System.arraycopy(first.get(), 0, address, 0, first.get().length);
        System.arraycopy(last.get(), 0, address, 16 - last.get().length, last.get().length);
        return Optional.of(address);
    }

    /** @param atEnd whether the last group may be an IPv4 address */
    private static Optional<byte[]> groups(String text, boolean atEnd) {
        if (text.isEmpty()) {
            return Optional.of(new byte[0]);
        }
        String[] parts = text.split(":", -1);
        byte[] bytes = new byte[parts.length * 2 + 2];
        int length = 0;
        for (int i = 0; i < parts.length; i++) {
            if (atEnd && i == parts.length - 1 && parts[i].indexOf('.') >= 0) {
                Optional<byte[]> v4 = parseV4(parts[i]);
                if (v4.isEmpty()) {
                    return Optional.empty();
                }
                System.arraycopy(v4.get(), 0, bytes, length, 4);
                length += 4;
            } else if (parts[i].matches("[0-9a-fA-F]{1,4}")) {
                int group = Integer.parseInt(parts[i], 16);
                bytes[length++] = (byte) (group >> 8);
                bytes[length++] = (byte) group;
            } else {
                return Optional.empty();
            }
        }
        return Optional.of(java.util.Arrays.copyOf(bytes, length));
    }
}
