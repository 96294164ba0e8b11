package dev.magnet;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The one exception of this API: what went wrong, as a {@link Status} and in words that say what to do. */
public final class MagnetException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Never null. */
    private final Status status;

    /**
     * Makes an exception.
     *
     * @param status why the call failed
     * @param message what, where, and what to do
     */
    public MagnetException(Status status, String message) {
        this(status, message, null);
    }

    /**
     * Makes an exception with a cause.
     *
     * @param status why the call failed
     * @param message what, where, and what to do
     * @param cause what was thrown below, or null
     */
    public MagnetException(Status status, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.status = Objects.requireNonNull(status, "status");
    }

    /** Why the call failed. */
    public Status status() {
        return status;
    }
}
