package dev.magnet;

import java.util.Arrays;

/**
 * The vectors of several texts, and what they cost. The arrays are the caller's to change.
 *
 * @param vectors one a text, in order: [texts][dimensions]
 * @param tokenCounts tokens read for each text, instruction and end-of-sequence token counted: [texts]
 */
public record Embeddings(float[][] vectors, int[] tokenCounts) {
    /** Tokens read in all. */
    public long tokens() {
        return Arrays.stream(tokenCounts).asLongStream().sum();
    }
}
