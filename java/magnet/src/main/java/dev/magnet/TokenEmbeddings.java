package dev.magnet;

import java.util.Arrays;

/**
 * The vectors of one text's own tokens, for tagging and for late interaction. The arrays are the caller's to change.
 *
 * @param tokens ids of the tokens: [tokens]
 * @param vectors one a token: [tokens][dimensions]
 */
public record TokenEmbeddings(int[] tokens, float[][] vectors) {
    /** How many vectors of what length, and the tokens. */
    @Override
    public String toString() {
        return "TokenEmbeddings[" + vectors.length + " x " + (vectors.length > 0 ? vectors[0].length : 0) + ", tokens="
                + Arrays.toString(tokens) + "]";
    }
}
