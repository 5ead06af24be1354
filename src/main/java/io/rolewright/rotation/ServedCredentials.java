package io.rolewright.rotation;

import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.NotChanged;
import io.rolewright.credential.Passwords;
import io.rolewright.credential.Revoking;
import io.rolewright.credential.ServedLooks;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.EntityTags;
import io.rolewright.rotation.RotationAudit.Act;
import io.rolewright.rotation.RotationWire.Credential;
import io.rolewright.rotation.RotationWire.GeneratedCredentials;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** The passwords that a rotation has made, for those who may see them. Every one that is given out is audited. */
@ApplicationScoped
class ServedCredentials {

    /** A rotation may be promoted while its passwords are read; more than a few times in a row it is not. */
    private static final int TRIES = 4;

    private final Rotations rotations;
    private final RotationStore store;
    private final Passwords passwords;
    private final RotationAudit audit;
    private final ServedLooks looks;

    ServedCredentials(
            Rotations rotations, RotationStore store, Passwords passwords, RotationAudit audit, ServedLooks looks) {
        this.looks = looks;
        this.rotations = rotations;
        this.store = store;
        this.passwords = passwords;
        this.audit = audit;
    }

    /**
     * @param credentials null when the caller has this version already
     * @param audited whether a row of the audit has it, if they were given
     */
    record Answer(String etag, GeneratedCredentials credentials, boolean audited) {}

    Uni<Answer> read(Act act, UUID id, String ifNoneMatch) {
        Uni<Answer> read = rotations
                .existing(act.caller(), id, Right.ROTATION_READ_CREDENTIALS)
                .onFailure(failure -> isNotFound(failure)
                        && !Rights.reach(act.caller(), Right.ROTATION_READ_CREDENTIALS)
                                .everywhere())
                // Readers that mirror take a 404 for "deleted".
                .transform(notFound ->
                        Rights.denied(Right.ROTATION_READ_CREDENTIALS).in(((Problem) notFound).project()))
                .chain(row -> {
                    if (row.revokingSince != null) {
                        throw Revoking.problem();
                    }
                    // Who is told that he has it takes it for "still good": it is tried as well, while that is in
                    // doubt.
                    return looks.require(row.roleIds())
                            .chain(() -> looks.isCalm() ? Uni.createFrom().item(row) : store.byId(row.id))
                            .chain(now -> now != null && EntityTags.isKnown(ifNoneMatch, etag(now))
                                    ? Uni.createFrom().item(new Answer(etag(now), null, true))
                                    : served(row, TRIES)
                                            // What the store forgot while it was read is tried as well.
                                            .call(() -> looks.require(row.roleIds()))
                                            .chain(found -> audit.given(
                                                            act,
                                                            AuditType.GET_SECRET_ROTATION_GENERATED_CREDENTIALS,
                                                            row)
                                                    .map(audited -> new Answer(
                                                            etag(found.row()), found.credentials(), audited))));
                });
        return audit.failures(read, act, AuditType.GET_SECRET_ROTATION_GENERATED_CREDENTIALS, null, id.toString());
    }

    private static boolean isNotFound(Throwable failure) {
        return failure instanceof Problem problem && problem.errorCode() == ErrorCode.ROTATION_NOT_FOUND;
    }

    /** Of one version of what a rotation serves. */
    private static String etag(Rotation row) {
        return "\"" + row.id + "-" + EntityTags.version(row.credentialVersion, row.plan.lastRotatedAt()) + "\"";
    }

    /** @param row as it was when the credentials were read */
    private record Found(Rotation row, GeneratedCredentials credentials) {}

    /** Row and passwords are read one after the other, and again if the rotation was promoted in between. */
    private Uni<Found> served(Rotation row, int triesLeft) {
        if (row.credentialVersion == 0) {
            return Uni.createFrom()
                    .failure(Problem.of(
                            ErrorCode.NO_CREDENTIALS_YET,
                            "This rotation has no proven password yet; its state and attempts say why."));
        }
        Uni<List<Credential>> opened = Uni.createFrom().item(ArrayList::new);
        for (UUID role : row.roleIds()) {
            opened = opened.chain(before -> passwords
                    .current(role, (name, password, number) -> new Credential(name, password))
                    .invoke(credential -> {
                        if (credential != null) {
                            before.add(credential);
                        }
                    })
                    .replaceWith(before));
        }
        return opened.chain(all -> store.byId(row.id).chain(after -> {
            if (after == null) {
                throw Rotations.notFound(row.id);
            }
            if (after.credentialVersion != row.credentialVersion) {
                if (triesLeft == 1) {
                    throw NotChanged.inProgress();
                }
                return served(after, triesLeft - 1);
            }
            return Uni.createFrom()
                    .item(new Found(
                            row,
                            new GeneratedCredentials(
                                    all,
                                    row.activeIndex,
                                    row.id,
                                    RotationWire.TYPE,
                                    all.get(row.activeIndex),
                                    row.credentialVersion)));
        }));
    }
}
