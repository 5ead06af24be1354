package io.rolewright.delivery;

import io.rolewright.access.Caller;
import io.rolewright.access.CallerChanges;
import io.rolewright.access.LiveCaller;
import io.rolewright.access.Readers.Reader;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.audit.AuditType;
import io.rolewright.credential.ServedLooks;
import io.rolewright.delivery.SecretWire.Secret;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.EntityTags;
import io.rolewright.rotation.SecretReads;
import io.rolewright.rotation.SecretReads.Found;
import io.rolewright.rotation.SecretReads.Question;
import io.rolewright.rotation.SecretReads.Value;
import io.rolewright.rotation.ServedSecrets;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads secrets for a caller. Every value that is given out is audited in the statement that reads it.
 *
 * <p>A project that is not there and one that the caller may not read are one answer, and that is a 403: clients that mirror secrets take
 * a 404 for "deleted" and would delete what they mirrored, only because somebody took a role away.
 */
@ApplicationScoped
class Secrets {

    private static final String KIND = "secret";
    private static final UUID NO_PROJECT = new UUID(0, 0);

    private final SecretReads reads;
    private final CallerChanges changes;
    private final AuditLog audit;
    private final ServedLooks looks;

    Secrets(SecretReads reads, CallerChanges changes, AuditLog audit, ServedLooks looks) {
        this.reads = reads;
        this.looks = looks;
        this.changes = changes;
        this.audit = audit;
    }

    /**
     * Who asks for what.
     *
     * @param live to judge him again, after he has stood in line
     * @param tagged whether only secrets with a tag are wanted, of which there are none
     * @param ifNoneMatch what the client has; null if nothing
     */
    record Request(
            Caller caller, LiveCaller live, String requestId, SecretQuery query, boolean tagged, String ifNoneMatch) {

        Right right() {
            return query.withValues() ? Right.ROTATION_READ_CREDENTIALS : Right.ROTATION_READ;
        }
    }

    /**
     * @param secrets null when the client has this state of them already
     * @param audited whether a row of the audit has it, if values were given
     */
    record Answer(String etag, List<Secret> secrets, boolean audited) {}

    /** What is served at a path, and below it if {@code below}. */
    Uni<Answer> list(Request request, boolean below) {
        return audited(request, AuditType.GET_SECRETS, request.query().path(), below, null, null);
    }

    /**
     * @param version null for the one that is served
     * @return fails with 404 {@code secret_not_found}
     */
    Uni<Answer> one(Request request, String name, Long version) {
        return audited(request, AuditType.GET_SECRET, name, false, name, version);
    }

    private Uni<Answer> audited(
            Request request, String type, String subject, boolean below, String name, Long version) {
        return Uni.createFrom()
                .deferred(() -> {
                    Rights.reach(request.caller(), request.right());
                    request.query().requirePlace();
                    return read(
                            request,
                            new Reader(
                                    changes.standing(request.caller(), request.live()),
                                    request.right(),
                                    request.requestId()),
                            question(request, subject, below, name, version));
                })
                .onFailure(Problem.class)
                .call(failure -> audit.record(failed(request, type, subject, (Problem) failure))
                        .onFailure()
                        .recoverWithNull());
    }

    /**
     * Who says what he has is answered by names and versions: mostly they are the same, and then nothing is given out. He takes that for
     * "still good", so it is tried as well, while that is in doubt.
     */
    private Uni<Answer> read(Request request, Reader reader, Question question) {
        if (!request.query().withValues()) {
            return named(request, reader, question);
        }
        if (request.ifNoneMatch() == null) {
            return tried(request, reader, question).chain(() -> given(request, reader, question));
        }
        return known(request, reader, question)
                // After it was read: a store that went back meanwhile is noticed before it answers.
                .chain(etag -> looks.isCalm()
                        ? Uni.createFrom().item(etag)
                        : tried(request, reader, question).chain(() -> known(request, reader, question)))
                .chain(etag -> etag == null
                        ? given(request, reader, question)
                        : Uni.createFrom().item(new Answer(etag, null, true)));
    }

    /** A number that consumers have seen of another password is none to show: what is in doubt is tried for it, too. */
    private Uni<Answer> named(Request request, Reader reader, Question question) {
        return reads.names(reader, question).chain(found -> {
            List<Value> values = readable(request, question, found);
            return looks.isCalm()
                    ? Uni.createFrom().item(named(request, question, found))
                    : looks.require(roles(values))
                            .chain(() -> reads.names(reader, question))
                            .map(now -> named(request, question, now));
        });
    }

    private static Answer named(Request request, Question question, Found found) {
        List<Value> values = readable(request, question, found);
        String etag = etag(request, question, found.project(), values);
        return new Answer(
                etag,
                EntityTags.isKnown(request.ifNoneMatch(), etag) ? null : shown(found.project(), values, secret -> null),
                true);
    }

    /** Null item if what is served is something else than the caller has. */
    private Uni<@Nullable String> known(Request request, Reader reader, Question question) {
        return reads.names(reader, question).map(found -> {
            String etag = etag(request, question, found.project(), readable(request, question, found));
            return EntityTags.isKnown(request.ifNoneMatch(), etag) ? etag : null;
        });
    }

    /** Before it is given out, and recorded as that: whether it may be, while it is in doubt whether the store is as new as its servers. */
    private Uni<Void> tried(Request request, Reader reader, Question question) {
        return looks.isCalm()
                ? Uni.createFrom().voidItem()
                : reads.names(reader, question)
                        .chain(found -> looks.require(roles(readable(request, question, found))));
    }

    private Uni<Answer> given(Request request, Reader reader, Question question) {
        return reads.values(reader, question).chain(found -> {
            List<Value> values = readable(request, question, found);
            Answer answer = new Answer(
                    etag(request, question, found.project(), values),
                    shown(found.project(), values, Secrets::open),
                    found.audited());
            // What was promoted since it was tried is proven by that; what the store forgot meanwhile is not.
            return looks.isCalm()
                    ? Uni.createFrom().item(answer)
                    : looks.require(roles(values))
                            .chain(() -> reads.names(reader, question))
                            .chain(now -> answer.etag()
                                            .equals(etag(
                                                    request, question, now.project(), readable(request, question, now)))
                                    ? Uni.createFrom().item(answer)
                                    : given(request, reader, question)); // it is counted on since it was tried
        });
    }

    private static Set<UUID> roles(List<Value> values) {
        return values.stream().map(value -> value.secret().roleId()).collect(Collectors.toSet());
    }

    /** @throws Problem if he gets none of them */
    private static List<Value> readable(Request request, Question question, Found found) {
        if (found.project() == null) {
            if (Rights.reach(found.by(), request.right()).everywhere()) {
                throw Problem.of(ErrorCode.PROJECT_NOT_FOUND, "The project does not exist.");
            }
            throw Rights.denied(request.right()); // What is not there is not told from what is somebody else's.
        }
        Rights.require(found.by(), request.right(), found.project());
        if (found.tooMany()) {
            throw Problem.of(
                    ErrorCode.TOO_MANY_SECRETS,
                    "More than " + ServedSecrets.MOST_ROTATIONS
                            + " rotations serve secrets here. Ask for a narrower secretPath, or for one"
                            + " secret by its name.");
        }
        if (question.name() != null && found.values().isEmpty()) {
            throw Problem.of(
                    ErrorCode.SECRET_NOT_FOUND,
                    "There is no secret " + question.name()
                            + (question.version() == null ? "" : " of version " + question.version()) + " at "
                            + request.query().path() + " of " + request.query().environment() + "."
                            + (question.version() == null
                                    ? ""
                                    : " A version is there if it was served under this name, and is kept as long as its"
                                            + " password (ROLEWRIGHT_CREDENTIAL_VERSIONS_KEPT)."));
        }
        return found.values();
    }

    /** An id that is none is one of no project. */
    private static Question question(Request request, String subject, boolean below, String name, Long version) {
        SecretQuery query = request.query();
        UUID project = null;
        if (!query.project().isEmpty()) {
            try {
                project = UUID.fromString(query.project());
            } catch (IllegalArgumentException notAnId) {
                project = NO_PROJECT;
            }
        }
        return new Question(
                project,
                project == null ? query.slug() : null,
                query.environment(),
                query.path(),
                below,
                name,
                version,
                subject);
    }

    private static String open(Value value) {
        if (value.secret().part() != ServedSecrets.Part.URI) {
            return value.open();
        }
        return LoginFormat.uri(value.endpoint(), value.secret().roleName(), value.open());
    }

    private static List<Secret> shown(UUID project, List<Value> found, Function<Value, String> value) {
        return found.stream()
                .map(secret -> Secret.of(project, secret.secret(), value.apply(secret)))
                .toList();
    }

    /** Of what the answer says, made without looking at a value: names, versions and since when they are served say when it is another one. */
    private static String etag(Request request, Question question, UUID project, List<Value> found) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) { // every Java has it
            throw new IllegalStateException(impossible);
        }
        // All that was asked for: what one question is answered is no news of another's.
        String head = String.join(
                "\n",
                String.valueOf(project),
                request.query().environment(),
                request.query().path(),
                String.valueOf(question.below()),
                String.valueOf(question.name()),
                String.valueOf(question.version()),
                String.valueOf(request.tagged()),
                request.query().withValues() + "\n");
        digest.update(head.getBytes(StandardCharsets.UTF_8));
        for (Value value : found) {
            ServedSecrets.Secret secret = value.secret();
            String line = secret.id() + "\n" + secret.version() + "\n" + secret.rotatedAt() + "\n" + secret.path()
                    + "\n" + secret.name() + "\n" + (secret.leadsBy() == null ? "" : secret.leadsBy() + "\n");
            digest.update(line.getBytes(StandardCharsets.UTF_8));
        }
        return "\"" + Base64.getUrlEncoder().withoutPadding().encodeToString(digest.digest()) + "\"";
    }

    private static AuditEvent failed(Request request, String type, String subject, Problem problem) {
        return by(request, AuditEvent.ended(type, problem))
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
