package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.Page;
import io.rolewright.request.Page.Slice;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.Rows;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.List;
import java.util.UUID;

/** The client secrets of identities. A secret is shown once, when it is made. */
@ApplicationScoped
class ClientSecrets {

    /** RFC 4086 §7: nobody searches 2²⁵⁶. */
    static final int SECRET_BYTES = 32;

    /** Each is read with the identity whenever that calls. */
    private static final int MOST_PER_IDENTITY = 100;

    private final Sealer sealer;
    private final RowSeals seals;
    private final Standings standings;
    private final AuditLog audit;
    private final Clock clock;

    ClientSecrets(Sealer sealer, RowSeals seals, Standings standings, AuditLog audit, Clock clock) {
        this.sealer = sealer;
        this.seals = seals;
        this.standings = standings;
        this.audit = audit;
        this.clock = clock;
    }

    /** @param secret in clear, for the length of one reply */
    record Made(String secret, ClientSecret row) {
        @Override
        public String toString() {
            return "Made[" + row.id + "]";
        }
    }

    /**
     * @param ttl zero: it never expires
     * @param usesLimit 0: without limit
     * @param trustedIps in CIDR form; empty: from anywhere
     */
    record Wanted(String description, Duration ttl, int usesLimit, List<String> trustedIps) {}

    /** @return fails with 404 {@code identity_not_found} or 400 {@code too_many_client_secrets} */
    Uni<Made> create(Act act, UUID identityId, Wanted wanted) {
        var secret = Base64.getUrlEncoder().withoutPadding().encodeToString(sealer.random(SECRET_BYTES));
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Identities.locked(session, identityId)
                                .call(() -> ClientSecret.count("identityId", identityId)
                                        .invoke(there -> {
                                            if (there >= MOST_PER_IDENTITY) {
                                                throw Problem.of(
                                                        ErrorCode.TOO_MANY_CLIENT_SECRETS,
                                                        "An identity has at most " + MOST_PER_IDENTITY
                                                                + " client secrets: revoke those that are not used.");
                                            }
                                        }))
                                .map(identity -> row(identity, secret, wanted))
                                .call(row -> session.persist(row).chain(session::flush))
                                .call(() -> Standings.changed(session, identityId))
                                .call(row -> audit.record(act.success(AuditType.CREATE_CLIENT_SECRET)
                                        .on(Identities.KIND, identityId)
                                        .with("clientSecretId", row.id)
                                        .with("description", row.description)))))
                .invoke(() -> standings.forget(List.of(identityId)))
                .map(row -> new Made(secret, row));
    }

    /** Oldest first. @return fails with 404 {@code identity_not_found} */
    Uni<Slice<ClientSecret>> list(UUID identityId, Page page) {
        return Identities.things(ClientSecret.class, identityId, page, secret -> secret.createdAt, secret -> secret.id);
    }

    Uni<ClientSecret> get(UUID identityId, UUID id) {
        return Panache.withSession(() -> find(identityId, id));
    }

    /** Ends the tokens that were obtained with it too. @return what it was */
    Uni<ClientSecret> revoke(Act act, UUID identityId, UUID id) {
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> Bindings.lock(session)
                                .chain(() -> find(identityId, id))
                                .call(row -> Rows.delete(session, row, "id = ?1", id)
                                        .invoke(there -> {
                                            if (!there) {
                                                throw notFound(identityId, id);
                                            }
                                        }))
                                .call(() -> Bindings.keepAnAdministrator(session, seals))
                                .call(() -> Standings.changed(session, identityId))
                                .call(row -> audit.record(act.success(AuditType.REVOKE_CLIENT_SECRET)
                                        .on(Identities.KIND, identityId)
                                        .with("clientSecretId", id)
                                        .with("description", row.description)))))
                .invoke(() -> standings.forget(List.of(identityId)));
    }

    private static Uni<ClientSecret> find(UUID identityId, UUID id) {
        return ClientSecret.<ClientSecret>find("id = ?1 and identityId = ?2", id, identityId)
                .firstResult()
                .onItem()
                .ifNull()
                .failWith(() -> notFound(identityId, id));
    }

    private static Problem notFound(UUID identityId, UUID id) {
        return Problem.of(
                ErrorCode.CLIENT_SECRET_NOT_FOUND,
                "There is no client secret with the id " + id + " of the identity " + identityId + ".");
    }

    private ClientSecret row(Identity identity, String secret, Wanted wanted) {
        var row = new ClientSecret();
        row.id = UUID.randomUUID();
        row.identityId = identity.id;
        row.fingerprint = ClientSecret.fingerprint(sealer, identity.clientId, secret);
        row.createdAt = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        row.description = wanted.description;
        row.prefix = secret.substring(0, ClientSecret.PREFIX_LENGTH);
        row.expiresAt = wanted.ttl.isZero() ? null : row.createdAt.plus(wanted.ttl);
        row.usesLimit = wanted.usesLimit;
        row.trustedIps = String.join(",", wanted.trustedIps);
        row.seal(seals);
        return row;
    }
}
