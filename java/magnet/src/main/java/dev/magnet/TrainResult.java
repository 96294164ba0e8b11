package dev.magnet;

/**
 * How a training ended.
 *
 * @param step steps done, those before {@link Trainer#resume} counted
 * @param bestStep step whose state the adapter holds, the one with the lowest held-out loss; 0 = the last one's, for want
 *     of held-out text
 * @param stopped whether it was stopped before its last step
 */
public record TrainResult(int step, int bestStep, boolean stopped) {}
