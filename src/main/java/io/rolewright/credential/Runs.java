package io.rolewright.credential;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.rolewright.target.Deadline;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Locale;
import org.jboss.logging.Logger;

/** Takes claims through the steps of a change, and measures how long each took. */
@ApplicationScoped
class Runs {

    /** After the last word of a target the outcome has to be written down within the caller's deadline. */
    private static final Duration TIME_TO_WRITE = Duration.ofMillis(400);

    private static final Logger log = Logger.getLogger(Runs.class);

    private final Claims claims;
    private final Ledger ledger;
    private final VersionSeal seal;
    private final NewPasswords passwords;
    private final ManagingConnections connections;
    private final Inspection inspection;
    private final SelfInspection selfInspection;
    private final RoleIdentities identities;
    private final TargetSteps steps;
    private final CredentialConfig config;
    private final MeterRegistry metrics;

    Runs(
            Claims claims,
            Ledger ledger,
            VersionSeal seal,
            NewPasswords passwords,
            ManagingConnections connections,
            Inspection inspection,
            SelfInspection selfInspection,
            RoleIdentities identities,
            TargetSteps steps,
            CredentialConfig config,
            MeterRegistry metrics) {
        this.claims = claims;
        this.ledger = ledger;
        this.seal = seal;
        this.passwords = passwords;
        this.connections = connections;
        this.inspection = inspection;
        this.selfInspection = selfInspection;
        this.identities = identities;
        this.steps = steps;
        this.config = config;
        this.metrics = metrics;
    }

    /**
     * Goes as far as the deadline allows, and lets the claim go.
     *
     * @param claim with an attempt
     * @param force as in {@link PasswordChanges#change}
     */
    Uni<ChangeOutcome> run(Claim claim, boolean force, Deadline deadline) {
        Timer.Sample sample = Timer.start(metrics);
        return new Run(
                        claims,
                        ledger,
                        seal,
                        passwords,
                        connections,
                        inspection,
                        selfInspection,
                        identities,
                        steps,
                        claim,
                        force,
                        within(deadline))
                .go()
                .onTermination()
                .invoke(() -> claims.letGo(claim))
                .invoke(outcome -> {
                    String name = name(outcome);
                    sample.stop(metrics.timer(
                            "rolewright.attempt", "cause", claim.attempt.cause.wireName(), "outcome", name));
                    log.debugf("Attempt %s on role %s: %s", claim.attempt.id, claim.role.id, name);
                });
    }

    /** The lease must outlast what is done by a claim, whatever deadline the caller has. */
    Deadline within(Deadline callers) {
        return callers.earlier(TIME_TO_WRITE).within(config.longestRun());
    }

    private static String name(ChangeOutcome outcome) {
        return outcome.getClass()
                .getSimpleName()
                .replaceAll("(?<=.)([A-Z])", "_$1")
                .toLowerCase(Locale.ROOT);
    }
}
