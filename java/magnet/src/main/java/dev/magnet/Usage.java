package dev.magnet;

import java.time.Duration;

/**
 * What a call cost.
 *
 * @param promptTokens tokens of the prompt or the context, those found in the cache counted
 * @param reusedTokens of these, found in the cache of an earlier call
 * @param generatedTokens tokens generated
 * @param promptTime until the first prediction
 * @param generateTime the rest
 */
public record Usage(
        int promptTokens, int reusedTokens, int generatedTokens, Duration promptTime, Duration generateTime) {
    /** Tokens in and out. */
    public int totalTokens() {
        return promptTokens + generatedTokens;
    }
}
