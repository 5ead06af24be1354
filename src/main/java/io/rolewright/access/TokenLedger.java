package io.rolewright.access;

import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.SharedAnswer;
import io.smallrye.mutiny.Uni;
import io.vertx.mutiny.core.buffer.Buffer;
import io.vertx.mutiny.sqlclient.Pool;
import io.vertx.mutiny.sqlclient.Row;
import io.vertx.mutiny.sqlclient.RowSet;
import io.vertx.mutiny.sqlclient.Tuple;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.jboss.logging.Logger;

/**
 * What a replica must know to judge a token without asking the store each time: the signing keys, the revoked tokens
 * and which identities have changed.
 * A copy of the store's, never older than {@link AccessConfig#revocationDelay} when a token is judged by it: if the store
 * cannot be asked, requests fail rather than pass on old knowledge. It is looked after by the requests that need it, so an
 * idle replica asks nothing. Any thread may call.
 */
@ApplicationScoped
class TokenLedger {

    /** All there is to know in one round trip, which is also what a warm start costs; the first column tells rows apart. */
    private static final String READ = """
            select 'clock' as kind, null::uuid as id, null::bytea as sealed, now() as at
            union all
            select 'organisation', id, null, created_at from organisation
            union all
            (select 'identity', id, null, created_at from identity limit 1)
            union all
            select case when signs_from <= now() then 'signing key' else 'next key' end, id, sealed, signs_from
            from signing_key where verifies_until is null or verifies_until > now()
            union all
            select 'changed', identity_id, null, at from access_change where at > $1
            union all
            select 'revoked', token_id, null, expires_at from revoked_token where revoked_at > $1 and expires_at > now()""";

    /**
     * A revocation or change becomes visible when it commits, which is later than the time in its row: so much later at most. No
     * request lives longer than 9 s.
     */
    private static final Duration LONGEST_TRANSACTION = Duration.ofSeconds(30);

    /** Before the first revocation of all. */
    private static final OffsetDateTime EVER = OffsetDateTime.of(2000, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC);

    /** Or the delay, if that is shorter: an answer must not be older when it comes. */
    private static final Duration LONGEST_READ = Duration.ofSeconds(3);

    private static final Logger log = Logger.getLogger(TokenLedger.class);

    private final Pool pool;
    private final Sealer sealer;
    private final Organisation organisation;
    private final Standings standings;
    private final Clock clock;
    private final Duration delay;

    /** From token id to the time at which its row is of no use any more. */
    private final Map<UUID, OffsetDateTime> revoked = new ConcurrentHashMap<>();

    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

    private final AtomicReference<SharedAnswer<Known>> running = new AtomicReference<>();

    private volatile Known known;

    TokenLedger(
            Pool pool,
            Sealer sealer,
            Organisation organisation,
            Standings standings,
            Clock clock,
            AccessConfig config) {
        this.pool = pool;
        this.sealer = sealer;
        this.organisation = organisation;
        this.standings = standings;
        this.clock = clock;
        this.delay = config.revocationDelay();
    }

    /** @return whether a token may be judged now; also starts to read the store before that becomes false */
    boolean isFresh() {
        var copy = known;
        if (copy == null || !copy.isComplete()) {
            return false;
        }
        long age = System.nanoTime() - copy.askedAt;
        if (age > delay.toNanos() / 2) {
            read().subscribe().with(done -> {}, e -> log.warnf("Revoked tokens could not be read: %s", e));
        }
        return age < delay.toNanos();
    }

    /** Waits at most 3 s. */
    Uni<Void> freshen() {
        return Uni.createFrom().deferred(() -> isFresh() ? Uni.createFrom().voidItem() : read().replaceWithVoid());
    }

    /** Reads the store; whoever comes while that is going on shares the answer. */
    Uni<Known> read() {
        var mine = new AtomicReference<SharedAnswer<Known>>();
        var once = new SharedAnswer<>(Uni.createFrom()
                .deferred(this::ask)
                .ifNoItem()
                .after(delay.compareTo(LONGEST_READ) < 0 ? delay : LONGEST_READ)
                .fail()
                .onTermination()
                .invoke(() -> running.compareAndSet(mine.get(), null)));
        mine.set(once);
        var other = running.compareAndExchange(null, once);
        return (other == null ? once : other).get();
    }

    /** The same, and what it says was asked after this call: a reading that was under way may have been sent before. */
    Uni<Known> readAnew() {
        return Uni.createFrom().deferred(() -> {
            var underWay = running.get();
            return underWay == null
                    ? read()
                    : underWay.get().onItemOrFailure().transformToUni((known, failure) -> read());
        });
    }

    /** @param listener see {@link CallerChanges#whenChanged} */
    void whenRevoked(Runnable listener) {
        listeners.add(listener);
    }

    /** @throws io.rolewright.problem.Problem 503 {@code not_ready} before the store has been read */
    AccessToken judge(String token) {
        var read = format().read(token);
        if (isRevoked(read.tokenId())) {
            throw TokenRefused.revoked();
        }
        return read;
    }

    boolean isRevoked(UUID tokenId) {
        return revoked.containsKey(tokenId);
    }

    /** To be called when the store has it. */
    void revoked(UUID tokenId, OffsetDateTime expiresAt) {
        revoked.put(tokenId, expiresAt);
        listeners.forEach(Runnable::run);
    }

    String sign(AccessToken token) {
        organisation.id();
        var copy = known;
        return copy.format.write(token, copy.signingKeyId, copy.keys.get(copy.signingKeyId));
    }

    TokenFormat format() {
        organisation.id(); // Refuses before the start.
        return known.format;
    }

    /** For tests: as if nothing had been read for so long. */
    void age(Duration by) {
        var copy = known;
        known = new Known(
                copy.askedAt - by.toNanos(),
                copy.storeClock,
                copy.organisationId,
                copy.hasIdentity,
                copy.signingKeyId,
                copy.keys,
                copy.format);
    }

    private Uni<Known> ask() {
        var last = known;
        long askedAt = System.nanoTime();
        var since = last == null ? EVER : last.storeClock.minus(LONGEST_TRANSACTION);
        return pool.preparedQuery(READ).execute(Tuple.of(since)).map(rows -> learn(rows, askedAt, last));
    }

    private Known learn(RowSet<Row> rows, long askedAt, Known last) {
        var keys = new HashMap<String, SecretKey>();
        var changed = new ArrayList<UUID>();
        UUID organisationId = null;
        boolean hasIdentity = false;
        boolean newlyRevoked = false;
        OffsetDateTime storeClock = null;
        OffsetDateTime newest = null;
        String signingKeyId = null;
        for (var row : rows) {
            var id = row.getUUID("id");
            var at = row.getOffsetDateTime("at");
            switch (row.getString("kind")) {
                case "clock" -> storeClock = at;
                case "organisation" -> organisationId = id;
                case "identity" -> hasIdentity = true;
                case "changed" -> changed.add(id);
                case "revoked" -> newlyRevoked |= revoked.put(id, at) == null;
                default -> {
                    var keyId = id.toString();
                    var opened = last == null ? null : last.keys.get(keyId);
                    keys.put(keyId, opened != null ? opened : open(id, row.getBuffer("sealed")));
                    boolean signs = row.getString("kind").equals("signing key");
                    if (signs && (newest == null || at.isAfter(newest))) {
                        newest = at;
                        signingKeyId = keyId;
                    }
                }
            }
        }
        var now = storeClock;
        standings.forget(changed);
        revoked.values().removeIf(expiresAt -> expiresAt.isBefore(now));
        var format = last != null && last.knows(organisationId, keys)
                ? last.format // With what it remembers.
                : organisationId == null ? null : new TokenFormat(organisationId, keys::get, clock);
        var learnt = new Known(askedAt, now, organisationId, hasIdentity, signingKeyId, Map.copyOf(keys), format);
        known = learnt;
        if (newlyRevoked) {
            listeners.forEach(Runnable::run);
        }
        if (learnt.isComplete()) {
            organisation.is(organisationId);
        }
        return learnt;
    }

    private SecretKey open(UUID id, Buffer sealed) {
        byte[] key = sealer.open(SealedField.SIGNING_KEY, id, 0, sealed.getBytes());
        try {
            return new SecretKeySpec(key, "HmacSHA256");
        } finally {
            Arrays.fill(key, (byte) 0);
        }
    }

    /**
     * One reading of the store.
     *
     * @param askedAt {@link System#nanoTime} before the question was sent: what was committed by then is in it
     * @param storeClock of the same reading
     * @param signingKeyId the newest key's of those that sign already; null if there is none
     * @param format null if there is no organisation yet
     */
    record Known(
            long askedAt,
            OffsetDateTime storeClock,
            UUID organisationId,
            boolean hasIdentity,
            String signingKeyId,
            Map<String, SecretKey> keys,
            TokenFormat format) {

        boolean knows(UUID otherOrganisation, Map<String, SecretKey> otherKeys) {
            return otherOrganisation != null
                    && otherOrganisation.equals(organisationId)
                    && otherKeys.keySet().equals(keys.keySet());
        }

        /** @return whether the first start has been done, by whichever replica */
        boolean isComplete() {
            return organisationId != null && hasIdentity && signingKeyId != null;
        }
    }
}
