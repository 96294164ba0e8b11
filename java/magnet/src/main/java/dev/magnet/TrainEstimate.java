package dev.magnet;

import java.time.Duration;

/**
 * What a training would take, measured on two of its steps.
 *
 * @param steps steps of all stages
 * @param tokensPerStep tokens that the measured step read
 * @param windows windows of text in one epoch
 * @param pairs pairs in one epoch
 * @param parameters numbers that are trained
 * @param peakBytes most resident memory of this process so far, the measured steps included
 * @param step time of one step
 * @param total time of all of it
 */
public record TrainEstimate(
        int steps,
        long tokensPerStep,
        long windows,
        long pairs,
        long parameters,
        long peakBytes,
        Duration step,
        Duration total) {}
