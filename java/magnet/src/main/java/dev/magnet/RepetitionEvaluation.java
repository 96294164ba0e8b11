package dev.magnet;

import java.nio.file.Path;
import java.util.Objects;

/**
 * Degeneration: the shares of sentences and of token 4-grams that stood before in the same continuation of a prefix
 * (Rep-Sen and Rep-4). Figures {@code rep-sen}, {@code rep-4}, {@code tokens}, averaged over continuations; series of
 * the same names.
 *
 * @param file plain text, a paragraph a line
 * @param prefixWords words of a paragraph that are continued, at least 1; shorter paragraphs are left out
 * @param maxTokens tokens of a continuation, at most
 * @param sampling how tokens are chosen; its seed is not read
 * @param seed in [0, 2^32): of the first prefix; the i-th is sampled with seed + i
 * @param limit prefixes, from the first; 0 = all
 */
@Withers
public record RepetitionEvaluation(
        Path file,
        int prefixWords,
        int maxTokens,
        Sampling sampling,
        long seed,
        int limit)
        implements Evaluation, RepetitionEvaluationWithers {
    /** Checks its arguments. */
    public RepetitionEvaluation {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(sampling, "sampling");
    }
}
