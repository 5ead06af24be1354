package io.rolewright.access;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jspecify.annotations.Nullable;

/**
 * The keys that sign access tokens, as the store holds them; every replica reads them through its {@link TokenLedger}. A
 * change of keys is a row that signs later than it can be read, so no replica ever meets a token whose key it cannot know.
 */
@ApplicationScoped
class SigningKeys {

    static final String KIND = "signing-key";

    /** For clocks that differ and transactions that take long, on top of the time in which replicas read. */
    private static final Duration MARGIN = Duration.ofSeconds(60);

    /** "ROLESIGN": two changes at once would each give the other's key an end. */
    private static final long LOCK = 0x524F4C45_5349474EL;

    private static final String READ = """
            select id, created_at, signs_from, verifies_until,
                   signs_from <= now() and not exists (
                       select from signing_key newer
                       where newer.signs_from <= now() and (newer.signs_from, newer.id) > (k.signs_from, k.id)) as signs
            from signing_key k where verifies_until is null or verifies_until > now()
            order by signs_from, id""";

    private final Pool pool;
    private final Sealer sealer;
    private final TokenLedger ledger;
    private final AuditLog audit;
    private final AccessConfig config;

    SigningKeys(Pool pool, Sealer sealer, TokenLedger ledger, AuditLog audit, AccessConfig config) {
        this.pool = pool;
        this.sealer = sealer;
        this.ledger = ledger;
        this.audit = audit;
        this.config = config;
    }

    /**
     * @param signs whether it is the one that signs now
     * @param verifiesUntil null if it has no successor
     */
    record Described(
            UUID id,
            boolean signs,
            Instant createdAt,
            Instant signsFrom,
            @Nullable Instant verifiesUntil) {}

    Uni<List<Described>> list() {
        return pool.query(READ).execute().map(rows -> {
            List<Described> keys = new ArrayList<>();
            rows.forEach(row -> keys.add(new Described(
                    row.getUUID("id"),
                    row.getBoolean("signs"),
                    row.getOffsetDateTime("created_at").toInstant(),
                    row.getOffsetDateTime("signs_from").toInstant(),
                    row.getOffsetDateTime("verifies_until") == null
                            ? null
                            : row.getOffsetDateTime("verifies_until").toInstant())));
            return keys;
        });
    }

    /**
     * Makes a key that takes over. Keys whose last token has expired go.
     *
     * @param endTokens after a leak: the new key signs at once and no other verifies, so all tokens that are out end; in
     *     other replicas within the revocation delay, in which they do not know new tokens either
     */
    Uni<List<Described>> rotate(Act act, boolean endTokens) {
        long lead = endTokens
                ? 0
                : config.revocationDelay().multipliedBy(2).plus(MARGIN).toSeconds();
        long overlap = lead + MARGIN.toSeconds();
        var id = UUID.randomUUID();
        return Panache.withTransaction(() -> Panache.getSession()
                        .chain(session -> lock(session)
                                .chain(() -> endTokens
                                        ? execute(session, "delete from signing_key")
                                        : execute(session, "delete from signing_key where verifies_until < now()")
                                                .chain(() -> session.createNativeQuery("""
                                                        update signing_key
                                                        set verifies_until = now()
                                                            + make_interval(secs => ?1 + greatest(longest_ttl, ?2))
                                                        where verifies_until is null""")
                                                        .setParameter(1, (double) overlap)
                                                        .setParameter(2, (double) config.tokenTtl()
                                                                .toSeconds())
                                                        .executeUpdate())
                                                .replaceWithVoid())
                                .chain(() -> insert(session, id, lead))
                                .chain(() -> audit.record(act.success(AuditType.ROTATE_SIGNING_KEY)
                                        .on(KIND, id)
                                        .with("endTokens", endTokens)))))
                .chain(ledger::read)
                .chain(this::list);
    }

    /** Joins the running transaction. @param lead seconds until it signs */
    private Uni<Void> insert(Mutiny.Session session, UUID id, long lead) {
        byte[] key = sealer.random(TokenFormat.KEY_BYTES);
        byte[] sealed = sealer.seal(SealedField.SIGNING_KEY, id, 0, key);
        Arrays.fill(key, (byte) 0);
        return session.createNativeQuery("""
                        insert into signing_key (id, sealed, signs_from)
                        values (?1, ?2, now() + make_interval(secs => ?3))""")
                .setParameter(1, id)
                .setParameter(2, sealed)
                .setParameter(3, (double) lead)
                .executeUpdate()
                .replaceWithVoid();
    }

    private static Uni<Void> lock(Mutiny.Session session) {
        return session.createNativeQuery("select 1 from pg_advisory_xact_lock(?1)", Integer.class)
                .setParameter(1, LOCK)
                .getSingleResult()
                .replaceWithVoid();
    }

    private static Uni<Void> execute(Mutiny.Session session, String sql) {
        return session.createNativeQuery(sql).executeUpdate().replaceWithVoid();
    }
}
