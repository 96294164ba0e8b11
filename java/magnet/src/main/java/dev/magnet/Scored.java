package dev.magnet;

import java.util.List;

/**
 * How likely a model finds what fills the gaps of one template.
 *
 * @param spans one a gap, with every token's log-probability
 */
public record Scored(List<Span> spans) {
    /** Makes {@code spans} immutable. */
    public Scored {
        spans = List.copyOf(spans);
    }

    /** Sum of the tokens' natural log-probabilities, those that nothing predicts left out. */
    public double logprob() {
        return spans.stream().mapToDouble(Span::logprob).sum();
    }

    /** {@code exp(-logprob / tokens)} over the tokens that something predicts; NaN if there is none. */
    public double perplexity() {
        long predicted = spans.stream()
                .flatMap(span -> span.tokens().stream())
                .filter(token -> !Float.isNaN(token.logprob()))
                .count();
        return predicted == 0 ? Double.NaN : Math.exp(-logprob() / predicted);
    }
}
