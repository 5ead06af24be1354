package io.rolewright.target.address;

import java.net.InetAddress;
import java.util.List;

/** What the address guard says about a host. */
public sealed interface Checked {

    /**
     * @param name what the certificate must be made out to: without brackets and trailing dot
     * @param resolved all addresses of the host
     * @param dial those of them that may be dialled, in the resolver's order; never empty. Each carries {@code name}, so that
     *     nothing looks it up again
     */
    record Open(String name, List<String> resolved, List<InetAddress> dial) implements Checked {}

    record Closed(Reason reason, List<String> resolved) implements Checked {}

    enum Reason {
        MALFORMED,
        NOT_FOUND,
        LOOKUP_TIMED_OUT,
        /** Every address of the host is of a kind that is not open to callers. */
        REFUSED
    }
}
