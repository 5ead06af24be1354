package io.rolewright.rotation;

import io.rolewright.credential.CredentialStatus;
import io.rolewright.credential.RoleState;
import io.rolewright.credential.RoleStatus;
import io.rolewright.problem.ErrorCode;
import io.rolewright.request.IfMatch;
import io.rolewright.rotation.RotationWire.ConnectionRef;
import io.rolewright.rotation.RotationWire.EnvironmentRef;
import io.rolewright.rotation.RotationWire.FolderRef;
import io.rolewright.rotation.RotationWire.SecretRotation;
import io.rolewright.rotation.RotationWire.SecretsMapping;
import io.rolewright.rotation.RotationWire.TimeOfDay;
import io.rolewright.rotation.RotationWire.VaultKv;
import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What the wire shows of a stored rotation. */
final class RotationView {

    private RotationView() {}

    static SecretRotation of(Rotations.Shown shown) {
        Rotation row = shown.row();
        Place place = row.place();
        Optional<RoleStatus> troubled = shown.roles().stream()
                .filter(role -> role.state() != RoleState.OK || role.reason() != null)
                .min(Comparator.comparing(role -> switch (role.state()) {
                    case IN_DOUBT -> 0;
                    case PARKED, REVOKING -> 1;
                    case OK -> 2;
                }));
        // Nothing is wrong with its roles, and yet it has nothing to serve: its creation is under way, or was left.
        boolean unproven = row.credentialVersion == 0 && row.revokingSince == null;
        return new SecretRotation(
                row.id,
                row.name,
                row.description,
                RotationWire.TYPE,
                row.project.id,
                row.connectionId,
                new ConnectionRef(RotationWire.APP, shown.connectionName(), row.connectionId),
                new EnvironmentRef(row.environment, row.environment, place.environmentId()),
                place.folderId(),
                new FolderRef(place.folderId(), row.secretPath),
                row.plan.auto(),
                row.plan.intervalDays(),
                TimeOfDay.of(row.plan.rotateAtMinute()),
                row.activeIndex,
                row.plan.lastStatus(),
                row.plan.lastAttemptedAt(),
                row.plan.lastRotatedAt(),
                null,
                row.plan.nextTryAt(),
                row.plan.lastRotationManual(),
                row.plan.lastMessage(),
                new RotationWire.Parameters(row.username1, row.username2, shown.requirements()),
                new SecretsMapping(row.usernameSecret, row.passwordSecret, row.uriSecret),
                row.createdAt,
                row.updatedAt,
                row.strategy.wireName(),
                row.driftPolicy.name().toLowerCase(Locale.ROOT),
                row.takeover,
                row.allowPrivileged,
                row.revokingSince != null
                        ? RoleState.REVOKING.wireName()
                        : troubled.map(role -> role.state().wireName())
                                .orElse(unproven ? RoleState.PARKED.wireName() : RoleState.OK.wireName()),
                troubled.map(RoleStatus::reason).orElse(unproven ? ErrorCode.NO_CREDENTIALS_YET.code() : null),
                shown.roles().stream()
                        .filter(role -> role.id().equals(row.roleId(row.activeIndex)))
                        .findFirst()
                        .map(RoleStatus::verifiedAt)
                        .orElse(null),
                shown.roles().stream()
                        .map(RoleStatus::lookMinutes)
                        .filter(Objects::nonNull)
                        .findFirst()
                        .orElse(null),
                row.credentialVersion,
                vaultKv(shown.vault()),
                status(row, troubled.map(RoleStatus::state).orElse(RoleState.OK))
                        .wireName());
    }

    /** What of its own row can be edited, as it is edited. */
    static Map<String, Object> settings(Rotation row) {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("name", row.name);
        settings.put("description", row.description);
        settings.put("isAutoRotationEnabled", row.plan.auto());
        settings.put("rotationInterval", row.plan.intervalDays());
        settings.put("rotateAtUtc", TimeOfDay.of(row.plan.rotateAtMinute()));
        settings.put("driftPolicy", row.driftPolicy.name().toLowerCase(Locale.ROOT));
        settings.put("takeover", row.takeover);
        settings.put("allowPrivileged", row.allowPrivileged);
        settings.put("secretsMapping", new SecretsMapping(row.usernameSecret, row.passwordSecret, row.uriSecret));
        return settings;
    }

    /** With where it is written in Vault. */
    static Map<String, Object> settings(Rotation row, @Nullable VaultDelivery vault) {
        Map<String, Object> settings = settings(row);
        Map<String, String> place = new LinkedHashMap<>();
        if (vault != null) {
            place.put("mount", vault.mount);
            place.put("path", vault.path);
        }
        settings.put("vaultKv", vault == null ? null : place);
        return settings;
    }

    /** Another one after each edit, and the same after a rotation. */
    static String etag(Rotation row, @Nullable VaultDelivery vault) {
        Map<String, Object> all = settings(row, vault);
        all.put("passwordRequirements", row.passwordRequirements);
        return IfMatch.etag(all);
    }

    private static CredentialStatus status(Rotation row, RoleState worst) {
        Instant now = row.storeNow == null ? Instant.now() : row.storeNow; // of one that was only just made
        return row.revokingSince == null ? CredentialStatus.of(worst, row.plan, now) : CredentialStatus.REVOKING;
    }

    private static VaultKv vaultKv(VaultDelivery vault) {
        return vault == null
                ? null
                : new VaultKv(
                        vault.mount,
                        vault.path,
                        vault.deliveredVersion,
                        vault.deliveredAt,
                        vault.lastFailure,
                        vault.failures,
                        vault.dueAt,
                        vault.lostSince,
                        vault.warning);
    }
}
