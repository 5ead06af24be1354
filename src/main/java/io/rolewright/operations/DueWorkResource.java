package io.rolewright.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.access.Caller;
import io.rolewright.access.CurrentCaller;
import io.rolewright.access.LiveCaller;
import io.rolewright.access.Right;
import io.rolewright.access.Rights;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.request.Numbers;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.server.Cancellable;
import org.jspecify.annotations.Nullable;

/** The clock from outside: what calls it keeps a service going that scales to zero. */
@Path(DueWorkResource.PATH)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Due work")
class DueWorkResource {

    static final String PATH = "/api/v1/rotations/run-due";

    private static final int DEFAULT_SECONDS = 50;
    private static final int MOST_SECONDS = 300;

    /** Of the budget, for the answer: counting, and the way back. */
    private static final Duration TIME_TO_ANSWER = Duration.ofSeconds(1);

    private final DueWork work;
    private final CurrentCaller caller;

    DueWorkResource(DueWork work, CurrentCaller caller) {
        this.work = work;
        this.caller = caller;
    }

    @POST
    @Cancellable(false)
    @Operation(
            operationId = "runDueRotations",
            summary = "Run due work",
            description =
                    "Does everything that the built-in scheduler does: scheduled rotations, retries, recovery after"
                            + " crashes, deferred revocations, probes, webhook and Vault deliveries. Answers when nothing more"
                            + " is due or the budget is used up, and with a 403 as soon as the caller loses the right. May be"
                            + " called as often and from as many places as you like; each piece of work is done once. With"
                            + " failOn=overdue the answer is 409 still_overdue, with the same report in details, if passwords are"
                            + " overdue after all: the job that calls turns red.")
    public Uni<DueWorkDone> run(
            @QueryParam("budgetSeconds")
                    @Parameter(
                            description = "Time budget in seconds, 1 to 300.",
                            schema =
                                    @Schema(
                                            type = SchemaType.INTEGER,
                                            minimum = "1",
                                            maximum = "300",
                                            defaultValue = "50"))
                    String budgetSeconds,
            @QueryParam("failOn")
                    @Parameter(
                            description = "What is answered as a failure.",
                            schema =
                                    @Schema(
                                            type = SchemaType.STRING,
                                            enumeration = {"overdue"}))
                    @Nullable
                    String failOn) {
        if (failOn != null && !failOn.equals("overdue")) {
            throw ValidationProblem.at(List.of("failOn"), "invalid_enum_value", "Must be overdue, or left out");
        }
        LiveCaller live = caller.live();
        Consumer<Caller> require = who -> Rights.require(who, Right.RUN_DUE);
        require.accept(caller.get());
        Duration budget = Duration.ofSeconds(seconds(budgetSeconds)).minus(TIME_TO_ANSWER);
        return work.run(Deadline.in(budget), live.until(require))
                .call(() -> live.again().invoke(require))
                .map(DueWorkDone::of)
                .invoke(done -> {
                    if (failOn != null && done.overdue > 0) {
                        throw stillOverdue(done);
                    }
                });
    }

    private static Problem stillOverdue(DueWorkDone done) {
        return Problem.of(
                ErrorCode.STILL_OVERDUE,
                "The passwords of " + done.overdue + " rotations and managed connections are overdue. GET"
                        + " /api/v1/troubles says which and why.",
                Map.of("report", done));
    }

    private static int seconds(String text) {
        return text == null ? DEFAULT_SECONDS : Numbers.upTo(MOST_SECONDS, "budgetSeconds", text);
    }

    @JsonInclude(JsonInclude.Include.ALWAYS)
    @Schema(name = "DueWorkResponse")
    record DueWorkDone(
            @Schema(description = "Number of rotations that were due.", examples = "3")
            int rotations,

            @Schema(description = "How many of them serve a new password now.", examples = "3")
            int rotated,

            @Schema(
                    description = "Number of roles with a retry, recovery, revocation or probe that was due.",
                    examples = "5")
            int roles,

            @Schema(description = "Number of webhook messages that were delivered.", examples = "4")
            int webhooksDelivered,

            @Schema(description = "Number of credentials that were written to Vault, or found there.", examples = "1")
            int vaultDelivered,

            @Schema(
                    description = "Whether due work is left because the budget was used up: call again.",
                    examples = "false")
            boolean more,

            @Schema(
                    description =
                            "Rotations and managed connections whose passwords should have been changed a quarter of an hour ago.",
                    examples = "0")
            long overdue,

            @Schema(description = "Number of roles with a change in doubt.", examples = "0")
            long inDoubt,

            @Schema(description = "When the next work is due; null if none is planned.", nullable = true) @Nullable
            Instant nextDueAt) {

        static DueWorkDone of(DueWork.Report report) {
            return new DueWorkDone(
                    report.done().rotationsDone(),
                    report.done().rotated(),
                    report.done().rolesDone(),
                    report.webhooksDelivered(),
                    report.vaultDelivered(),
                    report.more(),
                    report.overdue(),
                    report.inDoubt(),
                    report.nextDue().orElse(null));
        }
    }
}
