package dev.magnet;

/**
 * A token that could have stood somewhere.
 *
 * @param token its id in the vocabulary
 * @param logprob natural logarithm of its probability under the model itself (before penalties, temperature and
 *     truncation)
 */
public record Candidate(int token, float logprob) {}
