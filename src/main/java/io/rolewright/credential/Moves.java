package io.rolewright.credential;

import io.quarkus.hibernate.reactive.panache.Panache;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.target.Deadline;
import io.rolewright.target.Login;
import io.rolewright.target.Purpose;
import io.rolewright.target.SameServer;
import io.rolewright.target.SameServer.Answer;
import io.rolewright.target.TargetReport;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.LockModeType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Whether a connection that passwords are changed through may lead where it is told to: to another address of the same server freely, to
 * another server only if that is said. What tells is looked at before the store is locked, and holds for the roles that were looked at.
 */
@ApplicationScoped
public class Moves {

    private final Ledger ledger;
    private final RoleIdentities identities;
    private final Inspection inspection;
    private final SameServer same;

    Moves(Ledger ledger, RoleIdentities identities, Inspection inspection, SameServer same) {
        this.ledger = ledger;
        this.identities = identities;
        this.inspection = inspection;
        this.same = same;
    }

    /**
     * What a move rests on.
     *
     * @param roles that were looked at
     * @param strangers names of those that are not known to be on the new server
     * @param same whether it is the same running server, so that what is under way there goes on
     * @param confirmed whether it was said that another server is meant
     * @param server which one is where the former one was, so that roles that are known on it already stay known; null where the connection
     *     moves
     */
    public record Ground(
            Set<UUID> roles, List<String> strangers, boolean same, boolean confirmed, byte @Nullable [] server) {

        private Ground(Set<UUID> roles, List<String> strangers, boolean same, boolean confirmed) {
            this(roles, strangers, same, confirmed, null);
        }
    }

    /**
     * Looks at both ends. Changes nothing, there or in the store; not to be called within a store transaction.
     *
     * @param before how the connection logs in now
     * @param after how it is to log in
     * @param seen what a login with {@code after} has shown
     * @return fails only when the store cannot be reached
     */
    public Uni<Ground> ground(
            UUID connection, Login before, Login after, TargetReport seen, boolean confirmed, Deadline deadline) {
        return Panache.withSession(() -> ManagedRoles.throughIt(connection)).chain(rows -> {
            Set<UUID> roles = rows.stream().map(role -> role.id).collect(Collectors.toSet());
            byte[] server = identities.server(seen);
            Boolean identified = identified(rows, server);
            boolean samePlace = before.host().equals(after.host()) && before.port() == after.port();
            if (confirmed && samePlace && Boolean.FALSE.equals(identified)) {
                return Uni.createFrom().item(new Ground(roles, List.of(), false, true, server));
            }
            if (rows.isEmpty() || confirmed) {
                boolean stays = samePlace && !Boolean.FALSE.equals(identified);
                return Uni.createFrom()
                        .item(new Ground(roles, List.of(), rows.isEmpty() || stays, confirmed && !stays));
            }
            if (samePlace && Boolean.TRUE.equals(identified)) {
                return Uni.createFrom().item(new Ground(roles, List.of(), true, false));
            }
            return same.ask(before, after, Purpose.REQUEST, deadline).chain(answer -> {
                if (answer == Answer.YES) {
                    return Uni.createFrom().item(new Ground(roles, List.of(), true, false));
                }
                if (answer == Answer.NO && Boolean.TRUE.equals(identified)) { // a clone, or a standby
                    return Uni.createFrom()
                            .item(new Ground(
                                    roles,
                                    rows.stream().map(role -> role.roleName).toList(),
                                    false,
                                    false));
                }
                return strangers(rows, 0, after, deadline, new ArrayList<>())
                        .map(strangers -> new Ground(roles, strangers, false, false));
            });
        });
    }

    /** @return null where that is not known */
    private static @Nullable Boolean identified(List<ManagedRole> rows, byte @Nullable [] server) {
        Set<RoleIdentity.Number> numbers = rows.stream()
                .map(role -> new RoleIdentity(0L, role.roleServer).compare(new RoleIdentity(0L, server)))
                .collect(Collectors.toSet());
        if (numbers.contains(RoleIdentity.Number.ELSEWHERE)) {
            return false;
        }
        return server == null || rows.stream().anyMatch(role -> role.roleServer == null) ? null : Boolean.TRUE;
    }

    /** Those that do not carry our marker there and open with a password of ours. */
    private Uni<List<String>> strangers(
            List<ManagedRole> rows, int index, Login after, Deadline deadline, List<String> found) {
        if (index == rows.size()) {
            return Uni.createFrom().item(found);
        }
        ManagedRole role = rows.get(index);
        return ledger.versions(role.id)
                .chain(versions -> inspection.recognised(new Inspection.Known(role, versions, false), after, deadline))
                .chain(recognised -> {
                    if (!recognised) {
                        found.add(role.roleName);
                    }
                    return strangers(rows, index + 1, after, deadline, found);
                });
    }

    /**
     * Refuses what does not rest on what was looked at. Joins the running store transaction, which holds the connection's row: nobody may
     * register a role through it meanwhile. Of a move and a change of a password at the same moment, the change is on the one server as
     * a whole, or the move is refused: whoever begins a change after this reads where the connection leads then.
     *
     * @return fails with 400 {@code leads_to_another_server}, {@code changed_meanwhile}, {@code rotation_in_progress} or {@code
     *     rotation_unfinished}
     */
    public Uni<Void> require(UUID connection, Ground ground) {
        return ManagedRoles.throughIt(connection).chain(rows -> {
            Set<UUID> now = new HashSet<>();
            rows.forEach(role -> now.add(role.id));
            if (!ground.roles.containsAll(now)) {
                throw Problem.of(
                        ErrorCode.CHANGED_MEANWHILE,
                        "A rotation has begun to use the connection since its new server was looked at. Nothing was changed:"
                                + " repeat the request.");
            }
            if (!ground.strangers.isEmpty()) {
                throw Problem.of(
                        ErrorCode.LEADS_TO_ANOTHER_SERVER,
                        "This is another server than the one that passwords are changed on through this connection, as far as can be"
                                + " seen: it does not see a lock that is taken on that one, and the roles of these names do not carry our"
                                + " marker there and know one of our passwords: "
                                + String.join(", ", ground.strangers)
                                + ". Delete the rotations first; or, if their passwords are to be changed on the new server from now"
                                + " on, send confirmAnotherServer: true.",
                        Map.of("roles", ground.strangers));
            }
            Uni<Void> free = Uni.createFrom().voidItem();
            if (!ground.same) {
                for (ManagedRole role : rows) { // one session: one at a time
                    free = free.chain(() -> settled(role, ground));
                }
            }
            return free;
        });
    }

    /** Where another server was confirmed, the role gets to be known anew, and the next look, which is due at once, puts its password there. */
    private static Uni<Void> settled(ManagedRole role, Ground ground) {
        return Panache.getSession()
                .chain(session -> session.refresh(role, LockModeType.PESSIMISTIC_WRITE))
                .invoke(() -> {
                    if (role.isClaimed()) {
                        throw NotChanged.inProgress();
                    }
                })
                .chain(() -> CredentialStore.unfinishedVersion(role.id))
                .invoke(unfinished -> {
                    if (unfinished != null) {
                        throw Problem.of(
                                ErrorCode.ROTATION_UNFINISHED,
                                "A change of the password of the role " + role.roleName
                                        + " on the former server has not come to its end, so it is not certain which password it"
                                        + " has. Move the connection once the state of the role is ok.");
                    }
                    boolean known = ground.server != null && Arrays.equals(ground.server, role.roleServer);
                    if (ground.confirmed && !known) {
                        role.goesElsewhere();
                    }
                })
                .replaceWithVoid();
    }
}
