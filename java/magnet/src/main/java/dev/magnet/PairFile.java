package dev.magnet;

import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A file of pairs to train on, or to judge by. Values out of range are refused by the call that uses them.
 *
 * @param path TSV of two texts that belong together and, if there is one, a third that does not; or {@code .jsonl} with
 *     {@code "anchor"}, {@code "positive"} and perhaps {@code "negative"}
 * @param share of the contrastive batches, relative to the shares of the other files: then every batch is of one file
 *     alone. 0 in all of them = they are mixed as if they were one file
 * @param documents whether the second and third texts are documents that the first, a query, is to find:
 *     {@link ContrastOptions#documentInstruction()} stands before them
 * @param mine texts to take hard negatives from, one a line, or {@code .jsonl} with a {@code "text"}: a pair without one gets
 *     the nearest to its first text that is farther than its second by {@link ContrastOptions#mineMargin()}, as the adapter
 *     that training starts from sees them; null = none
 */
@Withers
public record PairFile(Path path, float share, boolean documents, @Nullable Path mine) implements PairFileWithers {
    /** Checks its arguments. */
    public PairFile {
        Objects.requireNonNull(path, "path");
    }

    /** A file that is mixed with the others. */
    public static PairFile of(Path path) {
        return new PairFile(path, 0, false, null);
    }

    /** A file that gives this share of the batches. */
    public static PairFile of(Path path, double share) {
        return new PairFile(path, (float) share, false, null);
    }
}
