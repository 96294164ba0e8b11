package dev.magnet.server.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ends a text before one of several strings. It holds back what may turn out to be the beginning of one. For one thread at a
 * time.
 */
final class StopStrings {
    private final List<String> stop;
    private final StringBuilder held = new StringBuilder();
    private final StringBuilder released = new StringBuilder();
    private boolean found;

    /** @param stop none empty */
    StopStrings(List<String> stop) {
        this.stop = stop;
    }

    /** Takes a piece of the text, and gives what is certain to belong to it. */
    String accept(String piece) {
        if (found) {
            return "";
        }
        held.append(piece);
        int end = -1;
        for (String string : stop) {
            int at = held.indexOf(string);
            if (at >= 0 && (end < 0 || at < end)) {
                end = at;
            }
        }
        if (end >= 0) {
            found = true;
            held.setLength(end);
            return release(end);
        }
        return release(held.length() - heldBack());
    }

    /** Whether a string was found: nothing belongs to the text any more. */
    boolean found() {
        return found;
    }

    /** The whole text, if one was found, else null. */
    @Nullable String cutText() {
        return found ? released.toString() : null;
    }

    /** What was held back, at the end of the text. */
    String rest() {
        return release(held.length());
    }

    private String release(int length) {
        String text = held.substring(0, length);
        held.delete(0, length);
        released.append(text);
        return text;
    }

    /** How many of the last characters begin a string. */
    private int heldBack() {
        int most = 0;
        for (String string : stop) {
            for (int length = Math.min(string.length() - 1, held.length()); length > most; length--) {
                if (string.startsWith(held.substring(held.length() - length))) {
                    most = length;
                }
            }
        }
        return most;
    }
}
