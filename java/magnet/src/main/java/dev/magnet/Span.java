package dev.magnet;

import java.util.List;

/**
 * What fills one gap, continues a prompt, or was scored.
 *
 * @param text its text
 * @param tokens its tokens; one that ended it (end-of-sequence, or the adapter's end token) is not among them
 * @param logprob sum of the tokens' log-probabilities, NaN ones left out
 * @param stopLogprob log-probability of the token that ended it; 0 if none did
 * @param part index of its gap among the parts; 0 for generate
 * @param stop why it ends
 */
public record Span(String text, List<Token> tokens, double logprob, double stopLogprob, int part, StopReason stop) {
    /** Makes {@code tokens} immutable. */
    public Span {
        tokens = List.copyOf(tokens);
    }
}
