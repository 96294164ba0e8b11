package dev.magnet;

/**
 * The vectors of one text's own tokens, for tagging and for late interaction. The arrays are the caller's to change.
 *
 * @param tokens ids of the tokens: [tokens]
 * @param vectors one a token: [tokens][dimensions]
 */
public record TokenEmbeddings(int[] tokens, float[][] vectors) {}
