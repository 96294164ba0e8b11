package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.Status;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Timeouts that callers give; the native library knows none. */
public final class Timeouts {
    private Timeouts() {}

    /**
     * The same timeout.
     *
     * @throws MagnetException {@link Status#INVALID_ARGUMENT} if it is below zero
     */
    public static @Nullable Duration checked(@Nullable Duration timeout) {
        if (timeout != null && timeout.isNegative()) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "timeout is " + timeout + "; it cannot be negative");
        }
        return timeout;
    }

    /** Centuries are as good as for ever. */
    static long nanos(Duration timeout) {
        try {
            return timeout.toNanos();
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }
}
