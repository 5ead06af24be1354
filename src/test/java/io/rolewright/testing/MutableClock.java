package io.rolewright.testing;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** A clock that stands still until a test moves it. Safe for use from several threads. */
public final class MutableClock extends Clock {

    private final ZoneId zone;
    private volatile Instant now;

    private MutableClock(Instant now, ZoneId zone) {
        this.now = now;
        this.zone = zone;
    }

    public static MutableClock at(Instant now) {
        return new MutableClock(now, ZoneOffset.UTC);
    }

    /** Moves the clock, backwards if the duration is negative. */
    public synchronized void tick(Duration by) {
        now = now.plus(by);
    }

    public void set(Instant to) {
        now = to;
    }

    @Override
    public Instant instant() {
        return now;
    }

    @Override
    public ZoneId getZone() {
        return zone;
    }

    /** @return a copy that is moved on its own from here on */
    @Override
    public Clock withZone(ZoneId other) {
        return new MutableClock(now, other);
    }
}
