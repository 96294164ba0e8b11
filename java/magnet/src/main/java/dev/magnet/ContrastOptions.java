package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.Objects;

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
 * @param temperature cosines are divided by it
 * @param symmetric whether positives must find their anchors, too
 * @param textShare share of pairs that are two crops of one passage of the texts, in [0, 1]; -1 = all without a pairs
 *     file, else none
 * @param projection width of a head that is used in training only; 0 = none
 * @param cropMin a crop is at least this share of its passage, in [0, 1]
 * @param dropRate share of the tokens of a crop that is left out, in [0, 1]
 */
@Withers
public record ContrastOptions(
        int batch,
        int length,
        Pooling pooling,
        Attention attention,
        String instruction,
        float temperature,
        boolean symmetric,
        float textShare,
        int projection,
        float cropMin,
        float dropRate) implements ContrastOptionsWithers {
    /** Checks its arguments. */
    public ContrastOptions {
        Objects.requireNonNull(pooling, "pooling");
        Objects.requireNonNull(attention, "attention");
        Objects.requireNonNull(instruction, "instruction");
    }

    /** The native library's defaults. */
    public static ContrastOptions defaults() {
        return Defaults.train().contrast();
    }
}
