package io.rolewright.sealing;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.buffer.Buffer;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Makes and judges the seals of {@link SealedRow rows that decide}. What is judged are the values that the caller goes on with, so he has to
 * read the row and its seal in one statement. A call takes some microseconds; any thread may call.
 *
 * <p><b>What it protects against:</b> a row that was altered, made up, or whose seal came from another row. <b>What it does not:</b> an
 * older row put back whole, with its seal, and rows deleted.
 */
@ApplicationScoped
public class RowSeals {

    private static final Logger log = Logger.getLogger(RowSeals.class);

    /** A row that is asked for again and again is named once in that time. */
    private static final long QUIET_NANOS = 60_000_000_000L;

    private static final int MOST_REMEMBERED = 1000;

    private final Sealer sealer;
    private final Map<SealedRow, Counter> refused = new EnumMap<>(SealedRow.class);
    private final Map<UUID, Long> named = new ConcurrentHashMap<>();
    private volatile @Nullable Refused lastRefused;

    /** A row that is not believed. @param first when this process met one first; @param last when it met this one last */
    public record Refused(String table, UUID id, String why, Instant first, Instant last) {}

    RowSeals(Sealer sealer, MeterRegistry metrics) {
        this.sealer = sealer;
        for (var row : SealedRow.values()) {
            refused.put(
                    row,
                    Counter.builder("rolewright.sealing.rows.refused")
                            .description("Rows of the store that were not believed: somebody else has written them")
                            .tag("table", row.table())
                            .register(metrics));
        }
    }

    /**
     * @param id of the row
     * @param values of the columns that decide, in the order of {@link SealedRow}: texts, bytes, numbers, ids, instants (whose
     *     microseconds count), booleans or null
     * @return for the column {@code row_seal}; another one at each call
     */
    public byte[] seal(SealedRow row, UUID id, @Nullable Object... values) {
        return sealer.seal(row.field, id, 0, digest(row, values));
    }

    /**
     * @param seal null for a row without one
     * @return whether these values were sealed for this row, or rows of this store are not all sealed yet; if not, the log names the row
     */
    public boolean believes(SealedRow row, UUID id, byte @Nullable [] seal, @Nullable Object... values) {
        if (!sealer.keyring().rowsSealed()) {
            return true; // The build before may have changed it, and left the seal as it was.
        }
        String why;
        if (seal == null) {
            why = "it has no seal";
        } else {
            try {
                if (MessageDigest.isEqual(sealer.open(row.field, id, 0, seal), digest(row, values))) {
                    return true;
                }
                why = "it was altered";
            } catch (CannotOpen broken) {
                why = broken.why();
            }
        }
        alarm(row, id, why);
        return false;
    }

    /** Whether the row's seal, made for whatever values it had, is over these; false without one. Nobody is alarmed. */
    boolean holds(SealedRow row, UUID id, byte @Nullable [] seal, @Nullable Object... values) {
        if (seal == null) {
            return false;
        }
        try {
            return MessageDigest.isEqual(sealer.open(row.field, id, 0, seal), digest(row, values));
        } catch (CannotOpen broken) {
            return false;
        }
    }

    /** @throws CannotOpen if the row is not to be {@linkplain #believes believed} */
    public void require(SealedRow row, UUID id, byte @Nullable [] seal, @Nullable Object... values) {
        if (!believes(row, id, seal, values)) {
            throw new CannotOpen(row.field, id, 0, "the row was not written by this service");
        }
    }

    /** Bytes from the driver. */
    public static byte @Nullable [] bytes(io.vertx.mutiny.core.buffer.@Nullable Buffer buffer) {
        return buffer == null ? null : buffer.getBytes();
    }

    private void alarm(SealedRow row, UUID id, String why) {
        Objects.requireNonNull(refused.get(row)).increment();
        Instant met = Instant.now();
        Refused before = lastRefused;
        lastRefused = new Refused(row.table(), id, why, before == null ? met : before.first, met);
        long now = System.nanoTime();
        var told = named.get(id);
        if (told != null && now - told < QUIET_NANOS) {
            return;
        }
        if (named.size() >= MOST_REMEMBERED) {
            named.clear();
        }
        named.put(id, now);
        log.errorf(
                "The row %s of the table %s is not believed: %s. Somebody else has written to the store;"
                        + " see docs/SECURITY.md",
                id, row.table(), why);
    }

    /** The last row that this process did not believe; empty if there was none. */
    public Optional<Refused> lastRefused() {
        return Optional.ofNullable(lastRefused);
    }

    /** As if this process had met none. */
    void forgetRefused() {
        lastRefused = null;
    }

    static byte[] digest(SealedRow row, @Nullable Object... values) {
        if (values.length != row.columns.size()) {
            throw new IllegalArgumentException(row + " has " + row.columns.size() + " columns that decide");
        }
        try {
            return MessageDigest.getInstance("SHA-256").digest(encoded(values));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 does not work on this Java runtime", e);
        }
    }

    /** Each value as its kind (1 byte), its length (4) and its bytes, so that no two rows share an encoding. */
    private static byte[] encoded(@Nullable Object[] values) {
        var bytes = new ByteArrayOutputStream();
        try (var out = new DataOutputStream(bytes)) {
            for (var value : values) {
                if (value == null) {
                    write(out, 0, new byte[0]);
                } else if (value instanceof String text) {
                    write(out, 1, text.getBytes(StandardCharsets.UTF_8));
                } else if (value instanceof UUID id) {
                    write(out, 2, id.toString().getBytes(StandardCharsets.US_ASCII));
                } else if (value instanceof byte[] raw) {
                    write(out, 3, raw);
                } else if (value instanceof Buffer buffer) {
                    write(out, 3, buffer.getBytes());
                } else if (value instanceof Integer || value instanceof Long || value instanceof Short) {
                    write(out, 4, value.toString().getBytes(StandardCharsets.US_ASCII));
                } else if (value instanceof Boolean flag) {
                    write(out, 5, new byte[] {(byte) (flag ? 1 : 0)});
                } else if (value instanceof OffsetDateTime time) {
                    write(out, 6, micros(time.toInstant()));
                } else if (value instanceof Instant time) {
                    write(out, 6, micros(time));
                } else {
                    throw new IllegalArgumentException("No encoding for " + value.getClass());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void write(DataOutputStream out, int kind, byte[] bytes) throws IOException {
        out.writeByte(kind);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static byte[] micros(Instant time) {
        return Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, time)).getBytes(StandardCharsets.US_ASCII);
    }
}
