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
public record PerplexityEvaluation(
        Path file,
        int window,
        int limit)
        implements Evaluation {
    /** Checks its arguments. */
    public PerplexityEvaluation {
        Objects.requireNonNull(file, "file");
    }

    /** A copy on this {@link #file}. */
    public PerplexityEvaluation withFile(Path file) {
        return new PerplexityEvaluation(file, window, limit);
    }

    /** A copy with this {@link #window}. */
    public PerplexityEvaluation withWindow(int window) {
        return new PerplexityEvaluation(file, window, limit);
    }

    /** A copy with this {@link #limit}. */
    public PerplexityEvaluation withLimit(int limit) {
        return new PerplexityEvaluation(file, window, limit);
    }
}
