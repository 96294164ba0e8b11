package dev.magnet;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A template with its gaps filled.
 *
 * @param parts the template
 * @param spans what fills its gaps, in order, one span a gap
 * @param usage what it cost
 * @param ranked every filling, the best first, which {@code spans} are of: one, or up to {@link InfillCandidates#n()}
 */
public record Infilled(List<Part> parts, List<Span> spans, Usage usage, List<Filling> ranked) {
    /** Checks that every gap has its span, and makes the lists immutable. */
    public Infilled {
        parts = List.copyOf(parts);
        spans = List.copyOf(spans);
        ranked = List.copyOf(ranked);
        long gaps = parts.stream().filter(Part.Gap.class::isInstance).count();
        if (gaps != spans.size()) {
            throw new MagnetException(Status.INVALID_ARGUMENT, spans.size() + " spans for " + gaps + " gaps");
        }
    }

    /** A template with the one way in which its gaps were filled, which is not scored. */
    public Infilled(List<Part> parts, List<Span> spans, Usage usage) {
        this(parts, spans, usage, List.of(new Filling(spans, 1, -1, Double.NaN, 0, 0, 0, 0)));
    }

    /** The texts that fill the gaps, in order. */
    public List<String> fillings() {
        return spans.stream().map(Span::text).toList();
    }

    /** The whole text, gaps filled. */
    public String text() {
        return text(spans);
    }

    /** The whole text with another of the {@link #ranked()} fillings. */
    public String text(Filling chosen) {
        return text(chosen.spans());
    }

    private String text(List<Span> chosen) {
        var filling = chosen.iterator();
        return parts.stream()
                .map(part -> switch (part) {
                    case Part.Text given -> given.text();
                    case Part.Filled given -> given.text();
                    case Part.Gap gap -> filling.next().text();
                })
                .collect(Collectors.joining());
    }
}
