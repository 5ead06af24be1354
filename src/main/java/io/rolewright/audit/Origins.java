package io.rolewright.audit;

/** By what an address is counted. */
public interface Origins {

    /** @return the address, or the network that whoever has it has whole, which for IPv6 is a /64 */
    String originOf(String address);
}
