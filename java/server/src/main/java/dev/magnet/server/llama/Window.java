package dev.magnet.server.llama;

import java.util.List;
import java.util.function.ToIntFunction;

/**
 * As much of the text around a gap as fits: editors send more than a small model reads. First other files are left out, the
 * first one first, then the beginning of what is left of the gap and the end of what is right of it.
 *
 * @param left text before the gap, other files in front
 * @param right text behind it
 * @param truncated whether something was left out
 */
record Window(String left, String right, boolean truncated) {
    /** What is right of a gap says less about it than what is left, as in llama-server. */
    private static final int RIGHT_SHARE = 4;

    /**
     * What fits.
     *
     * @param files other files' texts
     * @param room tokens that there is room for
     * @param count counts a text's tokens
     */
    static Window of(List<String> files, String left, String right, int room, ToIntFunction<String> count) {
        int leftTokens = count.applyAsInt(left);
        int rightTokens = count.applyAsInt(right);
        int free = room - leftTokens - rightTokens;
        int first = files.size();
        while (first > 0 && free >= count.applyAsInt(files.get(first - 1)) + 1) {
            free -= count.applyAsInt(files.get(--first)) + 1;
        }
        String before = String.join("\n", files.subList(first, files.size()));
        String joined = before.isEmpty() ? left : before + "\n" + left;
        if (free >= 0) {
            return new Window(joined, right, first > 0);
        }
        int rightRoom = Math.max(room / RIGHT_SHARE, room - leftTokens);
        String keptRight = rightTokens <= rightRoom ? right : shortened(right, rightRoom, count, true);
        String keptLeft = shortened(left, room - count.applyAsInt(keptRight), count, false);
        return new Window(keptLeft, keptRight, true);
    }

    /** The beginning or the end of a text, of so many tokens at most. */
    private static String shortened(String text, int room, ToIntFunction<String> count, boolean fromStart) {
        String kept = text;
        for (int tokens = count.applyAsInt(kept); tokens > room; tokens = count.applyAsInt(kept)) {
            int length = Math.min(kept.length() - 1, (int) ((long) kept.length() * Math.max(room, 0) / tokens));
            kept = fromStart ? kept.substring(0, length) : kept.substring(kept.length() - length);
            if (fromStart && length > 0 && Character.isHighSurrogate(kept.charAt(length - 1))) {
                kept = kept.substring(0, length - 1);
            } else if (!fromStart && length > 0 && Character.isLowSurrogate(kept.charAt(0))) {
                kept = kept.substring(1);
            }
        }
        return kept;
    }
}
