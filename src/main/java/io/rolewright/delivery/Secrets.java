package io.rolewright.delivery;

import io.rolewright.access.Caller;
import io.rolewright.access.Project;
import io.rolewright.access.Reach;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.delivery.SecretWire.Secret;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.EntityTags;
import io.rolewright.rotation.ServedSecrets;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Reads secrets for a caller. Every value that is given out is audited in the transaction that read it.
 *
 * <p>A project that is not there and one that the caller may not read are one answer, and that is a 403: clients that mirror secrets take
 * a 404 for "deleted" and would delete what they mirrored, only because somebody took a role away.
 */
@ApplicationScoped
class Secrets {

    private static final String KIND = "secret";

    private final ServedSecrets served;
    private final AuditLog audit;

    Secrets(ServedSecrets served, AuditLog audit) {
        this.served = served;
        this.audit = audit;
    }

    /**
     * Who asks for what.
     *
     * @param ifNoneMatch what the client has; null if nothing
     */
    record Request(Caller caller, String requestId, SecretQuery query, String ifNoneMatch) {

        Right right() {
            return query.withValues() ? Right.ROTATION_READ_CREDENTIALS : Right.ROTATION_READ;
        }
    }

    /** @param secrets null when the client has this state of them already */
    record Answer(String etag, List<Secret> secrets) {}

    /** What is served at a path, and below it if {@code below}. */
    Uni<Answer> list(Request request, boolean below) {
        return audited(
                request,
                AuditType.GET_SECRETS,
                request.query().path(),
                project -> served.at(
                        project, request.query().environment(), request.query().path(), below));
    }

    /**
     * @param version null for the one that is served
     * @return fails with 404 {@code secret_not_found}
     */
    Uni<Answer> one(Request request, String name, Long version) {
        return audited(
                request,
                AuditType.GET_SECRET,
                name,
                project -> served.named(
                                project,
                                request.query().environment(),
                                request.query().path(),
                                name)
                        .map(secret -> {
                            if (secret == null || version != null && version != secret.version()) {
                                throw Problem.of(
                                        ErrorCode.SECRET_NOT_FOUND,
                                        "There is no secret " + name + (version == null ? "" : " of version " + version)
                                                + " at " + request.query().path() + " of "
                                                + request.query().environment() + ".");
                            }
                            return List.of(secret);
                        }));
    }

    private Uni<Answer> audited(
            Request request, String type, String subject, Function<UUID, Uni<List<ServedSecrets.Secret>>> find) {
        return Uni.createFrom()
                .deferred(() -> {
                    Reach reach = Rights.reach(request.caller(), request.right());
                    request.query().requirePlace();
                    return served.snapshot(() -> project(request, reach)
                            .chain(project -> find.apply(project)
                                    .chain(found -> answer(request, type, subject, project, found))));
                })
                .onFailure(Problem.class)
                .call(failure -> audit.record(failed(request, type, subject, (Problem) failure))
                        .onFailure()
                        .recoverWithNull());
    }

    private Uni<Answer> answer(
            Request request, String type, String subject, UUID project, List<ServedSecrets.Secret> found) {
        String etag = etag(request, project, found);
        if (EntityTags.isKnown(request.ifNoneMatch(), etag)) {
            return Uni.createFrom().item(new Answer(etag, null));
        }
        if (!request.query().withValues()) {
            return Uni.createFrom().item(new Answer(etag, shown(project, found, secret -> null)));
        }
        AuditEvent event = by(request, AuditEvent.success(type))
                .in(project)
                .on(KIND, subject)
                .with("environment", request.query().environment())
                .with("secretPath", request.query().path())
                .with("secrets", found.size())
                .with(
                        "rotationIds",
                        found.stream().map(ServedSecrets.Secret::rotationId).collect(Collectors.toSet()));
        return served.passwords(found)
                .call(() -> audit.record(event))
                .map(passwords -> new Answer(etag, shown(project, found, secret -> value(secret, passwords))));
    }

    private static String value(ServedSecrets.Secret secret, Map<UUID, String> passwords) {
        String value = secret.isPassword() ? passwords.get(secret.roleId()) : secret.roleName();
        return Objects.requireNonNull(value, "a rotation with a version and without a password");
    }

    private static List<Secret> shown(
            UUID project, List<ServedSecrets.Secret> found, Function<ServedSecrets.Secret, String> value) {
        return found.stream()
                .map(secret -> Secret.of(project, secret, value.apply(secret)))
                .toList();
    }

    /** Of what the answer says, made without looking at a value: names and versions say when it is another one. */
    private static String etag(Request request, UUID project, List<ServedSecrets.Secret> found) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) { // every Java has it
            throw new IllegalStateException(impossible);
        }
        String head = project + "\n" + request.query().environment() + "\n"
                + request.query().withValues() + "\n";
        digest.update(head.getBytes(StandardCharsets.UTF_8));
        for (ServedSecrets.Secret secret : found) {
            String line = secret.id() + "\n" + secret.version() + "\n" + secret.path() + "\n" + secret.name() + "\n";
            digest.update(line.getBytes(StandardCharsets.UTF_8));
        }
        return "\"" + Base64.getUrlEncoder().withoutPadding().encodeToString(digest.digest()) + "\"";
    }

    private static Uni<UUID> project(Request request, Reach reach) {
        return lookUp(request).map(project -> {
            if (project == null && reach.everywhere()) {
                throw Problem.of(ErrorCode.PROJECT_NOT_FOUND, "There is no such project.");
            }
            if (project == null) {
                throw Rights.denied(request.right()); // What is not there is not told from what is somebody else's.
            }
            Rights.require(request.caller(), request.right(), project.id);
            return project.id;
        });
    }

    private static Uni<Project> lookUp(Request request) {
        if (!request.query().project().isEmpty()) {
            try {
                return Project.findById(UUID.fromString(request.query().project()));
            } catch (IllegalArgumentException notAnId) {
                return Uni.createFrom().nullItem();
            }
        }
        return request.query().slug().indexOf('\0') >= 0
                ? Uni.createFrom().nullItem()
                : Project.<Project>find("slug", request.query().slug()).firstResult();
    }

    private static AuditEvent failed(Request request, String type, String subject, Problem problem) {
        AuditEvent event = problem.status() == 403
                ? AuditEvent.refused(type, problem.code())
                : AuditEvent.failed(type, problem.code());
        return by(request, event)
                .on(KIND, subject)
                .with(
                        "project",
                        request.query().project().isEmpty()
                                ? request.query().slug()
                                : request.query().project())
                .with("environment", request.query().environment())
                .with("secretPath", request.query().path());
    }

    private static AuditEvent by(Request request, AuditEvent event) {
        return event.by(request.caller().id(), request.caller().name())
                .from(request.caller().address(), request.requestId());
    }
}
