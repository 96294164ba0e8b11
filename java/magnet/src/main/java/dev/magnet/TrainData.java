package dev.magnet;

import dev.magnet.internal.Defaults;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * The files that a training reads, and those by which it is judged. Text serves all three objectives, pairs serve
 * embeddings only; without pairs, a pair is two crops of one passage of the text.
 *
 * @param texts plain text (UTF-8), or {@code .jsonl} with a {@code "text"} in each line
 * @param textUnit what a document is in plain text
 * @param pairs TSV of two texts that belong together and, if there is one, a third that does not; or {@code .jsonl}
 *     with {@code "anchor"}, {@code "positive"} and perhaps {@code "negative"}
 * @param heldoutTexts texts to judge by; with {@code heldoutPairs} empty as well, a part of the above is kept out of
 *     training
 * @param heldoutPairs pairs to judge by
 * @param heldoutRows windows of text, and pairs, to keep out of training, at most a tenth of each; 0 = none
 */
@Withers
public record TrainData(
        List<Path> texts,
        TextUnit textUnit,
        List<Path> pairs,
        List<Path> heldoutTexts,
        List<Path> heldoutPairs,
        int heldoutRows) implements TrainDataWithers {
    /** Checks its arguments and makes its lists immutable. */
    public TrainData {
        texts = List.copyOf(texts);
        Objects.requireNonNull(textUnit, "textUnit");
        pairs = List.copyOf(pairs);
        heldoutTexts = List.copyOf(heldoutTexts);
        heldoutPairs = List.copyOf(heldoutPairs);
    }

    /** No files, and the native library's defaults elsewhere. */
    public static TrainData defaults() {
        return Defaults.train().data();
    }
}
