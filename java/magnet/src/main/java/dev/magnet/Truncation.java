package dev.magnet;

/** What to do with a text to embed that has more tokens than are read. */
public enum Truncation {
    /** Fail with {@link Status#TOO_LONG}; the message names the text. */
    ERROR,
    /** Keep its first tokens. */
    HEAD,
    /** Keep its last tokens. */
    TAIL
}
