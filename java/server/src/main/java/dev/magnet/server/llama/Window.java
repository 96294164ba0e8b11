package dev.magnet.server.llama;

import dev.magnet.FimFile;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * As much of the text around a gap as fits: editors send more than a small model reads. First other files are left out, the
 * first one first, then the beginning of what is left of the gap and the end of what is right of it.
 *
 * @param files other files
 * @param left text before the gap
 * @param right text behind it
 * @param truncated whether something was left out
 */
record Window(List<FimFile> files, String left, String right, boolean truncated) {
    /** Tokens that stand around a file. */
    private static final int AROUND_FILE = 4;

    /** What is right of a gap says less about it than what is left, as in llama-server. */
    private static final int RIGHT_SHARE = 4;

    /**
     * What fits.
     *
     * @param room tokens that there is room for
     * @param count counts a text's tokens
     */
    static Window of(List<FimFile> files, String left, String right, int room, ToIntFunction<String> count) {
        int leftTokens = count.applyAsInt(left);
        int rightTokens = count.applyAsInt(right);
        int free = room - leftTokens - rightTokens;
        if (free < 0) {
            int rightRoom = Math.max(room / RIGHT_SHARE, room - leftTokens);
            String keptRight = rightTokens <= rightRoom ? right : shortened(right, rightRoom, count, true);
            String keptLeft = shortened(left, room - count.applyAsInt(keptRight), count, false);
            return new Window(List.of(), keptLeft, keptRight, true);
        }
        int first = files.size();
        while (first > 0 && free >= tokens(files.get(first - 1), count)) {
            free -= tokens(files.get(--first), count);
        }
        return new Window(files.subList(first, files.size()), left, right, first > 0);
    }

    private static int tokens(FimFile file, ToIntFunction<String> count) {
        return AROUND_FILE + (file.path() == null ? 0 : count.applyAsInt(file.path())) + count.applyAsInt(file.text());
    }

    /** For models that have no other word for it: the files' texts, and behind them what is left of the gap. */
    String joined() {
        return Stream.concat(files.stream().map(FimFile::text), Stream.of(left)).collect(Collectors.joining("\n"));
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
