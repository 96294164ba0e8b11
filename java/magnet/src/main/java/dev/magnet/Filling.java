package dev.magnet;

import java.util.List;

/**
 * One way to fill all gaps of a template.
 *
 * @param spans what fills them, in order, one span a gap
 * @param count candidates that came to this text
 * @param seed of the first of them
 * @param score log-likelihood per token of all that stands from the first gap on, given what stands left of it, read from left
 *     to right; NaN with one filling alone, which is not scored
 * @param gapLogprob the fillings' part of it
 * @param gapTokens tokens of the fillings
 * @param rightLogprob the part of the text between and behind the gaps
 * @param rightTokens tokens of that
 */
public record Filling(
        List<Span> spans,
        int count,
        long seed,
        double score,
        double gapLogprob,
        int gapTokens,
        double rightLogprob,
        int rightTokens) {
    /** Makes {@code spans} immutable. */
    public Filling {
        spans = List.copyOf(spans);
    }

    /** The texts that fill the gaps, in order. */
    public List<String> texts() {
        return spans.stream().map(Span::text).toList();
    }
}
