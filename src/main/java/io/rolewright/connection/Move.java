package io.rolewright.connection;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What a change of credentials does to where a connection leads, and to who may pose as its server. User and password are not in it: they
 * send nobody's secret anywhere.
 *
 * @param leadsElsewhere to another host, port or database
 * @param tlsWeakened by a weaker {@code sslMode}, or by other authorities to trust than before
 * @param changed either of them, TLS in some other way, or that another server is meant where it leads already
 */
record Move(boolean leadsElsewhere, boolean tlsWeakened, boolean changed) {

    static final Move NONE = new Move(false, false, false);

    static Move of(Credentials before, Credentials after) {
        boolean elsewhere = !before.host().equals(after.host())
                || before.port() != after.port()
                || !before.database().equals(after.database());
        boolean otherTrust = !Objects.equals(before.caPem(), after.caPem());
        boolean weaker = after.sslMode().compareTo(before.sslMode()) < 0 || otherTrust;
        boolean otherClient = !Objects.equals(before.clientCertificatePem(), after.clientCertificatePem())
                || !Objects.equals(before.clientKeyPem(), after.clientKeyPem());
        return new Move(
                elsewhere, weaker, elsewhere || otherTrust || otherClient || before.sslMode() != after.sslMode());
    }

    /** The same, by somebody who says that passwords are to be changed on the server that is there now. */
    Move confirmed() {
        return new Move(leadsElsewhere, tlsWeakened, true);
    }

    /** For the audit: what is true of it. */
    Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        if (leadsElsewhere) {
            facts.put("leadsElsewhere", true);
        }
        if (tlsWeakened) {
            facts.put("tlsWeakened", true);
        }
        return facts;
    }
}
