package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.audit.Changes;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.IfMatch;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.Rows;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/** The static tokens of identities. A token is shown once, when it is made. */
@ApplicationScoped
class StaticTokens {

    /** Each is read with the identity whenever that calls. */
    private static final int MOST_PER_IDENTITY = 100;

    private final Sealer sealer;
    private final RowSeals seals;
    private final Standings standings;
    private final AuditLog audit;
    private final Clock clock;

    StaticTokens(Sealer sealer, RowSeals seals, Standings standings, AuditLog audit, Clock clock) {
        this.sealer = sealer;
        this.seals = seals;
        this.standings = standings;
        this.audit = audit;
        this.clock = clock;
    }

    /** @param token in clear, for the length of one reply */
    record Made(String token, StaticToken row) {
        @Override
        public String toString() {
            return "Made[" + row.id + "]";
        }
    }

    /** Of tokens for which nothing else was said. */
    static final Duration USUAL_TTL = Duration.ofDays(30);

    static final Duration LONGEST_TTL = Duration.ofDays(365);

    /**
     * @param role null for all that the identity may do, whenever it calls
     * @return fails with 404 {@code identity_not_found} or 400 {@code too_many_tokens}
     */
    Uni<Made> create(Act act, UUID identityId, String name, @Nullable Role role, Duration ttl) {
        var row = new StaticToken();
        row.id = UUID.randomUUID();
        row.identityId = identityId;
        row.name = name;
        row.role = role == null ? StaticToken.WHOLE : role.storedName();
        row.createdAt = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        row.expiresAt = row.createdAt.plus(ttl);
        var text = StaticToken.Text.make(identityId, row.id, sealer);
        row.fingerprint = text.fingerprint(sealer);
        row.seal(seals);
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Identities.locked(session, identityId)
                                .call(() -> StaticToken.count("identityId", identityId)
                                        .invoke(there -> {
                                            if (there >= MOST_PER_IDENTITY) {
                                                throw Problem.of(
                                                        ErrorCode.TOO_MANY_TOKENS,
                                                        "An identity has at most " + MOST_PER_IDENTITY
                                                                + " static tokens: revoke those that are not used.");
                                            }
                                        }))
                                .chain(() -> session.persist(row))
                                .chain(session::flush)
                                .chain(() -> Standings.changed(session, identityId))
                                .chain(() -> audit.record(act.success(AuditType.CREATE_STATIC_TOKEN)
                                        .on(Identities.KIND, identityId)
                                        .with("tokenId", row.id)
                                        .with("name", name)
                                        .with("role", row.role)))))
                .invoke(() -> standings.forget(List.of(identityId)))
                .replaceWith(() -> new Made(text.text(sealer), row));
    }

    /** Oldest first. @return fails with 404 {@code identity_not_found} */
    Uni<Slice<StaticToken>> list(UUID identityId, Page page) {
        return Identities.things(StaticToken.class, identityId, page, token -> token.createdAt, token -> token.id);
    }

    /** @return fails with 404 {@code token_not_found} */
    Uni<StaticToken> get(UUID id) {
        return Panache.withSession(() -> find(id));
    }

    /** What can be edited. */
    static Map<String, Object> settings(StaticToken row) {
        return Map.of("name", row.name);
    }

    /** @return fails with 404 {@code token_not_found}, 412 {@code changed_since_read} */
    Uni<StaticToken> rename(Act act, UUID id, IfMatch seen, String name) {
        Changes changes = new Changes();
        return Panache.withTransaction(() -> locked(id)
                .call(row -> {
                    seen.require(settings(row));
                    changes.put("name", row.name, name);
                    row.name = name;
                    return Panache.getSession().chain(Mutiny.Session::flush);
                })
                .call(row -> audit.record(act.success(AuditType.UPDATE_STATIC_TOKEN)
                        .on(Identities.KIND, row.identityId)
                        .with("tokenId", id)
                        .with("name", name)
                        .with(Changes.FACT, changes.fields()))));
    }

    private static Uni<StaticToken> find(UUID id) {
        return there(id, StaticToken.findById(id));
    }

    private static Uni<StaticToken> locked(UUID id) {
        return there(id, StaticToken.findById(id, LockModeType.PESSIMISTIC_WRITE));
    }

    private static Uni<StaticToken> there(UUID id, Uni<StaticToken> found) {
        return found.onItem()
                .ifNull()
                .failWith(() ->
                        Problem.of(ErrorCode.TOKEN_NOT_FOUND, "There is no static token with the id " + id + "."));
    }

    /** @return what it was */
    Uni<StaticToken> revoke(Act act, UUID id) {
        return get(id).chain(row -> revoke(act, row.identityId, id));
    }

    /** @return what it was */
    Uni<StaticToken> revoke(Act act, UUID identityId, UUID id) {
        return remove(identityId, id, act.success(AuditType.REVOKE_STATIC_TOKEN))
                .onItem()
                .ifNull()
                .failWith(() -> Problem.of(
                        ErrorCode.TOKEN_NOT_FOUND,
                        "There is no static token with the id " + id + " of the identity " + identityId + "."));
    }

    /** By whoever holds it; once more changes nothing. */
    Uni<Void> revoke(String token, RequestOrigin from) {
        return Uni.createFrom().deferred(() -> {
            var text = StaticToken.Text.read(token, sealer);
            return remove(
                            text.identityId(),
                            text.tokenId(),
                            AuditEvent.success(AuditType.REVOKE_STATIC_TOKEN)
                                    .by(text.identityId(), null)
                                    .from(from.address(), from.requestId()))
                    .replaceWithVoid();
        });
    }

    /** @return null if there is none, or no longer */
    private Uni<StaticToken> remove(UUID identityId, UUID id, AuditEvent event) {
        return Panache.<StaticToken>withTransaction(() -> Panache.getSession()
                        .chain(session -> StaticToken.<StaticToken>find("id = ?1 and identityId = ?2", id, identityId)
                                .firstResult()
                                .onItem()
                                .ifNotNull()
                                .transformToUni(row -> Rows.delete(session, row, "id = ?1", id)
                                        .chain(there -> there
                                                ? Standings.changed(session, identityId)
                                                        .chain(() -> audit.record(event.on(Identities.KIND, identityId)
                                                                .with("tokenId", id)
                                                                .with("name", row.name)))
                                                        .replaceWith(row)
                                                : Uni.createFrom().<StaticToken>nullItem()))))
                .invoke(() -> standings.forget(List.of(identityId)));
    }
}
