package io.rolewright.store;

import io.quarkus.runtime.configuration.ConfigurationException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.pgclient.PgConnectOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jboss.logging.Logger;

/**
 * How one server of the store is logged in to. What lies in files, the password and the certificates to check against, is read for each new
 * session, so that it can be changed while the service runs. A file that cannot be read leaves what was read last. Any thread may call.
 */
final class StoreLogin {

    private static final Logger log = Logger.getLogger(StoreLogin.class);

    private final PgConnectOptions given;
    private final StoreConfig config;
    private final Optional<io.vertx.pgclient.SslMode> mode;
    private volatile PgConnectOptions last;

    /**
     * @param given all but TLS and a password that lies in a file
     * @param mode the one of the URL
     * @throws ConfigurationException with one sentence, if a file cannot be read now
     */
    StoreLogin(PgConnectOptions given, StoreConfig config, Optional<io.vertx.pgclient.SslMode> mode) {
        this.given = given;
        this.config = config;
        this.mode = mode;
        this.last = read();
    }

    /** As it was read last. */
    PgConnectOptions last() {
        return last;
    }

    /** As it is now. Never fails. */
    Future<PgConnectOptions> now(Vertx vertx) {
        if (config.passwordFile().isEmpty() && config.sslrootcert().isEmpty()) {
            return Future.succeededFuture(last);
        }
        return vertx.executeBlocking(
                        () -> {
                            last = read();
                            return last;
                        },
                        false)
                .otherwise(unreadable -> {
                    log.warnf("%s. What was read before is used.", unreadable.getMessage());
                    return last;
                });
    }

    private PgConnectOptions read() {
        PgConnectOptions options = new PgConnectOptions(given);
        StoreTls.of(config.sslmode(), config.sslrootcert(), mode, given.getHost())
                .applyTo(options);
        config.passwordFile().ifPresent(file -> options.setPassword(password("rolewright.store.password-file", file)));
        return options;
    }

    /** Blocks. @param setting that names the file */
    static String password(String setting, String file) {
        try {
            String text = Files.readString(Path.of(file));
            String password = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
            if (password.isEmpty()) {
                throw new ConfigurationException(setting + ": " + file + " is empty");
            }
            return password;
        } catch (IOException unreadable) {
            throw new ConfigurationException(setting + ": cannot read the file " + file);
        }
    }
}
