package dev.magnet.spark;

import java.util.Locale;

/** What becomes of a row whose text cannot be used: null, no valid UTF-8, too long. */
enum HandleInvalid {
    /** The job fails, and says which text. */
    ERROR,
    /** The row is left out. */
    SKIP,
    /** The row stays, with null in the output column and the reason in a column of its own. */
    KEEP;

    static final String[] NAMES = {"error", "skip", "keep"};

    static HandleInvalid of(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
