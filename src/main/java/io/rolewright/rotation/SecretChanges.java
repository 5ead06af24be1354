package io.rolewright.rotation;

import io.rolewright.sealing.CannotOpen;
import io.rolewright.sealing.RowSeals;
import io.smallrye.mutiny.Uni;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.Tuple;
import io.vertx.pgclient.data.Interval;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * What has become of the secrets that rotations serve, as the outbox has it: their names and places, never a value. A fact is seen once its
 * transaction has committed, which may be after one with a higher position: whoever follows looks back further than his last look.
 */
@ApplicationScoped
public class SecretChanges {

    /** The latest of them. No more happen within a few seconds. */
    private static final int MOST = 2000;

    /** The columns of the seal by their names: {@link Rotation#require}. */
    private static final String SELECT = """
            SELECT f.id AS fact, f.type, f.project_id AS told_project, f.credential_version AS told_version, f.facts, r.id, r.row_seal,
                   r.project_id, r.environment, r.secret_path, r.connection_id, r.strategy, r.role1_id, r.role2_id, r.allow_privileged,
                   r.takeover, r.password_requirements, r.username_secret, r.password_secret, r.uri_secret
              FROM outbox_fact f LEFT JOIN secret_rotation r ON r.id = f.subject_id
             WHERE f.at > clock_timestamp() - $2::interval AND f.project_id = ANY ($1) AND f.subject_kind = 'rotation'
               AND f.type IN ('rotation.credential-changed', 'rotation.secrets-renamed', 'rotation.deleted')
             ORDER BY f.position DESC LIMIT $3""";

    private final Pool pool;
    private final RowSeals seals;

    SecretChanges(Pool pool, RowSeals seals) {
        this.pool = pool;
        this.seals = seals;
    }

    /** What has happened to a secret. */
    public enum Happened {
        CREATED,
        UPDATED,
        DELETED
    }

    /**
     * One fact, about the secrets of one rotation.
     *
     * @param fact the same whenever it is read
     * @param names of those that it has happened to
     */
    public record Change(
            UUID fact, Happened happened, UUID project, String environment, String path, List<String> names) {}

    /**
     * @param span how far back, by the store's clock; up to the seven days that the outbox keeps
     * @return in the order in which it happened; of a rotation that somebody else has written nothing
     */
    public Uni<List<Change>> within(Duration span, Collection<UUID> projects) {
        return pool.preparedQuery(SELECT)
                .execute(Tuple.of(
                        projects.toArray(new UUID[0]),
                        Interval.of(0, 0, 0, 0, 0, Math.toIntExact(span.toSeconds())),
                        MOST))
                .map(rows -> {
                    List<Change> all = new ArrayList<>();
                    rows.forEach(row -> all.addAll(0, changes(row)));
                    return Collections.unmodifiableList(all);
                });
    }

    private List<Change> changes(Row row) {
        JsonObject facts = row.getJsonObject("facts");
        return switch (row.getString("type")) {
            case ServedNames.RENAMED ->
                List.of(
                        gone(row, facts, "formerSecrets", Happened.DELETED),
                        gone(row, facts, "secrets", Happened.CREATED));
            case ServedNames.DELETED -> List.of(gone(row, facts, "secrets", Happened.DELETED));
            default -> served(row);
        };
    }

    /** As the fact says it: the rotation has other names now, or none. */
    private static Change gone(Row row, JsonObject facts, String names, Happened happened) {
        return new Change(
                row.getUUID("fact"),
                happened,
                row.getUUID("told_project"),
                facts.getString("environment"),
                facts.getString("secretPath"),
                facts.getJsonArray(names, new JsonArray()).stream()
                        .map(String::valueOf)
                        .toList());
    }

    /** By the names of now. Of a rotation that is gone the fact of its end says more. */
    private List<Change> served(Row row) {
        if (row.getUUID("id") == null || !row.getUUID("told_project").equals(row.getUUID("project_id"))) {
            return List.of();
        }
        try {
            Rotation.require(seals, row);
        } catch (CannotOpen alarmed) {
            return List.of();
        }
        Long version = row.getLong("told_version");
        return List.of(new Change(
                row.getUUID("fact"),
                version != null && version == 1 ? Happened.CREATED : Happened.UPDATED,
                row.getUUID("project_id"),
                row.getString("environment"),
                row.getString("secret_path"),
                Stream.of("username_secret", "password_secret", "uri_secret")
                        .map(row::getString)
                        .filter(Objects::nonNull)
                        .toList()));
    }
}
