package dev.magnet;

/** Why a span ends where it does. */
public enum StopReason {
    /** The asked length, or the maximum, is reached. */
    LENGTH,
    /** The model ended it: end-of-sequence, or the adapter's end token in an open gap. */
    END,
    /** A stop string was found; the text ends before it. */
    STRING,
    /** {@link Generation#cancel()}, a cancelled subscription, or {@link Magnet#close()}. */
    CANCELLED,
    /** No room is left in the context. */
    CONTEXT,
    /** The grammar is complete, or allows no further token. */
    GRAMMAR,
    /** Nothing was generated: the span was scored. */
    NONE,
    /** Its line, sentence or paragraph is complete: {@link InfillEnds#until()}. */
    UNTIL,
    /** It began to repeat the text right of the gap, which was cut off: {@link InfillEnds#cutRepeat()}. */
    REPEAT,
    /** The timeout of the options is over. */
    TIMEOUT
}
