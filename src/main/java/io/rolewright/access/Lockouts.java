package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Map;
import org.hibernate.reactive.mutiny.Mutiny;

/**
 * Counts logins that fail, per what is claimed <em>and</em> origin, so that nobody can lock an identity out from elsewhere.
 * Every method joins the running transaction.
 */
@ApplicationScoped
class Lockouts {

    /** Also clears away a few rows that count for nothing any more, so that the table cannot grow by guesses alone. */
    private static final String COUNT = """
            with swept as (
                delete from login_failure where ctid in (
                    select ctid from login_failure
                    where window_ends_at < now() and (client_id, address) <> (?1, ?2)
                    limit 10 for update skip locked))
            insert into login_failure as f (client_id, address, failures, window_ends_at)
            values (?1, ?2, 1, now() + make_interval(secs => ?3))
            on conflict (client_id, address) do update set
                failures = case when f.window_ends_at < now() then 1 else f.failures + 1 end,
                window_ends_at = now() + make_interval(secs => ?3),
                locked_until = null
            returning failures""";

    private static final String LOCK = """
            update login_failure set
                locked_until = now() + make_interval(secs => ?3),
                window_ends_at = now() + make_interval(secs => ?3)
            where client_id = ?1 and address = ?2""";

    /** A row that counts nothing and says until when nothing more need be said. No claimed name begins so. */
    private static final String SAID = """
            insert into login_failure as f (client_id, address, failures, window_ends_at)
            select 'expired ' || ?1, ?2, 0, now() + interval '1 hour'
            where not exists (
                select from login_failure
                where client_id = 'expired ' || ?1 and address = ?2 and window_ends_at >= now())
            on conflict (client_id, address) do update set window_ends_at = excluded.window_ends_at
            where f.window_ends_at < now()""";

    private final AccessConfig.Lockout lockout;

    Lockouts(AccessConfig config) {
        this.lockout = config.lockout();
    }

    /** @return for how many seconds it is locked now; 0 if it is not */
    Uni<Long> failed(Mutiny.Session session, String claimed, String origin) {
        return session.createNativeQuery(COUNT, Integer.class)
                .setParameter(1, claimed)
                .setParameter(2, origin)
                .setParameter(3, lockout.window().toSeconds())
                .getSingleResult()
                .chain(failures -> failures < lockout.failures()
                        ? Uni.createFrom().item(0L)
                        : session.createNativeQuery(LOCK)
                                .setParameter(1, claimed)
                                .setParameter(2, origin)
                                .setParameter(3, lockout.duration().toSeconds())
                                .executeUpdate()
                                .replaceWith(lockout.duration().toSeconds()));
    }

    /** Counts nothing. @return whether an expired token of this name was not seen from there within the last hour */
    static Uni<Boolean> isFirstOfTheHour(Mutiny.Session session, String claimed, String origin) {
        return session.createNativeQuery(SAID)
                .setParameter(1, claimed)
                .setParameter(2, origin)
                .executeUpdate()
                .map(added -> added > 0);
    }

    static Uni<Void> forget(Mutiny.Session session, String claimed, String origin) {
        return session.createNativeQuery("delete from login_failure where client_id = ?1 and address = ?2")
                .setParameter(1, claimed)
                .setParameter(2, origin)
                .executeUpdate()
                .replaceWithVoid();
    }

    /** 401 {@code login_locked}. */
    static Problem locked(int seconds) {
        return new Locked(seconds);
    }

    private static final class Locked extends Problem {
        Locked(int seconds) {
            super(
                    ErrorCode.LOGIN_LOCKED,
                    "Too many logins of this identity failed from your address: try again later.",
                    Map.of("retryAfterSeconds", seconds),
                    Map.of("Retry-After", Integer.toString(seconds)));
        }
    }
}
