package io.rolewright.access;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Settings of logins and tokens. */
@ConfigMapping(prefix = "rolewright.access")
public interface AccessConfig {

    /**
     * How long an access token is valid after a login or a renewal: 30 s to 365 d. Longer means fewer logins and a longer-lived
     * loot.
     */
    @WithDefault("1h")
    Duration tokenTtl();

    /**
     * How long after its login a token can be renewed at most: {@link #tokenTtl} to 365 d. As long as in the reference, since
     * clients that keep a Kubernetes token of their first login never log in again; each renewal asks the store whether what the
     * token was obtained with still counts.
     */
    @WithDefault("30d")
    Duration tokenMaxTtl();

    /**
     * How late at most a revocation that another replica took takes effect here: 1 to 60 s. While requests come in, the
     * store is asked twice per delay; without requests it is left alone.
     */
    @WithDefault("5s")
    Duration revocationDelay();

    Lockout lockout();

    /**
     * Networks of the proxies in front of us, in CIDR form. Only a request that comes from one of them may say in
     * {@code X-Forwarded-For} whom it forwards. Without any, the address of the connection counts, so that behind an
     * ingress all callers share one lockout per client id.
     */
    Optional<List<String>> trustedProxies();

    /**
     * Issuers of foreign tokens that the operator vouches for, by a name of his own: reached as written, whatever their
     * address. All others come over the API and are reached only at open addresses.
     */
    Map<String, Issuer> issuers();

    /** Where the keys of one issuer are found. */
    interface Issuer {

        /** The issuer, as its tokens say it in {@code iss}. */
        String issuer();

        /** HTTPS URL below which {@code /.well-known/openid-configuration} lies, if that is not the issuer itself. */
        Optional<String> url();

        /** PEM file with the authority of its certificate; absent: the usual ones. */
        Optional<Path> caFile();

        /** A file with a bearer token to show, for clusters that do not show their keys to everybody. */
        Optional<Path> tokenFile();
    }

    Limits limits();

    /**
     * Calls per minute in one replica, with bursts of as many; 0: without limit. At most 1,000,000. Of logins those that fail are
     * counted, since clients do not try again those that were refused.
     */
    interface Limits {

        /** From one address (IPv6: one /64), whatever identity is named. */
        @WithDefault("120")
        int loginsPerAddress();

        /** From one address, of one client id or identity. */
        @WithDefault("30")
        int loginsPerIdentity();

        /**
         * Tests of connections and webhooks, preflights of rotations, and what tests what it is made of: creates of connections
         * and rotations, and changes of credentials.
         */
        @WithDefault("120")
        int testsPerAddress();

        /** The same, of one identity, whatever address it calls from. */
        @WithDefault("60")
        int testsPerIdentity();

        /** Changes of passwords that are asked for by hand, from one address (IPv6: one /64). */
        @WithDefault("120")
        int rotatesPerAddress();

        /** The same, of one identity, whatever address it calls from. */
        @WithDefault("60")
        int rotatesPerIdentity();
    }

    /** When logins that fail are no longer heard, per client id and address. */
    interface Lockout {

        /** Failures in a row that lock: 1 to 30. */
        @WithDefault("3")
        int failures();

        /** Failures further apart than this are not counted together: 5 s to 1 h. */
        @WithDefault("30s")
        Duration window();

        /** How long it is locked then: 30 s to 1 d. */
        @WithDefault("300s")
        Duration duration();
    }
}
