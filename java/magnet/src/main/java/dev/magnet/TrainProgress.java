package dev.magnet;

import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where a training is after one of its steps. {@link #toString()} is a line for people.
 *
 * @param step steps done, from 1
 * @param steps steps of all stages
 * @param stage index of its stage
 * @param tokens tokens trained on since the first step
 * @param elapsed time since the first step, interruptions left out
 * @param remaining time that the rest will take at this pace
 * @param tokensPerSecond pace of this run
 * @param losses losses of this step
 * @param learningRate learning rate of this step
 * @param gradientNorm norm of its gradient, before clipping
 * @param heldout losses on held-out text; null unless they were looked at after this very step
 * @param bestStep step with the lowest held-out score so far, whose state the adapter holds; 0 = none yet
 * @param bestScore that score; NaN = none yet
 */
public record TrainProgress(
        int step,
        int steps,
        int stage,
        long tokens,
        Duration elapsed,
        Duration remaining,
        double tokensPerSecond,
        Losses losses,
        double learningRate,
        double gradientNorm,
        @Nullable Heldout heldout,
        int bestStep,
        double bestScore) {
    /**
     * Mean losses of one step, in nats.
     *
     * @param total weighted sum
     * @param mntp masked next-token prediction; NaN = no part of the step, so for the next three
     * @param sscl contrastive loss of embeddings
     * @param msg missing-span generation
     * @param base divergence from the model without adapters, on rows that keep it
     */
    public record Losses(double total, double mntp, double sscl, double msg, double base) {}

    /**
     * Mean losses on held-out text and pairs, in nats; NaN = nothing to compute it from.
     *
     * @param mntp masked next-token prediction
     * @param sscl contrastive loss of embeddings
     * @param msgHybrid missing-span generation under the hybrid mask
     * @param msgOrdered missing-span generation under the ordered mask
     * @param causal plain next-token prediction: is it still a language model?
     * @param score the last stage's weights on the above; the lowest decides which step is kept
     */
    public record Heldout(
            double mntp, double sscl, double msgHybrid, double msgOrdered, double causal, double score) {}

    /** Checks its arguments. */
    public TrainProgress {
        Objects.requireNonNull(elapsed, "elapsed");
        Objects.requireNonNull(remaining, "remaining");
        Objects.requireNonNull(losses, "losses");
    }

    /** One line, like {@code step 120/400  mntp 4.210  sscl 0.310  msg 3.700  512 tok/s  7:10 left}. */
    @Override
    public String toString() {
        var line = new StringBuilder("step " + step + "/" + steps);
        append(line, "mntp", losses.mntp);
        append(line, "sscl", losses.sscl);
        append(line, "msg", losses.msg);
        append(line, "base", losses.base);
        if (heldout != null) {
            append(line, "held-out", heldout.score);
            line.append(bestStep == step ? " (best)" : "");
        }
        long seconds = remaining.toSeconds();
        return line.append(String.format(
                        Locale.ROOT, "  %.0f tok/s  %d:%02d left", tokensPerSecond, seconds / 60, seconds % 60))
                .toString();
    }

    private static void append(StringBuilder line, String name, double loss) {
        if (!Double.isNaN(loss)) {
            line.append(String.format(Locale.ROOT, "  %s %.3f", name, loss));
        }
    }
}
