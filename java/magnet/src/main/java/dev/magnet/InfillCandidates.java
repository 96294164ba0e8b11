package dev.magnet;

/**
 * Fillings to choose from: sampled together from one context with the seeds {@code seed}, {@code seed + 1}, ..., merged where
 * they are the same text, and ranked by {@link Filling#score()}. Events of tokens are not told for several.
 *
 * @param n how many are sampled, in [1, 256]; for more than one {@link Sampling#temperature()} must be above 0
 * @param right tokens behind the last gap that count in the score, at most
 */
@Withers
public record InfillCandidates(int n, int right) implements InfillCandidatesWithers {}
