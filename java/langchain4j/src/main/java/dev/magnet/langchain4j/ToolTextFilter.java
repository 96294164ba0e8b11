package dev.magnet.langchain4j;

/** Lets the text before a call of a tool through, and keeps back what may be its beginning. */
final class ToolTextFilter {
    private static final String BEGIN = "<tool_call>";

    private final StringBuilder kept = new StringBuilder();
    private boolean inCall;
    private boolean isText;

    /** What may be shown of the text so far. */
    String next(String text) {
        kept.append(text);
        if (inCall) {
            return "";
        }
        if (mayBeABareCall()) {
            return "";
        }
        int begin = kept.indexOf(BEGIN);
        inCall = begin >= 0;
        int shown = inCall ? begin : kept.length() - beginning();
        while (shown > 0 && Character.isWhitespace(kept.charAt(shown - 1))) {
            shown--; // what stands between text and call is no text
        }
        String safe = kept.substring(0, shown);
        kept.delete(0, shown);
        isText |= !safe.isEmpty();
        return safe;
    }

    /** Whether all that came could be a call without its tags: nothing of such an answer is shown before its end. */
    private boolean mayBeABareCall() {
        String begin = kept.toString().stripLeading();
        return !isText && (begin.isEmpty() || begin.startsWith("{") || begin.startsWith("[") || "```".startsWith(begin) || begin.startsWith("```"));
    }

    /** What was kept, of an answer that calls nothing; its end is no text where it is space. */
    String rest() {
        return kept.toString().stripTrailing();
    }

    /** Length of the longest end of the text that a call may begin with. */
    private int beginning() {
        for (int length = Math.min(kept.length(), BEGIN.length() - 1); length > 0; length--) {
            if (BEGIN.startsWith(kept.substring(kept.length() - length))) {
                return length;
            }
        }
        return 0;
    }
}
