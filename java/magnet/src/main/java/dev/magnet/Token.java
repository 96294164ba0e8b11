package dev.magnet;

import java.util.List;

/**
 * One token that was generated or scored.
 *
 * <p>While streaming, text is held back that may turn out to be a stop string, or half a character. If the end comes
 * then, the last token is told once more, with the text that was left.
 *
 * @param id its id in the vocabulary
 * @param text the text that it completes; empty for a token that ends inside a character, whose bytes the next one
 *     completes. The texts of a span's tokens join to the span's text
 * @param logprob natural logarithm of its probability under the model itself (before penalties, temperature and
 *     truncation); NaN where nothing predicts it (a first token without a begin-of-sequence token)
 * @param part index of its gap among the parts; 0 for generate
 * @param index its place in its span, from 0
 * @param top best alternatives, best first; empty if none were asked for, and while streaming
 */
public record Token(int id, String text, float logprob, int part, int index, List<Candidate> top) {
    /** Makes {@code top} immutable. */
    public Token {
        top = List.copyOf(top);
    }
}
