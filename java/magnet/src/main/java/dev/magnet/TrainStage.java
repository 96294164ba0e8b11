package dev.magnet;

/**
 * A part of a training run: for so many steps, loss = mntp x MNTP + sscl x SSCL + msg x MSG (arXiv 2501.08648). An
 * objective of weight 0 costs nothing. Values out of range are refused by the call that uses them.
 *
 * @param steps steps, at least 1
 * @param mntp weight of masked next-token prediction: the model learns to read what is on both sides
 * @param sscl weight of the contrastive objective: embeddings
 * @param msg weight of missing-span generation: infilling, and plain next-token prediction
 */
@Withers
public record TrainStage(int steps, float mntp, float sscl, float msg) implements TrainStageWithers {
    /** All three objectives alike, for so many steps. */
    public static TrainStage of(int steps) {
        return new TrainStage(steps, 1, 1, 1);
    }
}
