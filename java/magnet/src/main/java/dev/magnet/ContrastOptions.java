package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How embeddings are learned (SSCL, InfoNCE over a batch of pairs). Values out of range are refused by the call that
 * uses them.
 *
 * @param batch pairs of one micro-batch, at least 2; the other pairs are each one's negatives. Memory does not grow
 *     with it
 * @param length most tokens of a text to embed, at least 4; longer ones are cut at their end
 * @param pooling what becomes the vector; not {@link Pooling#DEFAULT}
 * @param attention what its tokens see; not {@link Attention#DEFAULT}
 * @param instruction prefix of every text, which the adapter remembers; "" = none
 * @param documentInstruction prefix of documents ({@link PairFile#documents()}), which the adapter remembers as well; null =
 *     that of every text
 * @param temperature cosines are divided by it
 * @param symmetric whether positives must find their anchors, too
 * @param textShare share of pairs that are two crops of one passage of the texts, in [0, 1]; -1 = all without a pairs
 *     file, else none
 * @param projection width of a head that is used in training only; 0 = none
 * @param cropMin a crop is at least this share of its passage, in [0, 1]
 * @param dropRate share of the tokens of a crop that is left out, in [0, 1]
 * @param margin a text of another pair that is nearer to the query than its answer, by a cosine of more than this, is no
 *     negative, in [-1, 2]; 2 = all are
 * @param mineMargin cosine by which a mined negative ({@link PairFile#mine()}) is farther than the answer, at least
 * @param dimensions sizes at which the beginning of a vector is to serve as one, beside the whole (Matryoshka, arXiv
 *     2205.13147); not with a projection
 */
@Withers
public record ContrastOptions(
        int batch,
        int length,
        Pooling pooling,
        Attention attention,
        String instruction,
        @Nullable String documentInstruction,
        float temperature,
        boolean symmetric,
        float textShare,
        int projection,
        float cropMin,
        float dropRate,
        float margin,
        float mineMargin,
        List<Integer> dimensions) implements ContrastOptionsWithers {
    /** Checks its arguments and makes {@code dimensions} immutable. */
    public ContrastOptions {
        Objects.requireNonNull(pooling, "pooling");
        Objects.requireNonNull(attention, "attention");
        Objects.requireNonNull(instruction, "instruction");
        dimensions = List.copyOf(dimensions);
    }

    /** The native library's defaults. */
    public static ContrastOptions defaults() {
        return Defaults.train().contrast();
    }
}
