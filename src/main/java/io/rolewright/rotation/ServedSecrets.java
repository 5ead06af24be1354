package io.rolewright.rotation;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.ValidationProblem;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What rotations serve, as secrets under the names of {@code secretsMapping}: for those who hand them out. A rotation serves nothing
 * before its first proven password, and nothing more once its passwords are being revoked.
 *
 * <p>Names, versions and passwords that belong together are read in one {@link #snapshot}.
 */
@ApplicationScoped
public class ServedSecrets {

    /** Two or three secrets each; whoever has more in one place asks for a narrower one. */
    public static final int MOST_ROTATIONS = 1000;

    private static final Pattern ENVIRONMENT = Pattern.compile("[a-z0-9]+(-[a-z0-9]+)*");
    private static final Pattern PATH = Pattern.compile(Place.PATH_FORM);

    /** What a secret is of its rotation's login. */
    public enum Part {
        USERNAME,
        PASSWORD,

        /** All that a login takes. */
        URI
    }

    /**
     * One name of one rotation.
     *
     * @param id the same for ever, also under another name
     * @param roleId whose current password belongs to it
     * @param roleName the value, of the secret that is the username
     * @param leadsBy for a URI: another text whenever the connection has other credentials, and so whenever it may lead elsewhere
     * @param version the rotation's {@code credentialVersion}
     * @param rotatedAt since when this version is served
     */
    public record Secret(
            UUID id,
            UUID rotationId,
            String name,
            Part part,
            UUID roleId,
            String roleName,
            String environment,
            String path,
            long version,
            Instant createdAt,
            Instant rotatedAt,
            @Nullable String leadsBy) {}

    /** Reads in one transaction, all of which sees the store as it was at one moment. */
    public <T> Uni<T> snapshot(Supplier<Uni<T>> reads) {
        return Panache.withTransaction(() -> Panache.getSession()
                .chain(session -> session.createNativeQuery("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                        .executeUpdate())
                .chain(reads::get));
    }

    static Secret secret(
            UUID rotation,
            String name,
            Part part,
            UUID roleId,
            String roleName,
            String environment,
            String path,
            long version,
            Instant createdAt,
            Instant rotatedAt,
            @Nullable String leadsBy) {
        String which = "rolewright secret " + rotation + " " + part.name().toLowerCase(Locale.ROOT);
        return new Secret(
                UUID.nameUUIDFromBytes(which.getBytes(StandardCharsets.UTF_8)),
                rotation,
                name,
                part,
                roleId,
                roleName,
                environment,
                path,
                version,
                createdAt,
                rotatedAt,
                leadsBy);
    }

    static String normalised(String environment, String path) {
        if (!ENVIRONMENT.matcher(environment).matches()) {
            throw ValidationProblem.at(List.of("environment"), "invalid_string", "Must be the slug of an environment");
        }
        String normalised = Place.normalised(path);
        if (normalised.length() > Place.LONGEST_PATH
                || !PATH.matcher(normalised).matches()) {
            throw ValidationProblem.at(
                    List.of("secretPath"), "invalid_string", "Must be a path, such as / or /payments/orders");
        }
        return normalised;
    }
}
