package dev.magnet.server.model;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A text that comes in pieces and ends with its block: before the first line that is indented less. Lines without anything to
 * see do not count. What may lie behind the end is held back. For one thread at a time.
 */
final class BlockText {
    /** Columns of a tab: as many as editors show at most, so that none ends a block that is indented by tabs. */
    private static final int TAB = 8;

    private static final Pattern LINE = Pattern.compile("(?:\\r?\\n)++(?:[ \\t]*+\\r?\\n)*+([ \\t]*+)(?=\\S)");
    private static final Pattern OPEN = Pattern.compile("\\r?(?:\\n[ \\t\\r\\n]*+)?\\z");

    private final int indent;
    private final StringBuilder held = new StringBuilder();
    private final StringBuilder released = new StringBuilder();
    private boolean ended;

    /** @param indent columns of the block; 0 = the text is no block, and does not end */
    BlockText(int indent) {
        this.indent = indent;
    }

    /** Takes a piece of the text, and gives what is certain to belong to it. */
    String accept(String piece) {
        if (indent == 0) {
            return piece;
        }
        if (ended) {
            return "";
        }
        held.append(piece);
        for (Matcher line = LINE.matcher(held); line.find(); ) {
            if (line.group(1).chars().map(c -> c == '\t' ? TAB : 1).sum() < indent) {
                ended = true;
                held.setLength(line.start());
                return release(held.length());
            }
        }
        Matcher open = OPEN.matcher(held); // it is still to be seen what stands in this line
        return release(open.find() ? open.start() : held.length());
    }

    /** Whether the block has ended: nothing belongs to the text any more. */
    boolean ended() {
        return ended;
    }

    /** The whole text, if the block has ended, else null. */
    @Nullable String cutText() {
        return ended ? released.toString() : null;
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
}
