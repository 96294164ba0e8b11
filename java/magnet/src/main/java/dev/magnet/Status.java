package dev.magnet;

/** Why a call failed: {@code enum magnet_status} of magnet.h, and {@link #LIBRARY} and {@link #TIMEOUT}, which only Java can meet. */
public enum Status {
    /** A parameter is out of range; the message names it. */
    INVALID_ARGUMENT,
    /** A file cannot be opened, read or written. */
    IO,
    /** Not a GGUF file, truncated, or inconsistent. */
    BAD_FILE,
    /** The architecture, or this model, cannot do what is asked. */
    UNSUPPORTED,
    /** Adapter and model do not belong together. */
    MISMATCH,
    /** More tokens than the model or the session reads. */
    TOO_LONG,
    /** Memory ran out. */
    OUT_OF_MEMORY,
    /** Interrupted or cancelled before there was a result. */
    CANCELLED,
    /** Another thread is inside a call on the same native session. */
    BUSY,
    /** A buffer of the caller is too small; the message says how much is needed. */
    BUFFER_TOO_SMALL,
    /** A defect of the library; please report the message. */
    INTERNAL,
    /** Training met a loss that is not a finite number; what was learned before is kept. */
    DIVERGED,
    /** The native library cannot be found, opened or used; the message lists what was tried and what to do. */
    LIBRARY,
    /** The timeout of the call's options was over before there was a result. */
    TIMEOUT
}
