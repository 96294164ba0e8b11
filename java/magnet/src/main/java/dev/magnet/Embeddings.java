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

    /** How many vectors of what length, and the tokens read. */
    @Override
    public String toString() {
        return "Embeddings[" + vectors.length + " x " + (vectors.length > 0 ? vectors[0].length : 0) + ", tokens=" + tokens()
                + "]";
    }
}
