package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.SharedAnswer;
import io.rolewright.store.StoreFault;
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
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.hibernate.reactive.mutiny.Mutiny;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What a replica must know to judge a token without asking the store each time: the signing keys, the tokens that were revoked
 * lately and which identities have changed. What was revoked before the oldest tokens that are out, and what is more than fits
 * into {@link Revocations}, stays in the store, which is asked about a token when it could be one of those.
 * A copy of the store's, never older than {@link AccessConfig#revocationDelay} when a token is judged by it: if the store
 * cannot be asked, requests fail rather than pass on old knowledge. It is looked after by the requests that need it, so an
 * idle replica asks nothing. Any thread may call.
 */
@ApplicationScoped
class TokenLedger {

    /** All there is to know in one round trip, which is also what a warm start costs; the first column tells rows apart. */
    private static final String READ = """
            with lately as (
                select token_id, revoked_at from revoked_token
                where revoked_at > greatest($1, now() - make_interval(secs => $2))
                order by revoked_at desc limit $3)
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
            select 'untold key', id, null, signs_from from signing_key
            where (verifies_until is null or verifies_until > now())
                and coalesce(longest_ttl, 0) < greatest($4, (select max(access_token_ttl) from login_setting))
            union all
            select 'revoked', null, string_agg(uuid_send(token_id), ''::bytea order by revoked_at), max(revoked_at)
            from lately
            union all
            select 'first revoked', null, null, min(revoked_at) from lately""";

    /** Before a replica signs with a key it says for how long that may be needed. What was given an end before lasts longer too. */
    private static final String TELL_TTL = """
            update signing_key set
                verifies_until = verifies_until + make_interval(secs => greatest(t.ttl - longest_ttl, 0)),
                longest_ttl = t.ttl
            from (select greatest(cast(%s as integer), (select max(access_token_ttl) from login_setting)) as ttl) t
            where (verifies_until is null or verifies_until > now()) and coalesce(longest_ttl, 0) < t.ttl""";

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
    private final Duration tokenTtl;

    private final Revocations revocations = new Revocations();
    private final RevocationLookups lookups;

    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

    private final AtomicReference<SharedAnswer<Known>> running = new AtomicReference<>();

    private volatile @Nullable Known known;

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
        this.tokenTtl = config.tokenTtl();
        this.lookups = new RevocationLookups(
                pool, delay, delay.compareTo(LONGEST_READ) < 0 ? delay : LONGEST_READ, System::nanoTime);
    }

    /** @return whether a token may be judged now; also starts to read the store before that becomes false */
    boolean isFresh() {
        var copy = known;
        if (copy == null || !copy.isComplete()) {
            return false;
        }
        long age = System.nanoTime() - copy.askedAt;
        if (age > delay.toNanos() / 2) {
            read().subscribe().with(done -> {}, e -> StoreFault.warn(log, "Could not read the revoked tokens", e));
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

    /**
     * What a token says, if it does not have to be looked up whether it was revoked.
     *
     * @throws TokenRefused if it does not count
     * @throws Problem 503 {@code not_ready} before the store has been read
     */
    Judged judge(String token) {
        return judge(format().read(token));
    }

    /** The same of what {@link #signSession} gave. */
    Judged judgeSession(String session) {
        return judge(format().readSession(session));
    }

    private Judged judge(AccessToken read) {
        var revoked = switch (revocations.of(read.tokenId(), read.issuedAt())) {
            case REVOKED -> Boolean.TRUE;
            case NOT_REVOKED -> Boolean.FALSE;
            case UNKNOWN -> lookups.known(read.tokenId());
        };
        if (Boolean.TRUE.equals(revoked)) {
            throw TokenRefused.revoked();
        }
        return new Judged(read, revoked != null);
    }

    /** Asks the store. @return fails with {@link TokenRefused} if it was revoked */
    Uni<Void> lookUp(UUID tokenId) {
        return lookups.isRevoked(tokenId)
                .invoke(revoked -> {
                    if (revoked) {
                        throw TokenRefused.revoked();
                    }
                })
                .replaceWithVoid();
    }

    /** To be called when the store has it. */
    void revoked(UUID tokenId) {
        revocations.add(tokenId, clock.instant());
        listeners.forEach(Runnable::run);
    }

    /** @param isDecided whether it was not revoked; else {@link #lookUp} says it */
    record Judged(AccessToken token, boolean isDecided) {}

    String sign(AccessToken token) {
        var ready = ready();
        return ready.format.write(token, ready.signingKeyId, ready.signingKey);
    }

    /** Of the login of this token, for {@link #judgeSession} alone. */
    String signSession(AccessToken token) {
        var ready = ready();
        return ready.format.writeSession(token, ready.signingKeyId, ready.signingKey);
    }

    TokenFormat format() {
        return ready().format;
    }

    private Ready ready() {
        organisation.id(); // Refuses before the start.
        var copy = known;
        if (copy == null || copy.ready == null) {
            throw Problem.of(ErrorCode.NOT_READY, "The store has no key that signs tokens.");
        }
        return copy.ready;
    }

    /** For tests: as if nothing had been read for so long. */
    void age(Duration by) {
        var copy = known;
        if (copy != null) {
            known = new Known(copy.askedAt - by.toNanos(), copy.storeClock, copy.hasIdentity, copy.keys, copy.ready);
        }
    }

    private Uni<Known> ask() {
        var last = known;
        long askedAt = System.nanoTime();
        var since = last == null ? EVER : last.storeClock.minus(LONGEST_TRANSACTION);
        var window = tokenTtl.plus(Revocations.MARGIN.multipliedBy(2));
        return pool.preparedQuery(READ)
                .execute(Tuple.of(
                        since, (double) window.toSeconds(), (long) Revocations.HALF, (int) tokenTtl.toSeconds()))
                .call(this::tellTtl)
                .map(rows -> learn(rows, askedAt, last, window));
    }

    private Uni<Void> tellTtl(RowSet<Row> rows) {
        for (var row : rows) {
            if (row.getString("kind").equals("untold key")) {
                return pool.preparedQuery(TELL_TTL.formatted("$1"))
                        .execute(Tuple.of((int) tokenTtl.toSeconds()))
                        .replaceWithVoid();
            }
        }
        return Uni.createFrom().voidItem();
    }

    /** The same where tokens of an identity are to last longer. Joins the running transaction. */
    static Uni<Void> tellTtl(Mutiny.Session session, int seconds) {
        return session.createNativeQuery(TELL_TTL.formatted("?1"))
                .setParameter(1, seconds)
                .executeUpdate()
                .replaceWithVoid();
    }

    /** @return whether one was not known before */
    private boolean learn(@Nullable Buffer lately, @Nullable OffsetDateTime first, @Nullable OffsetDateTime newest) {
        if (lately == null || first == null || newest == null) {
            return false;
        }
        int ids = lately.length() / 16;
        if (ids >= Revocations.HALF) {
            revocations.completeSince(first.toInstant());
        }
        boolean isNew = false;
        for (int i = 0; i < ids; i++) {
            isNew |= revocations.add(new UUID(lately.getLong(16 * i), lately.getLong(16 * i + 8)), newest.toInstant());
        }
        return isNew;
    }

    private Known learn(RowSet<Row> rows, long askedAt, @Nullable Known last, Duration window) {
        var keys = new HashMap<String, SecretKey>();
        var changed = new ArrayList<UUID>();
        UUID organisationId = null;
        boolean hasIdentity = false;
        OffsetDateTime now = EVER; // The first row says it.
        OffsetDateTime newest = null;
        String signingKeyId = null;
        SecretKey signingKey = null;
        Buffer lately = null;
        OffsetDateTime firstRevoked = null;
        OffsetDateTime lastRevoked = null;
        for (var row : rows) {
            var id = row.getUUID("id");
            var at = row.getOffsetDateTime("at");
            switch (row.getString("kind")) {
                case "clock" -> now = at;
                case "organisation" -> organisationId = id;
                case "identity" -> hasIdentity = true;
                case "changed" -> changed.add(id);
                case "revoked" -> {
                    lately = row.getBuffer("sealed");
                    lastRevoked = at;
                }
                case "first revoked" -> firstRevoked = at;
                case "untold key" -> {} // It has been told by now.
                default -> {
                    var keyId = id.toString();
                    var opened = last == null ? null : last.keys.get(keyId);
                    var key = opened != null ? opened : open(id, row.getBuffer("sealed"));
                    keys.put(keyId, key);
                    boolean signs = row.getString("kind").equals("signing key");
                    if (signs && (newest == null || at.isAfter(newest))) {
                        newest = at;
                        signingKeyId = keyId;
                        signingKey = key;
                    }
                }
            }
        }
        standings.forget(changed);
        boolean newlyRevoked = learn(lately, firstRevoked, lastRevoked);
        var asked = now.minus(window);
        if (last == null || last.storeClock.minus(LONGEST_TRANSACTION).isBefore(asked)) {
            revocations.completeSince(asked.toInstant());
        }
        Ready ready = null;
        if (organisationId != null && signingKeyId != null && signingKey != null) {
            var format = last != null && last.ready != null && last.knows(organisationId, keys)
                    ? last.ready.format // With what it remembers.
                    : new TokenFormat(organisationId, keys::get, clock);
            ready = new Ready(organisationId, signingKeyId, signingKey, format);
        }
        var learnt = new Known(askedAt, now, hasIdentity, Map.copyOf(keys), ready);
        known = learnt;
        if (newlyRevoked) {
            listeners.forEach(Runnable::run);
        }
        if (ready != null && hasIdentity) {
            organisation.is(ready.organisationId);
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

    /** What tokens are made with and judged by. The key is the newest of those that sign already. */
    private record Ready(UUID organisationId, String signingKeyId, SecretKey signingKey, TokenFormat format) {}

    /**
     * One reading of the store.
     *
     * @param askedAt {@link System#nanoTime} before the question was sent: what was committed by then is in it
     * @param storeClock of the same reading
     * @param ready null before the first start, which makes the organisation and a key that signs
     */
    record Known(
            long askedAt,
            OffsetDateTime storeClock,
            boolean hasIdentity,
            Map<String, SecretKey> keys,
            @Nullable Ready ready) {

        boolean knows(UUID otherOrganisation, Map<String, SecretKey> otherKeys) {
            return ready != null
                    && otherOrganisation.equals(ready.organisationId)
                    && otherKeys.keySet().equals(keys.keySet());
        }

        /** @return whether the first start has been done, by whichever replica */
        boolean isComplete() {
            return ready != null && hasIdentity;
        }
    }
}
