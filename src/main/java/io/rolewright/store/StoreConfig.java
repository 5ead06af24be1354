package io.rolewright.store;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Optional;

/** How the store is reached, beside {@code QUARKUS_DATASOURCE_REACTIVE_URL}, {@code …_USERNAME} and {@code …_PASSWORD}. */
@ConfigMapping(prefix = "rolewright.store")
interface StoreConfig {

    /**
     * {@code disable}, {@code require}, {@code verify-ca} or {@code verify-full}, with libpq's meaning. Without it the
     * {@code sslmode} of the URL counts, else {@code verify-full} if {@link #sslrootcert} is set, else {@code disable} for a store on
     * this machine and {@code require} for any other.
     */
    Optional<String> sslmode();

    /**
     * File with the password of the service's database role, in place of {@code QUARKUS_DATASOURCE_PASSWORD}; a newline at its end does not
     * count. It is read for each new session, as {@link #sslrootcert} is, so both can be changed without a restart.
     */
    Optional<String> passwordFile();

    /** PEM file with the certificates that the store's certificate is checked against. Without it: those of the JDK. */
    Optional<String> sslrootcert();

    /**
     * Whether another host and port in the URL make the store a copy. {@code false} only where the port changes by itself, as in {@code
     * quarkus:dev}.
     */
    @WithDefault("true")
    boolean addressCompared();

    /** Bound of TCP connect, and again of the TLS handshake. */
    @WithDefault("2s")
    Duration connectTimeout();

    /**
     * Whether credentials are served while the store cannot write the audit, because it is read-only or full. The read is then in the log
     * category {@code rolewright.audit} alone, with {@code audit=log-only}, and the answer says so in a header. Else such a read is
     * refused: no credential is given out without a row in the audit.
     */
    @WithDefault("false")
    boolean readsWithoutAudit();

    /** How long a request waits for a free session of the pool, a new one included, before it is refused with a 503. */
    @WithDefault("3s")
    Duration acquireTimeout();

    /**
     * Bound of one statement and of a pause within a transaction, kept by the store itself ({@code statement_timeout},
     * {@code idle_in_transaction_session_timeout}). {@code 0s} sends none, as does {@link #transactionPooler}; nor is {@code jit = off} sent then.
     */
    @WithDefault("5s")
    Duration statementTimeout();

    /**
     * Whether a pooler in transaction mode, such as PgBouncer, stands between the service and the store, so that each transaction may have
     * another session of the server. Then no statement is prepared for longer than it takes, which costs its planning each time; no start-up parameter is sent, so that {@link #statementTimeout} is to be set for the role in the store ({@code ALTER ROLE …
     * SET statement_timeout = '5s'}, and {@code jit = off}); and no process shows by a lock that it lives, so that what a dead one left is taken over when its
     * lease ends. A pooler in session mode needs nothing but {@code 0s} for {@link #statementTimeout}.
     */
    @WithDefault("false")
    boolean transactionPooler();

    /**
     * A session of the pool on which nothing was heard for so long is closed, whatever it waits for: a store that vanished
     * without a word would otherwise keep the pool until TCP gives up, which takes a quarter of an hour. Must be longer
     * than {@link #statementTimeout}. Idle sessions end by it too; the next request opens one.
     */
    @WithDefault("30s")
    Duration silenceTimeout();
}
