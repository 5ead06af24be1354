package io.rolewright.operations;

import io.rolewright.sealing.RowSeals;
import io.rolewright.store.ReadsWithoutAudit;
import io.rolewright.store.StoreLook;
import io.rolewright.store.StoreOrigin;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What is wrong with the service as a whole, as far as this process knows: with its store, its root key, its token for Vault. No row of the
 * store says so, hence each replica tells what it has seen itself.
 */
@ApplicationScoped
class OwnTroubles {

    private static final Logger log = Logger.getLogger(OwnTroubles.class);

    /** A round begins when the oldest row is a day over; the job that prunes may fail once. */
    private static final Duration PRUNED_WITHIN = Duration.ofDays(2);

    /** A row that is not believed is one for so long: whoever reads it again renews it. */
    private static final Duration REMEMBERED = Duration.ofHours(1);

    private final StoreOrigin origin;
    private final ReadsWithoutAudit reads;
    private final RowSeals seals;
    private final KeyWatch keys;
    private final VaultTokenWatch token;
    private volatile @Nullable Own unwritable;
    private volatile @Nullable Instant unprunedSince;

    OwnTroubles(StoreOrigin origin, ReadsWithoutAudit reads, RowSeals seals, KeyWatch keys, VaultTokenWatch token) {
        this.origin = origin;
        this.reads = reads;
        this.seals = seals;
        this.keys = keys;
        this.token = token;
    }

    /**
     * One of them.
     *
     * @param rank 0 to 2, the worst first
     * @param code of {@link TroubleCause} or {@link io.rolewright.problem.ErrorCode}
     * @param message null for what the cause says
     * @param since null where nobody knows
     */
    record Own(
            int rank,
            String kind,
            String code,
            @Nullable String message,
            @Nullable Instant since) {}

    /** @param late for how long the oldest row of the audit should have been deleted */
    void auditIs(Duration late) {
        Instant before = unprunedSince;
        if (late.compareTo(PRUNED_WITHIN) <= 0) {
            unprunedSince = null;
        } else if (before == null) {
            unprunedSince = Instant.now().minus(late);
            log.warnf(
                    "The audit has rows that should have been deleted %d days ago: the service may not delete them, and nothing runs --prune-audit, or it fails.",
                    late.toDays());
        }
    }

    /** What the last look at the store has found. */
    void seen(StoreLook.Seen store) {
        Own before = unwritable;
        String code = store.readOnly() ? "store_read_only" : store.full() ? "store_full" : null;
        if (code == null) {
            unwritable = null;
        } else if (before == null || !before.code.equals(code)) {
            unwritable = new Own(reads.allowed() ? 1 : 0, "store", code, null, Instant.now());
        }
    }

    List<Own> now() {
        List<Own> all = new ArrayList<>();
        if (origin.standing().copy()) {
            all.add(new Own(0, "store", "store_is_a_copy", null, null));
        }
        Own store = unwritable;
        if (store != null) {
            all.add(store);
        }
        seals.lastRefused()
                .filter(row -> row.last().isAfter(Instant.now().minus(REMEMBERED)))
                .ifPresent(row -> all.add(new Own(
                        0,
                        "store",
                        "store_was_altered",
                        "A row of the table " + row.table() + " is not believed: " + row.why() + ". The log names it.",
                        row.first())));
        Instant unpruned = unprunedSince;
        if (unpruned != null) {
            all.add(new Own(2, "store", "audit_not_pruned", null, unpruned));
        }
        keys.fault().ifPresent(fault -> all.add(new Own(1, "key", "root_key_unfit", fault.reason(), fault.since())));
        token.fault()
                .ifPresent(fault -> all.add(new Own(
                        fault.code().equals("vault_token_refused") ? 1 : 2,
                        "vault",
                        fault.code(),
                        fault.message(),
                        fault.since())));
        return all;
    }
}
