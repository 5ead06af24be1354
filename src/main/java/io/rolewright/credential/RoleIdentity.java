package io.rolewright.credential;

import io.rolewright.target.Preflight;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * By what a role is known on its server: the number that the server gave it, which neither a new role of the same name gets nor a rename
 * takes away. Dump and restore give other numbers and pg_upgrade keeps them on what is another server by its identifier, so where they
 * differ it is evidence that decides, by one table.
 *
 * @param oid the number; absent where it was never learned, or there is no such role
 * @param server keyed hash of the system identifier of the server that gave it; absent where that may not be read
 */
record RoleIdentity(@Nullable Long oid, byte @Nullable [] server) {

    /** How the number that is there now compares with the one that is known. */
    enum Number {
        /** One of them is not known. */
        UNKNOWN,
        SAME,
        /** On the same server, or on one that keeps its identifier to itself. */
        ANOTHER,
        /** Given by another server: whether it is the same says nothing. */
        ELSEWHERE;

        boolean doubtful() {
            return this == ANOTHER || this == ELSEWHERE;
        }
    }

    /** What the role's comment says. */
    enum Marker {
        OURS,
        /** There is none, or it is of somebody else. */
        NOT_OURS,
        /** The role cannot carry one, since we may not write its comment. */
        IMPOSSIBLE
    }

    /** Which password of ours the server has proven to know, by its own signature. */
    enum Opens {
        /** One that was made here, which nobody else has given a role. */
        OURS,
        /** One that a human chose, and may have given to more roles than one. */
        CHOSEN,
        NONE;

        static Opens of(PasswordVersion version) {
            return version.cause == Cause.ADOPTED ? CHOSEN : OURS;
        }
    }

    /** What follows. */
    enum Verdict {
        /** It is the role that is managed. */
        SAME,
        /** It is, under another number, which is learned when its next change is proven. */
        RECOGNISED,
        /** It is another one, and was named as the one to be managed from now on. */
        CONFIRMED,
        /** Nothing is changed: another role has the name. */
        ROLE_REPLACED,
        /** Nothing is changed: it is another server, and the role of that name there is not known to be the same. */
        SERVER_REPLACED;

        boolean stops() {
            return this == ROLE_REPLACED || this == SERVER_REPLACED;
        }

        String code() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    Number compare(RoleIdentity now) {
        if (oid == null) {
            return Number.UNKNOWN;
        }
        if (server != null && now.server != null && !Arrays.equals(server, now.server)) {
            return Number.ELSEWHERE;
        }
        return now.oid == null ? Number.UNKNOWN : oid.equals(now.oid) ? Number.SAME : Number.ANOTHER;
    }

    /** @param confirmed whether the owner was told to take the role over */
    static Verdict judge(Number number, Marker marker, Opens opens, boolean confirmed) {
        if (!number.doubtful()) {
            return Verdict.SAME;
        }
        boolean recognised = switch (opens) {
            case OURS -> marker != Marker.NOT_OURS;
            case CHOSEN -> marker == Marker.OURS;
            case NONE -> false;
        };
        if (recognised) {
            return Verdict.RECOGNISED;
        }
        return confirmed
                ? Verdict.CONFIRMED
                : number == Number.ELSEWHERE ? Verdict.SERVER_REPLACED : Verdict.ROLE_REPLACED;
    }

    /** @param now as it was seen; with what it knows of where the managed one is */
    static Stop stop(Verdict verdict, ManagedRole role, Preflight now) {
        String roleName = role.roleName;
        String confirm = role.self
                ? "send its password there: PATCH the connection with complete credentials."
                : "send takeover: true and rotate.";
        if (verdict == Verdict.SERVER_REPLACED) {
            return Stop.definite(
                    Step.PREFLIGHT,
                    verdict.code(),
                    "This is another server than the one on which the role " + roleName
                            + " was managed, and the role of that name here is not known to be the same"
                            + (role.self
                                    ? ": it opens with a password that a human chose, and may have chosen there too"
                                    : ": it does not carry our marker and know one of our passwords")
                            + ". Nothing was changed. Lead the connection back to the former"
                            + " server; or, if the role is to be managed here from now on, "
                            + (role.self
                                    ? confirm
                                    : "PATCH the connection with confirmAnotherServer: true, once for all roles that are changed through"
                                            + " it; for this one alone " + confirm));
        }
        Preflight.Renamed renamed = now.renamed();
        return Stop.definite(
                Step.PREFLIGHT,
                verdict.code(),
                "The role " + roleName
                        + " is another one than the one that was managed under this name: "
                        + (renamed == null
                                ? "that one was dropped, and a new one made"
                                : "that one is called " + renamed.name() + " now")
                        + ". Nothing was changed. If the new one is to be managed from now on, " + confirm);
    }

    /** @return null where the role has not been renamed */
    static @Nullable Stop renamed(String roleName, Number number, Preflight now) {
        Preflight.Renamed renamed = now.renamed();
        if (renamed == null || now.oid() != null || number == Number.ELSEWHERE) {
            return null;
        }
        String message = "The role " + roleName + " is called " + renamed.name()
                + " now. Nothing was changed. Give it its old name back, or make a rotation for the new one.";
        return new Stop(
                Step.PREFLIGHT,
                "role_renamed",
                null,
                message,
                true,
                List.of(new ChangeOutcome.Obstacle("role_renamed", message, renamed.sql())));
    }

    @Override
    public String toString() {
        return "RoleIdentity[" + oid + "]";
    }
}
