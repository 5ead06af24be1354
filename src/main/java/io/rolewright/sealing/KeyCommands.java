package io.rolewright.sealing;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import io.rolewright.sealing.KeyRun.State;
import io.rolewright.sealing.KeyRun.Unreadable;
import io.rolewright.sealing.KeyRunStore.LeaseLost;
import io.rolewright.sealing.ReEncryption.Work;
import io.rolewright.sealing.StoredKeys.Holders;
import io.rolewright.sealing.StoredKeys.Stored;
import io.rolewright.store.StartupStep.NotReady;
import io.rolewright.store.StoreFault;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.pgclient.PgException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * Changes the keys of a store while it is in use. One command runs at a time, in one process; how far it is stands in the store,
 * so any process can say it, and any process goes on with it should that one die.
 *
 * <p>The order that replaces a data key: <em>new data key</em>, <em>re-encrypt</em>, <em>retire</em>. The one that replaces a
 * root key, or moves to another source: configure the new one and keep the old one, <em>rewrap</em>, take the old one away.
 *
 * <p>What keeps this from losing anything: a new data key seals nothing before every process that is alive can open it; a data
 * key is deleted by a statement that PostgreSQL refuses while any row names it; and a data key is wrapped anew only by a root that
 * has given it back.
 */
@ApplicationScoped
public class KeyCommands {

    /** How long a new data key waits for processes that cannot read it, because the root does not answer them. */
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private static final Duration LOOK = Duration.ofSeconds(1);

    private static final Logger log = Logger.getLogger(KeyCommands.class);

    /** Of this process. */
    private final UUID owner = UUID.randomUUID();

    private final KeyRunStore runs;
    private final StoredKeys store;
    private final KeyLoader loader;
    private final RootKeySources roots;
    private final ReEncryption reEncryption;
    private final RowSealing rowSealing;
    private final Sealer sealer;

    KeyCommands(
            KeyRunStore runs,
            StoredKeys store,
            KeyLoader loader,
            RootKeySources roots,
            ReEncryption reEncryption,
            RowSealing rowSealing,
            Sealer sealer) {
        this.runs = runs;
        this.store = store;
        this.loader = loader;
        this.roots = roots;
        this.reEncryption = reEncryption;
        this.rowSealing = rowSealing;
        this.sealer = sealer;
    }

    /**
     * One data key of the store.
     *
     * @param active whether it seals what is new
     * @param rootKeySource, rootKeyId what it is wrapped by
     * @param records how many records need it, by field; only fields that do
     */
    public record DataKeyStatus(
            int id,
            boolean active,
            String rootKeySource,
            String rootKeyId,
            Instant createdAt,
            Map<String, Long> records) {}

    /**
     * @param rootKeySource the configured one, which wraps what is new
     * @param processes that hold keys in memory now
     */
    public record KeyStatus(String rootKeySource, int processes, List<DataKeyStatus> dataKeys) {}

    // ---- Giving commands --------------------------------------------------------------------------------------------

    /**
     * Begins a command in this process, in the background. If the same command is running already, or its process has died, that
     * run is what the caller gets.
     *
     * @return the run; fails with 400 {@code key_command_running} if another command is running
     */
    public Uni<KeyRun> begin(KeyCommand command) {
        var id = UUID.randomUUID();
        return runs.begin(id, command, owner).chain(begun -> {
            if (begun) {
                workInBackground(id);
                return required(id);
            }
            return runs.takeOver(owner).chain(taken -> {
                taken.ifPresent(this::workInBackground);
                return runs.running().chain(running -> {
                    if (running.isEmpty()) {
                        return begin(command); // it ended a moment ago
                    }
                    if (running.get().command() != command) {
                        return Uni.createFrom()
                                .failure(Problem.of(
                                        ErrorCode.KEY_COMMAND_RUNNING,
                                        "The key command "
                                                + running.get().command().word() + " is running. Wait for its end.",
                                        Map.of("runId", running.get().id())));
                    }
                    return Uni.createFrom().item(running.get());
                });
            });
        });
    }

    /**
     * Looks for new keys, goes on with a run whose process has died, and tries a root key file that was changed. To be called every few
     * seconds.
     *
     * @return fails with {@link NotReady} and a sentence for the operator
     */
    public Uni<Void> watch() {
        return loader.refresh()
                .chain(() -> runs.takeOver(owner))
                .invoke(taken -> taken.ifPresent(id -> {
                    log.infof("Resuming the key command run %s of a process that has died", id);
                    workInBackground(id);
                }))
                .chain(loader::tryChangedRoot);
    }

    /** Says that this process is about to end, so that nobody waits for it. */
    public Uni<Void> leave() {
        return loader.leave();
    }

    public Uni<Optional<KeyRun>> run(UUID id) {
        return runs.byId(id);
    }

    /** The latest ones, the newest first; at most 50. */
    public Uni<List<KeyRun>> latest() {
        return runs.latest();
    }

    /** What a run could not open; at most 1000 of them. */
    public Uni<List<Unreadable>> unreadable(UUID run) {
        return runs.unreadable(run);
    }

    /** Counts the records that each data key is needed for: reads every table that holds sealed values. */
    public Uni<KeyStatus> status() {
        return store.read()
                .chain(stored -> reEncryption
                        .scan()
                        .chain(counts -> store.holders(0)
                                .map(holders -> new KeyStatus(
                                        roots.active().storedName(),
                                        holders.alive(),
                                        stored.keys().stream()
                                                .map(key -> new DataKeyStatus(
                                                        key.key().id(),
                                                        key.active(),
                                                        key.key().source().storedName(),
                                                        key.key().rootKeyId(),
                                                        key.createdAt(),
                                                        needed(counts, key.key().id())))
                                                .toList()))));
    }

    // ---- Carrying them out
    // --------------------------------------------------------------------------------------------

    private void workInBackground(UUID id) {
        // Not in the caller's context: it ends with his request.
        Infrastructure.getDefaultExecutor()
                .execute(() -> work(id).subscribe()
                        .with(
                                done -> {},
                                failure -> log.warnf("Key command run %s is suspended: %s", id, reason(failure))));
    }

    private Uni<Void> work(UUID id) {
        return loader.refresh()
                .chain(() -> required(id))
                .chain(run -> switch (run.command()) {
                    case NEW_DATA_KEY -> newDataKey(id);
                    case RE_ENCRYPT -> reEncrypt(id);
                    case REWRAP -> rewrap(id);
                    case RETIRE -> retire(id);
                    case SEAL_ROWS -> sealRows(id);
                })
                .chain(end -> finish(id, end))
                .onFailure(failure -> !(failure instanceof LeaseLost) && !StoreFault.isOutage(failure))
                .recoverWithUni(failure -> {
                    log.warnf(failure instanceof NotReady ? null : failure, "Key command run %s failed", id);
                    return finish(id, new End(State.FAILED, reason(failure)));
                });
    }

    /** How a run ends. */
    private record End(State state, String reason) {}

    private Uni<Void> finish(UUID id, End end) {
        return runs.finish(id, owner, end.state(), end.reason())
                .invoke(() -> log.infof("Key command run %s is %s: %s", id, end.state(), end.reason()));
    }

    private Uni<End> newDataKey(UUID run) {
        return store.read()
                .chain(stored -> {
                    int newest = stored.keys().stream()
                            .mapToInt(key -> key.key().id())
                            .max()
                            .orElseThrow();
                    // One that was made by a run that did not come to its end is as good as new.
                    return newest > sealer.keyring().active().id
                            ? Uni.createFrom().item(newest)
                            : make(newest + 1);
                })
                .call(id -> until(run, id, holders -> holders.holding() == holders.alive(), "read data key " + id))
                .call(store::activate)
                .call(loader::refresh)
                .call(() -> runs.advance(run, owner, 1, 1, null))
                .map(id -> new End(
                        State.DONE,
                        "Data key " + id
                                + " seals what is new. What is older stays as it is until re-encrypt is run."));
    }

    private Uni<Integer> make(int id) {
        byte[] secret = sealer.random(AesGcm.KEY_BYTES);
        return roots.wrap(id, secret)
                .eventually(() -> Arrays.fill(secret, (byte) 0))
                .chain(store::add)
                .replaceWith(id);
    }

    private Uni<End> reEncrypt(UUID run) {
        int active = sealer.keyring().active().id;
        // Else those that have not noticed the active key would seal with the old one behind its back.
        return until(run, active, holders -> holders.sealing() == holders.alive(), "seal with data key " + active)
                .chain(() -> reEncryption.run(new Work(run, owner)))
                .chain(left -> required(run)
                        .map(now -> left > 0
                                ? new End(State.FAILED, left + " records were in use each time. Run it again.")
                                : new End(
                                        State.DONE,
                                        now.unreadable() == 0
                                                ? "Everything is sealed with data key " + active + "."
                                                : "Everything but " + now.unreadable()
                                                        + " records that cannot be opened is" + " sealed with data key "
                                                        + active + ".")));
    }

    private Uni<End> rewrap(UUID run) {
        return store.read().chain(stored -> {
            Uni<Void> all = runs.advance(run, owner, 0, stored.keys().size(), null);
            for (var key : stored.keys()) {
                all = all.chain(() -> rewrap(key.key())).chain(() -> runs.advance(run, owner, 1, 0, null));
            }
            return all.chain(store::read)
                    .map(now -> new End(
                            State.DONE,
                            "The data keys are wrapped by "
                                    + now.keys().stream()
                                            .map(key -> key.key().source().storedName() + " "
                                                    + key.key().rootKeyId())
                                            .distinct()
                                            .collect(Collectors.joining(", "))
                                    + ". This store needs no other root key; its older backups do."));
        });
    }

    /** This process holds the data key: the old root is not asked, and may be lost. */
    private Uni<Void> rewrap(WrappedKey old) {
        var held = sealer.keyring().byId().get(old.id());
        if (held == null) {
            return Uni.createFrom()
                    .failure(new NotReady(
                            "This process has not read data key " + old.id() + ". Give the command again."));
        }
        byte[] secret = held.key.getEncoded();
        return roots.wrap(old.id(), secret)
                .eventually(() -> Arrays.fill(secret, (byte) 0))
                .chain(anew -> anew.source() == old.source() && anew.rootKeyId().equals(old.rootKeyId())
                        ? Uni.createFrom().voidItem()
                        : store.replace(old, anew).replaceWithVoid());
    }

    private Uni<End> retire(UUID run) {
        return store.read()
                .chain(stored -> reEncryption.scan().chain(counts -> {
                    var older = stored.keys().stream()
                            .filter(key -> key.key().id() < sealer.keyring().active().id)
                            .map(key -> key.key().id())
                            .toList();
                    Uni<Map<Integer, String>> kept = runs.advance(run, owner, 0, older.size(), null)
                            .replaceWith(() -> new LinkedHashMap<Integer, String>());
                    for (int id : older) {
                        kept = kept.chain(reasons -> retire(id, needed(counts, id))
                                .call(reason -> runs.advance(run, owner, reason.isEmpty() ? 1 : 0, 0, null))
                                .invoke(reason -> reason.ifPresent(why -> reasons.put(id, why)))
                                .replaceWith(reasons));
                    }
                    return kept.call(loader::refresh).map(reasons -> end(older, reasons));
                }));
    }

    private static End end(List<Integer> older, Map<Integer, String> kept) {
        if (!kept.isEmpty()) {
            return new End(
                    State.FAILED,
                    kept.entrySet().stream()
                                    .map(each -> "Data key " + each.getKey() + " stays: " + each.getValue())
                                    .collect(Collectors.joining("; "))
                            + ".");
        }
        return new End(
                State.DONE,
                older.isEmpty()
                        ? "There is no data key but the active one."
                        : "Nothing needs these data keys, and they are gone: "
                                + older.stream().map(String::valueOf).collect(Collectors.joining(", ")) + ".");
    }

    /** @return empty if it is gone; else why it stays */
    private Uni<Optional<String>> retire(int id, Map<String, Long> needed) {
        if (!needed.isEmpty()) {
            return Uni.createFrom().item(Optional.of("records need it (" + needed + ")"));
        }
        return store.retire(id)
                .map(gone -> gone ? Optional.<String>empty() : Optional.of("a process still seals with it"))
                .onFailure(failure -> failure instanceof PgException refusal
                        && refusal.getSqlState().equals("23503"))
                .recoverWithItem(Optional.of("a record that was written a moment ago needs it"));
    }

    /** Rows that the build before writes meanwhile would have no seal, so nothing is begun, and nothing decided, while it runs. */
    private Uni<End> sealRows(UUID run) {
        return requireSealingRows()
                .chain(() -> rowSealing.run(new Work(run, owner)))
                .chain(left -> {
                    if (sealer.keyring().rowsSealed()) {
                        return Uni.createFrom().voidItem();
                    }
                    if (left > 0) {
                        throw new NotReady(left + " rows were in use each time. Run it again.");
                    }
                    return requireSealingRows().chain(store::read).chain(this::believeSealedRowsOnly);
                })
                .chain(() -> required(run))
                .map(now -> new End(
                        State.DONE,
                        now.unreadable() == 0
                                ? "Every row that decides has its seal. A row without one counts for nothing."
                                : now.unreadable() + " rows were not written by this service and count for nothing."));
    }

    private Uni<Void> requireSealingRows() {
        return store.holders(0)
                .invoke(holders -> {
                    if (holders.sealingRows() < holders.alive()) {
                        throw new NotReady("Processes of a build that seals no rows are running ("
                                + (holders.alive() - holders.sealingRows())
                                + "). Replace them, wait half a minute, and run it again.");
                    }
                })
                .replaceWithVoid();
    }

    private Uni<Void> believeSealedRowsOnly(Stored stored) {
        byte[] old = stored.constants().get(StoredKeys.FINGERPRINT_KEY);
        if (old == null || stored.rowsSealed()) {
            throw new NotReady("The keys of the store have just changed. Run it again.");
        }
        byte[] secret = sealer.keyring().fingerprintKey().getEncoded();
        byte[] anew = sealer.seal(SealedField.FINGERPRINT_KEY, SealedField.Place.STORE, StoredKeys.ROWS_SEALED, secret);
        Arrays.fill(secret, (byte) 0);
        return store.believeSealedRowsOnly(old, anew)
                .invoke(switched -> {
                    if (!switched) {
                        throw new NotReady("The keys of the store have just changed. Run it again.");
                    }
                })
                .chain(loader::refresh);
    }

    /** Waits until all processes that are alive do what they have to do with a key, which each sees for itself. */
    private Uni<Void> until(UUID run, int key, Predicate<Holders> done, String what) {
        var since = System.nanoTime();
        return Multi.createBy()
                .repeating()
                .uni(() -> loader.refresh()
                        .chain(() -> store.holders(key))
                        .call(holders -> runs.advance(
                                run,
                                owner,
                                0,
                                0,
                                done.test(holders)
                                        ? null
                                        : "Waiting for " + holders.alive() + " processes to " + what + "."))
                        .invoke(holders -> {
                            if (!done.test(holders) && System.nanoTime() - since > PATIENCE.toNanos()) {
                                throw new NotReady("Not every process could " + what + " within 10 minutes: see"
                                        + " their logs, mend it, and give the command again.");
                            }
                        }))
                .withDelay(LOOK)
                .whilst(holders -> !done.test(holders))
                .collect()
                .last()
                .replaceWithVoid();
    }

    private Uni<KeyRun> required(UUID id) {
        return runs.byId(id).map(Optional::orElseThrow);
    }

    private static Map<String, Long> needed(Map<SealedField, Map<Integer, Long>> counts, int key) {
        var needed = new LinkedHashMap<String, Long>();
        counts.forEach((field, byKey) -> {
            if (byKey.containsKey(key)) {
                needed.put(field.name(), byKey.get(key));
            }
        });
        return needed;
    }

    private static String reason(Throwable failure) {
        return failure instanceof NotReady || failure instanceof Problem || failure instanceof LeaseLost
                ? String.valueOf(failure.getMessage())
                : StoreFault.describe(failure);
    }
}
