package dev.magnet;

import java.nio.file.Path;
import java.util.Objects;

/**
 * Causal perplexity of a text, in windows that do not overlap; the first token of each is not predicted. Figure
 * {@code perplexity}; series {@code logprob}, a value a window.
 *
 * @param file plain text
 * @param window tokens of a window, at least 2
 * @param limit windows, from the first; 0 = all
 */
@Withers
public record PerplexityEvaluation(
        Path file,
        int window,
        int limit)
        implements Evaluation, PerplexityEvaluationWithers {
    /** Checks its arguments. */
    public PerplexityEvaluation {
        Objects.requireNonNull(file, "file");
    }
}
