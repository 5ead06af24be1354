package io.rolewright.target;

import io.smallrye.mutiny.Uni;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jspecify.annotations.Nullable;

/**
 * What a login as a role showed, and until when its server lets it in.
 *
 * @param told whether the server has said until when; nothing is known of it else
 * @param validUntil {@code VALID UNTIL} of the role; null for never, and where it was not told
 */
public record RoleLook(
        LoginOutcome outcome, boolean told, @Nullable Instant validUntil) {

    private static final String VALID_UNTIL =
            "SELECT CASE WHEN isfinite(rolvaliduntil) THEN rolvaliduntil END AS valid_until FROM pg_roles"
                    + " WHERE rolname = session_user";

    static RoleLook without(LoginOutcome outcome) {
        return new RoleLook(outcome, false, null);
    }

    /** The role is in. Whatever becomes of the question, that stands; a pooler may have somebody else answer it. */
    static Uni<RoleLook> of(Dialler.Line line, SessionFacts facts) {
        LoginOutcome in = new LoginOutcome.Accepted(facts.proof(), facts);
        if (facts.proof() == PasswordProof.POOLED) {
            return Uni.createFrom().item(without(in));
        }
        return Session.run(line, VALID_UNTIL, null)
                .map(rows -> {
                    OffsetDateTime until = rows.isEmpty() ? null : rows.get(0).getOffsetDateTime("valid_until");
                    return new RoleLook(in, !rows.isEmpty(), until == null ? null : until.toInstant());
                })
                .onFailure(TargetFailure.class)
                .recoverWithItem(() -> without(in));
    }
}
