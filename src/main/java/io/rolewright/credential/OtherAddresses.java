package io.rolewright.credential;

import io.rolewright.target.Deadline;
import io.rolewright.target.Login;
import io.rolewright.target.Purpose;
import io.rolewright.target.SameServer;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Whether somebody manages a role of a server already, over another address of it that nothing tells from another server: some services
 * keep the identifier to themselves. Then the servers are asked.
 */
@ApplicationScoped
class OtherAddresses {

    /** For all of them: whoever wants the role waits for the answer. */
    private static final Duration LIMIT = Duration.ofSeconds(3);

    private final LoginUse use;
    private final RoleLogins logins;
    private final ManagingConnections connections;
    private final SameServer same;

    OtherAddresses(LoginUse use, RoleLogins logins, ManagingConnections connections, SameServer same) {
        this.use = use;
        this.logins = logins;
        this.connections = connections;
        this.same = same;
    }

    /**
     * Not to be called within a store transaction.
     *
     * @param here a login to the server
     * @param except the owner that wants the role; absent for none
     * @return null item when nobody does, as far as the servers answer
     */
    Uni<LoginUse.@Nullable Conflict> conflict(
            String roleName,
            RoleServer server,
            Login here,
            @Nullable UUID except,
            Sight sight,
            Purpose purpose,
            Deadline deadline) {
        Deadline own = deadline.within(LIMIT);
        return use.perhapsManaged(roleName, server, except)
                .chain(rows -> first(rows, 0, here, purpose, own))
                .chain(found -> found == null ? Uni.createFrom().nullItem() : use.conflict(found, sight));
    }

    private Uni<@Nullable ManagedRole> first(
            List<ManagedRole> rows, int index, Login here, Purpose purpose, Deadline deadline) {
        if (index == rows.size() || deadline.passed()) {
            return Uni.createFrom().nullItem();
        }
        ManagedRole row = rows.get(index);
        return connections
                .login(row.connectionId)
                .chain(stored -> stored == null
                        ? Uni.createFrom().item(SameServer.Answer.UNKNOWN)
                        : logins.managing(row.connectionId, stored)
                                .chain(there -> same.ask(there.get(0), here, purpose, deadline)))
                .chain(answer -> answer == SameServer.Answer.YES
                        ? Uni.createFrom().item(row)
                        : first(rows, index + 1, here, purpose, deadline));
    }
}
