package io.rolewright.target.address;

import java.net.IDN;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * A host as a caller writes it, understood in one way only.
 *
 * @param name what the certificate must be made out to: ASCII, lower case, without brackets and trailing dot
 * @param literal the address itself when it was written as one
 * @param lookup what the name servers are asked; keeps a trailing dot, which switches search domains off
 */
record Host(String name, Optional<byte[]> literal, String lookup) {

    /** Names under which clouds offer their metadata service. The address check refuses them too; this holds behind odd name servers as well. */
    private static final Set<String> METADATA_NAMES = Set.of(
            "metadata",
            "metadata.google.internal",
            "metadata.goog",
            "instance-data",
            "instance-data.ec2.internal",
            "metadata.azure.com",
            "metadata.azure.internal",
            "metadata.tencentyun.com",
            "metadata.oraclecloud.com");

    /** @return empty when it is neither a host name nor a plain IP address */
    static Optional<Host> parse(String text) {
        if (text.isEmpty() || text.length() > 255) {
            return Optional.empty();
        }
        if (text.indexOf(':') >= 0) {
            boolean bracketed = text.startsWith("[") && text.endsWith("]");
            String inner = bracketed ? text.substring(1, text.length() - 1) : text;
            return IpLiteral.parse(inner).map(bytes -> {
                String plain = inner.toLowerCase(Locale.ROOT);
                return new Host(plain, Optional.of(bytes), plain);
            });
        }
        return ascii(text).flatMap(Host::parseAscii);
    }

    private static Optional<String> ascii(String text) {
        try {
            return Optional.of(IDN.toASCII(text, 0).toLowerCase(Locale.ROOT));
        } catch (IllegalArgumentException notAName) {
            return Optional.empty();
        }
    }

    private static Optional<Host> parseAscii(String text) {
        String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        if (name.isEmpty() || name.length() > 253) {
            return Optional.empty();
        }
        String[] labels = name.split("\\.", -1);
        for (String label : labels) {
            // Underscores are no host names by RFC 952 but common in container networks.
            if (!label.matches("[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")) {
                return Optional.empty();
            }
        }
        // What ends in a number is an address or nothing (WHATWG URL, host parsing): C libraries read 2130706433 or
        // 0x7f.1 as one.
        String last = labels[labels.length - 1];
        if (last.matches("[0-9]+|0x[0-9a-f]*")) {
            return text.equals(name)
                    ? IpLiteral.parse(name).map(bytes -> new Host(name, Optional.of(bytes), name))
                    : Optional.empty();
        }
        return Optional.of(new Host(name, Optional.empty(), text));
    }

    boolean namesMetadata() {
        return METADATA_NAMES.contains(name);
    }
}
