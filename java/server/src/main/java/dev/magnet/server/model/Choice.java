package dev.magnet.server.model;

import dev.magnet.Generated;
import dev.magnet.Infilled;
import dev.magnet.Span;
import dev.magnet.StopReason;
import dev.magnet.Token;
import dev.magnet.Usage;
import java.util.List;

/**
 * One of several answers of the model: a continuation, or what fills the gaps of a template.
 *
 * @param spans the texts, their tokens and why they end; at least one
 * @param usage what it cost
 */
public record Choice(List<Span> spans, Usage usage) {
    /** A continuation. */
    public static Choice of(Generated generated) {
        return new Choice(List.of(generated.span()), generated.usage());
    }

    /** What fills a template. */
    public static Choice of(Infilled infilled) {
        return new Choice(infilled.spans(), infilled.usage());
    }

    /** The only text. */
    public Span span() {
        return spans.getFirst();
    }

    /** The same, cut behind so many tokens. */
    Choice cut(String text, int tokens) {
        var kept = span().tokens().subList(0, Math.min(tokens, span().tokens().size()));
        double logprob = kept.stream().mapToDouble(Token::logprob).filter(Double::isFinite).sum();
        return new Choice(List.of(new Span(text, kept, logprob, 0, span().part(), StopReason.STRING)), usage);
    }

    /** Whether room or time was over before the text was. */
    public boolean isCut() {
        return switch (span().stop()) {
            case LENGTH, CONTEXT, TIMEOUT, CANCELLED -> true;
            case END, STRING, GRAMMAR, NONE, UNTIL, REPEAT -> false;
        };
    }
}
