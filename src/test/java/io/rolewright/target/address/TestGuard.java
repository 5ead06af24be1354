package io.rolewright.target.address;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;

/** Names that the machine's resolver does not know. */
public final class TestGuard {

    private TestGuard() {}

    /**
     * @param allowed a CIDR
     * @param names with their addresses, in the order in which they are dialled
     */
    public static AddressGuard of(String allowed, Map<String, List<String>> names) {
        return new AddressGuard(
                List.of(Network.parse(allowed)), false, List.of(), new NameLookup(2, name -> addresses(names, name)));
    }

    private static InetAddress[] addresses(Map<String, List<String>> names, String name) throws UnknownHostException {
        // A name server's answer ends with a dot, or not.
        List<String> found = names.get(name.endsWith(".") ? name.substring(0, name.length() - 1) : name);
        if (found == null) {
            throw new UnknownHostException(name);
        }
        InetAddress[] addresses = new InetAddress[found.size()];
        for (int i = 0; i < addresses.length; i++) {
            addresses[i] = InetAddress.getByName(found.get(i));
        }
        return addresses;
    }
}
