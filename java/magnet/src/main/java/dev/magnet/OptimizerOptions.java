package dev.magnet;

import dev.magnet.internal.Defaults;
import java.util.Objects;

/**
 * How the adapter moves (AdamW, arXiv 1711.05101). Values out of range are refused by the call that uses them.
 *
 * @param learningRate the highest learning rate, in [1e-12, 1]
 * @param learningRateEnd share of it that is left at the last step, in [0, 1]
 * @param decay how it gets there
 * @param warmup steps from 0 to the learning rate
 * @param weightDecay decoupled weight decay
 * @param clip largest norm of the gradient; 0 = any
 * @param accumulate micro-batches of a step, at least 1
 * @param average what is judged and written is a mean of the states so far, most of it of the last share of the steps, in
 *     [0, 1]; 0 = the state itself
 */
@Withers
public record OptimizerOptions(
        float learningRate,
        float learningRateEnd,
        LearningRateDecay decay,
        int warmup,
        float weightDecay,
        float clip,
        int accumulate,
        float average) implements OptimizerOptionsWithers {
    /** Checks its arguments. */
    public OptimizerOptions {
        Objects.requireNonNull(decay, "decay");
    }

    /** The native library's defaults. */
    public static OptimizerOptions defaults() {
        return Defaults.train().optimizer();
    }
}
