package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.Objects;

/**
 * How the adapter moves (AdamW, arXiv 1711.05101). Values out of range are refused by the call that uses them.
 *
 * @param learningRate the highest learning rate, in [0, 1]
 * @param learningRateEnd share of it that is left at the last step, in [0, 1]
 * @param decay how it gets there
 * @param warmup steps from 0 to the learning rate
 * @param weightDecay decoupled weight decay
 * @param clip largest norm of the gradient; 0 = any
 * @param accumulate micro-batches of a step, at least 1
 */
public record OptimizerOptions(
        float learningRate,
        float learningRateEnd,
        LearningRateDecay decay,
        int warmup,
        float weightDecay,
        float clip,
        int accumulate) {
    /** Checks its arguments. */
    public OptimizerOptions {
        Objects.requireNonNull(decay, "decay");
    }

    /** The native library's defaults. */
    public static OptimizerOptions defaults() {
        return Defaults.train().optimizer();
    }

    /** A copy with this {@link #learningRate}. */
    public OptimizerOptions withLearningRate(double learningRate) {
        return new OptimizerOptions(
                (float) learningRate, learningRateEnd, decay, warmup, weightDecay, clip, accumulate);
    }

    /** A copy with this {@link #learningRateEnd}. */
    public OptimizerOptions withLearningRateEnd(double learningRateEnd) {
        return new OptimizerOptions(
                learningRate, (float) learningRateEnd, decay, warmup, weightDecay, clip, accumulate);
    }

    /** A copy with this {@link #decay}. */
    public OptimizerOptions withDecay(LearningRateDecay decay) {
        return new OptimizerOptions(learningRate, learningRateEnd, decay, warmup, weightDecay, clip, accumulate);
    }

    /** A copy with this {@link #warmup}. */
    public OptimizerOptions withWarmup(int warmup) {
        return new OptimizerOptions(learningRate, learningRateEnd, decay, warmup, weightDecay, clip, accumulate);
    }

    /** A copy with this {@link #weightDecay}. */
    public OptimizerOptions withWeightDecay(double weightDecay) {
        return new OptimizerOptions(
                learningRate, learningRateEnd, decay, warmup, (float) weightDecay, clip, accumulate);
    }

    /** A copy with this {@link #clip}. */
    public OptimizerOptions withClip(double clip) {
        return new OptimizerOptions(
                learningRate, learningRateEnd, decay, warmup, weightDecay, (float) clip, accumulate);
    }

    /** A copy with this {@link #accumulate}. */
    public OptimizerOptions withAccumulate(int accumulate) {
        return new OptimizerOptions(learningRate, learningRateEnd, decay, warmup, weightDecay, clip, accumulate);
    }
}
