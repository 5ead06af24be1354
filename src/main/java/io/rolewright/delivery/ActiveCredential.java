package io.rolewright.delivery;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.access.Caller;
import io.rolewright.access.CallerChanges;
import io.rolewright.access.LiveCaller;
import io.rolewright.access.Reach;
import io.rolewright.access.Readers.Reader;
import io.rolewright.access.Rights;
import io.rolewright.audit.AuditEvent;
import io.rolewright.audit.AuditLog;
import io.rolewright.connection.ConnectionDirectory;
import io.rolewright.connection.ConnectionEndpoints;
import io.rolewright.connection.ConnectionEndpoints.Endpoint;
import io.rolewright.credential.Passwords;
import io.rolewright.credential.Served;
import io.rolewright.credential.ServedLooks;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.request.EntityTags;
import io.rolewright.rotation.ServedSecrets;
import io.rolewright.store.ReadsWithoutAudit;
import io.rolewright.store.SharedAnswer;
import io.rolewright.store.SharedLooks;
import io.smallrye.mutiny.Uni;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** The one password of a rotation or a managed connection to log in with, in the form that a client takes, now or when there is another version. */
@ApplicationScoped
class ActiveCredential {

    private static final String JSON = "json";

    private static final String CA =
            "With include=ca: the CA certificates (PEM) that the connection trusts. Absent when it has none of its own and"
                    + " trusts the system's.";

    /** For those who wait for a version: most of the sessions to the store are left to everybody else. */
    private static final int LOOKS_AT_ONCE = 4;

    private static final int ANSWERS_OF_ONE_LOOK = 100;

    private final ServedSecrets served;
    private final Passwords passwords;
    private final ActiveReads reads;
    private final CallerChanges changes;
    private final ConnectionDirectory connections;
    private final ConnectionEndpoints endpoints;
    private final VersionWaiters waiters;
    private final AuditLog audit;
    private final ReadsWithoutAudit store;
    private final ServedLooks tries;
    private final SharedLooks<Request, Answer> looks;

    ActiveCredential(
            ServedSecrets served,
            Passwords passwords,
            ActiveReads reads,
            CallerChanges changes,
            ConnectionDirectory connections,
            ConnectionEndpoints endpoints,
            VersionWaiters waiters,
            AuditLog audit,
            ReadsWithoutAudit store,
            ServedLooks tries,
            Vertx vertx) {
        this.served = served;
        this.passwords = passwords;
        this.reads = reads;
        this.changes = changes;
        this.connections = connections;
        this.endpoints = endpoints;
        this.waiters = waiters;
        this.audit = audit;
        this.store = store;
        this.tries = tries;
        this.looks = new SharedLooks<>(vertx, LOOKS_AT_ONCE, ANSWERS_OF_ONE_LOOK, this::look);
    }

    /**
     * Who asks for what.
     *
     * @param caller as he was judged last
     * @param live to judge him again, after a wait
     * @param waited whether he is to be judged again by what the store says when the version is read
     * @param format null for JSON, which has no line
     * @param waitFor the least version; 0 to be answered at once
     * @param ifNoneMatch what the client has; null if nothing
     * @param withCa whether the CA certificates of the connection belong to the answer, which is JSON then
     */
    record Request(
            Caller caller,
            LiveCaller live,
            boolean waited,
            String requestId,
            Subject subject,
            UUID id,
            LoginFormat format,
            long waitFor,
            Duration timeout,
            String ifNoneMatch,
            boolean withCa) {

        Request(
                Caller caller,
                LiveCaller live,
                String requestId,
                Subject subject,
                UUID id,
                LoginFormat format,
                long waitFor,
                Duration timeout,
                String ifNoneMatch,
                boolean withCa) {
            this(caller, live, false, requestId, subject, id, format, waitFor, timeout, ifNoneMatch, withCa);
        }

        private Request by(Caller judged, boolean afterWaiting) {
            return new Request(
                    judged, live, afterWaiting, requestId, subject, id, format, waitFor, timeout, ifNoneMatch, withCa);
        }
    }

    /**
     * @param body {@link View} or a line; null when there is nothing new for the client
     * @param audited whether a row of the audit has it, if a credential was given
     */
    record Answer(String etag, Object body, boolean audited) {

        Answer(String etag, Object body) {
            this(etag, body, true);
        }

        @Override
        public String toString() {
            return "Answer[" + etag + "]";
        }
    }

    @RegisterForReflection
    @Schema(
            name = "ActivePostgresCredentialsResponse",
            requiredProperties = {
                "rotationId",
                "credentialVersion",
                "since",
                "host",
                "port",
                "database",
                "sslMode",
                "username",
                "password"
            })
    record View(
            UUID rotationId,

            @Schema(description = "Never decreases.", examples = "3")
            long credentialVersion,

            @Schema(description = "When this version began to be served.")
            Instant since,

            @Schema(examples = "db.example.com") String host,
            @Schema(examples = "5432") int port,
            @Schema(examples = "orders") String database,

            @Schema(description = "As libpq spells it.", examples = "verify-full")
            String sslMode,

            @Schema(examples = "app_a") String username,

            @Schema(examples = "generated-and-shown-to-those-who-may")
            String password,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = CA) @Nullable
            String caCert) {

        @Override
        public String toString() {
            return "View[" + rotationId + ", " + credentialVersion + "]";
        }
    }

    @RegisterForReflection
    @Schema(
            name = "ActiveAppConnectionCredentialsResponse",
            requiredProperties = {
                "connectionId",
                "credentialVersion",
                "since",
                "host",
                "port",
                "database",
                "sslMode",
                "username",
                "password"
            })
    record ConnectionView(
            UUID connectionId,

            @Schema(description = "Never decreases while the password is managed.", examples = "3")
            long credentialVersion,

            @Schema(description = "When this version began to be served.")
            Instant since,

            @Schema(examples = "db.example.com") String host,
            @Schema(examples = "5432") int port,
            @Schema(examples = "orders") String database,

            @Schema(description = "As libpq spells it.", examples = "verify-full")
            String sslMode,

            @Schema(examples = "rotator") String username,

            @Schema(examples = "generated-and-shown-to-those-who-may")
            String password,

            @JsonInclude(JsonInclude.Include.NON_NULL) @Schema(description = CA) @Nullable
            String caCert) {

        @Override
        public String toString() {
            return "ConnectionView[" + connectionId + ", " + credentialVersion + "]";
        }
    }

    /**
     * @return fails with 404 {@code rotation_not_found} or {@code connection_not_found}, 400 {@code not_managed}, {@code
     *     no_credentials_yet} or {@code rotation_revoking}, 429 {@code too_many_waiters}
     */
    Uni<Answer> read(Request request) {
        return Uni.createFrom()
                .deferred(() -> {
                    Rights.reach(request.caller(), request.subject().right());
                    if (request.waitFor() == 0) {
                        return now(request);
                    }
                    long end = System.nanoTime() + request.timeout().toNanos();
                    return tried(request)
                            .chain(() -> looks.ask(request.id(), request))
                            // What he waits for is there, and the store cannot write that he gets it.
                            .onFailure(store::mayFollow)
                            .recoverWithUni(failure -> now(request))
                            .chain(now -> now != null ? Uni.createFrom().item(now) : await(request, end));
                })
                .onFailure(failure -> request.subject() == Subject.CONNECTION
                        && failure instanceof Problem problem
                        && problem.code().equals(ErrorCode.CONNECTION_NOT_FOUND.code()))
                .recoverWithUni(
                        gone -> unmanaged(request).chain(() -> Uni.createFrom().failure(gone)))
                .onFailure(Problem.class)
                .call(failure -> audit.record(failed(request, (Problem) failure))
                        .onFailure()
                        .recoverWithNull());
    }

    /**
     * The CA certificates of the server where a rotation's credential is valid: for who may read that. Nothing is recorded, as nothing
     * secret is given.
     *
     * @return null item where the connection has none of its own; fails with 404 {@code rotation_not_found}, 400 {@code rotation_revoking}
     */
    Uni<@Nullable String> caCert(Request request) {
        return Uni.createFrom()
                .deferred(() -> {
                    Rights.reach(request.caller(), request.subject().right());
                    return reads.version(reader(request), request.subject(), request.id());
                })
                .chain(found -> {
                    requireReadable(request.by(found.by(), false), found.served());
                    return endpoints.find(found.served().connectionId());
                })
                .map(Endpoint::caCert);
    }

    /** Says of a connection without a credential that it is there, to who may see it. */
    private Uni<Void> unmanaged(Request request) {
        return connections
                .find(request.id())
                .onItem()
                .ifNotNull()
                .invoke(entry -> {
                    Rights.requireOn(
                            request.caller(),
                            request.subject().right(),
                            request.subject().sight(),
                            entry.projectId(),
                            () -> request.subject().notFound(request.id()));
                    throw Problem.of(
                            ErrorCode.NOT_MANAGED,
                            "The password of this connection is not managed, so it is not given out: whoever stored it has it.");
                })
                .replaceWithVoid();
    }

    /**
     * Who says what he has is answered by its version: mostly that is the same, and then nothing is given out. He takes it for "still good",
     * so it is tried as well, while that is in doubt.
     */
    private Uni<Answer> now(Request request) {
        Reader reader = reader(request);
        if (request.ifNoneMatch() == null) {
            return tried(request).chain(() -> given(request, reader));
        }
        return known(request, reader)
                // After it was read: a store that went back meanwhile is noticed before it answers.
                .chain(etag -> tries.isCalm()
                        ? Uni.createFrom().item(etag)
                        : tried(request).chain(() -> known(request, reader)))
                .chain(etag ->
                        etag == null ? given(request, reader) : Uni.createFrom().item(new Answer(etag, null)));
    }

    /** Null item if what is served is another one than the caller has. */
    private Uni<@Nullable String> known(Request request, Reader reader) {
        return reads.version(reader, request.subject(), request.id()).map(found -> {
            Request judged = request.by(found.by(), false);
            requireReadable(judged, found.served());
            String etag = etag(judged, found.served());
            return found.served().version() > 0 && EntityTags.isKnown(request.ifNoneMatch(), etag) ? etag : null;
        });
    }

    private Reader reader(Request request) {
        return new Reader(
                changes.standing(request.caller(), request.live()),
                request.subject().right(),
                request.requestId());
    }

    /** Before it is given out, and recorded as that: whether it may be, while it is in doubt whether the store is as new as its servers. */
    private Uni<Void> tried(Request request) {
        return tries.isCalm()
                ? Uni.createFrom().voidItem()
                : reads.version(reader(request), request.subject(), request.id())
                        .chain(found -> {
                            requireReadable(request.by(found.by(), false), found.served());
                            return tries.require(List.of(found.served().roleId()));
                        });
    }

    private Uni<Answer> given(Request request, Reader reader) {
        return reads.credential(reader, request.subject(), request.id()).chain(found -> {
            Request judged = request.by(found.by(), false);
            isReadable(judged, found.served());
            ActiveReads.Credential credential = found.credential();
            if (credential == null) {
                throw new IllegalStateException("a credential with a version and without a password");
            }
            boolean secret = request.format() == LoginFormat.PGBOUNCER;
            Answer answer = new Answer(
                    etag(judged, found.served()),
                    body(
                            judged,
                            found.served(),
                            new Credential(
                                    credential.endpoint(),
                                    secret ? null : credential.password(),
                                    secret ? credential.scramSecret() : null)),
                    found.audited());
            // What was promoted since it was tried is proven by that; what the store forgot meanwhile is not.
            return tries.isCalm()
                    ? Uni.createFrom().item(answer)
                    : tries.require(List.of(found.served().roleId()))
                            .chain(() -> reads.version(reader, request.subject(), request.id()))
                            .chain(now -> {
                                requireReadable(request.by(now.by(), false), now.served());
                                return now.served().version() == found.served().version()
                                        ? Uni.createFrom().item(answer)
                                        : given(request, reader); // it is counted on since it was tried
                            });
        });
    }

    /**
     * He may have been revoked while he waited, or be somebody whose rights have changed and who may go on waiting.
     *
     * @param end by {@link System#nanoTime}
     */
    private Uni<Answer> await(Request request, long end) {
        Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
        return waiters.until(request.id(), request.waitFor(), request.caller(), request.live(), left)
                .chain(worthLooking -> request.live()
                        .again()
                        .map(caller -> request.by(caller, true))
                        .chain(judged -> tried(judged)
                                .chain(() -> looks.ask(request.id(), judged))
                                .onFailure(store::mayFollow)
                                .recoverWithUni(failure -> now(judged))
                                .chain(answer -> {
                                    if (answer != null) {
                                        return Uni.createFrom().item(answer);
                                    }
                                    return worthLooking && System.nanoTime() < end
                                            ? await(judged, end)
                                            : Uni.createFrom().item(new Answer(null, null));
                                })));
    }

    /**
     * Null for who waits for another version than this. Who has waited is judged after the version was read, by what the store says then:
     * nobody gets one that was made after he was revoked.
     *
     * @param requests all for the same credential
     */
    private Uni<List<Uni<Answer>>> look(List<Request> requests) {
        return served.snapshot(() -> passwords
                .served(requests.get(0).id())
                .chain(this::owned)
                .chain(active -> judged(requests).chain(judged -> look(judged, active))));
    }

    /** Whose a managed connection is, the seal of the connection says and not that of its credential. */
    private Uni<Served> owned(Served active) {
        return active == null || !active.ofConnection()
                ? Uni.createFrom().item(active)
                : endpoints.owner(active.id()).map(owner -> owner == null ? null : active.of(owner.project()));
    }

    /** The request as its caller is judged now, or why he is refused. */
    private record Judged(Request request, Throwable refusal) {}

    private static Uni<List<Judged>> judged(List<Request> requests) {
        Map<LiveCaller, SharedAnswer<Caller>> asked = new HashMap<>();
        List<Uni<Judged>> all = new ArrayList<>();
        for (Request request : requests) {
            all.add(
                    request.waited()
                            ? asked.computeIfAbsent(request.live(), live -> new SharedAnswer<>(live.now()))
                                    .get()
                                    .map(caller -> new Judged(request.by(caller, true), null))
                                    .onFailure()
                                    .recoverWithItem(refusal -> new Judged(request, refusal))
                            : Uni.createFrom().item(new Judged(request, null)));
        }
        return Uni.join().all(all).andFailFast();
    }

    private Uni<List<Uni<Answer>>> look(List<Judged> judged, Served active) {
        List<Request> readers = judged.stream()
                .filter(each -> each.refusal() == null)
                .map(Judged::request)
                .filter(request -> active != null && reads(request, active))
                .toList();
        return (readers.isEmpty() ? Uni.createFrom().<Credential>nullItem() : credential(readers, active))
                .map(credential -> judged.stream()
                        .map(each -> each.refusal() == null
                                ? Uni.createFrom().item(() -> answer(each.request(), active, credential))
                                : Uni.createFrom().<Answer>failure(each.refusal()))
                        .toList());
    }

    /** Whether it is answered with the password. */
    private static boolean reads(Request request, Served active) {
        try {
            return isReadable(request, active) && !EntityTags.isKnown(request.ifNoneMatch(), etag(request, active));
        } catch (Problem refusal) {
            return false;
        }
    }

    private static Answer answer(Request request, Served active, Credential credential) {
        if (!isReadable(request, active)) {
            return null;
        }
        String etag = etag(request, active);
        return new Answer(
                etag, EntityTags.isKnown(request.ifNoneMatch(), etag) ? null : body(request, active, credential));
    }

    /** Whether what is served is what the caller waits for. @throws Problem if he gets none, whatever he waits for */
    private static boolean isReadable(Request request, Served active) {
        requireReadable(request, active);
        if (active.version() < request.waitFor()) {
            return false;
        }
        if (active.version() == 0) {
            throw Problem.of(
                    ErrorCode.NO_CREDENTIALS_YET,
                    "This " + request.subject().word()
                            + " has no proven password yet; its state and attempts say why.");
        }
        return true;
    }

    private static void requireReadable(Request request, Served active) {
        // Who has waited may have lost it everywhere.
        Reach reach = Rights.reach(request.caller(), request.subject().right());
        boolean there = active != null && Subject.of(active) == request.subject();
        if (request.subject() == Subject.CONNECTION) {
            if (!there) {
                throw request.subject().notFound(request.id());
            }
            Rights.requireOn(
                    request.caller(),
                    request.subject().right(),
                    request.subject().sight(),
                    active.projectId(),
                    () -> request.subject().notFound(request.id()));
            return;
        }
        if (!there) {
            // Readers that mirror take a 404 for "deleted": only who may read everywhere is told that nothing is there.
            throw reach.everywhere()
                    ? request.subject().notFound(request.id())
                    : Rights.denied(request.subject().right());
        }
        Rights.require(request.caller(), request.subject().right(), active.projectId());
        if (active.revoking()) {
            throw Problem.of(
                    ErrorCode.ROTATION_REVOKING,
                    "This rotation is deleted. It only remains until its roles have passwords that nobody is given.");
        }
    }

    /** What readers are answered with; each that nobody wants is null. */
    private record Credential(Endpoint endpoint, String password, String scramSecret) {
        @Override
        public String toString() {
            return "Credential[" + endpoint + "]";
        }
    }

    private Uni<Credential> credential(List<Request> readers, Served active) {
        Map<Boolean, List<Request>> bySecret =
                readers.stream().collect(Collectors.partitioningBy(reader -> reader.format() == LoginFormat.PGBOUNCER));
        return endpoints
                .find(active.connectionId())
                .chain(endpoint -> (bySecret.get(false).isEmpty()
                                ? Uni.createFrom().<String>nullItem()
                                : passwords.current(active.roleId(), (role, password, number) -> password))
                        .chain(password -> (bySecret.get(true).isEmpty()
                                        ? Uni.createFrom().<String>nullItem()
                                        : passwords.currentScramSecret(active.roleId()))
                                .map(secret -> new Credential(endpoint, password, secret))))
                .call(() -> audit.record(
                        readers.stream().map(reader -> success(reader, active)).toList()));
    }

    private static Object body(Request request, Served active, Credential credential) {
        Endpoint endpoint = credential.endpoint();
        String caCert = request.withCa() ? endpoint.caCert() : null;
        if (request.format() == null && request.subject() == Subject.CONNECTION) {
            return new ConnectionView(
                    active.id(),
                    active.version(),
                    active.since(),
                    endpoint.host(),
                    endpoint.port(),
                    endpoint.database(),
                    endpoint.sslMode(),
                    active.roleName(),
                    credential.password(),
                    caCert);
        }
        if (request.format() == null) {
            return new View(
                    active.id(),
                    active.version(),
                    active.since(),
                    endpoint.host(),
                    endpoint.port(),
                    endpoint.database(),
                    endpoint.sslMode(),
                    active.roleName(),
                    credential.password(),
                    caCert);
        }
        return request.format()
                        .line(new LoginFormat.Login(
                                endpoint.host(),
                                endpoint.port(),
                                endpoint.database(),
                                endpoint.sslMode(),
                                active.roleName(),
                                request.format() == LoginFormat.PGBOUNCER
                                        ? credential.scramSecret()
                                        : credential.password()))
                + "\n";
    }

    /** Host, port and CA may change without a new version, and so do not stand in it: whoever waits, waits for passwords. */
    private static String etag(Request request, Served active) {
        return "\"" + active.id() + "-" + EntityTags.version(active.version(), active.since()) + "-" + format(request)
                + "\"";
    }

    private static String format(Request request) {
        return request.format() == null
                ? JSON + (request.withCa() ? "-ca" : "")
                : request.format().wireName();
    }

    private static AuditEvent success(Request request, Served active) {
        return by(request, AuditEvent.success(request.subject().auditType()))
                .in(active.projectId())
                .with("name", active.name())
                .with("connectionId", active.connectionId())
                .with("credentialVersion", active.version());
    }

    private static AuditEvent failed(Request request, Problem problem) {
        String type = request.subject().auditType();
        return by(request, AuditEvent.ended(type, problem));
    }

    private static AuditEvent by(Request request, AuditEvent event) {
        return event.by(request.caller().id(), request.caller().name())
                .from(request.caller().address(), request.requestId())
                .on(request.subject().kind(), request.id())
                .with(request.subject().word() + "Id", request.id())
                .with("format", format(request));
    }
}
