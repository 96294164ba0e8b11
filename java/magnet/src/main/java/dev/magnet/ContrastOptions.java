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
 */
public record ContrastOptions(
        int batch,
        int length,
        Pooling pooling,
        Attention attention,
        String instruction,
        float temperature,
        boolean symmetric,
        float textShare,
        int projection) {
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

    /** A copy with this {@link #batch}. */
    public ContrastOptions withBatch(int batch) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, textShare, projection);
    }

    /** A copy with this {@link #length}. */
    public ContrastOptions withLength(int length) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, textShare, projection);
    }

    /** A copy with this {@link #pooling}. */
    public ContrastOptions withPooling(Pooling pooling) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, textShare, projection);
    }

    /** A copy with this {@link #attention}. */
    public ContrastOptions withAttention(Attention attention) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, textShare, projection);
    }

    /** A copy with this {@link #instruction}. */
    public ContrastOptions withInstruction(String instruction) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, textShare, projection);
    }

    /** A copy with this {@link #temperature}. */
    public ContrastOptions withTemperature(double temperature) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, (float) temperature, symmetric, textShare, projection);
    }

    /** A copy that is, or is not, {@link #symmetric}. */
    public ContrastOptions withSymmetric(boolean symmetric) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, textShare, projection);
    }

    /** A copy with this {@link #textShare}. */
    public ContrastOptions withTextShare(double textShare) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, (float) textShare, projection);
    }

    /** A copy with this {@link #projection}. */
    public ContrastOptions withProjection(int projection) {
        return new ContrastOptions(
                batch, length, pooling, attention, instruction, temperature, symmetric, textShare, projection);
    }
}
