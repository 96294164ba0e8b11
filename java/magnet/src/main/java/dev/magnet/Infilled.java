package dev.magnet;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A template with its gaps filled.
 *
 * @param parts the template
 * @param spans what fills its gaps, in order, one span a gap
 * @param usage what it cost
 */
public record Infilled(List<Part> parts, List<Span> spans, Usage usage) {
    /** Checks that every gap has its span, and makes the lists immutable. */
    public Infilled {
        parts = List.copyOf(parts);
        spans = List.copyOf(spans);
        long gaps = parts.stream().filter(Part.Gap.class::isInstance).count();
        if (gaps != spans.size()) {
            throw new MagnetException(Status.INVALID_ARGUMENT, spans.size() + " spans for " + gaps + " gaps");
        }
    }

    /** The texts that fill the gaps, in order. */
    public List<String> fillings() {
        return spans.stream().map(Span::text).toList();
    }

    /** The whole text, gaps filled. */
    public String text() {
        var filling = spans.iterator();
        return parts.stream()
                .map(part -> switch (part) {
                    case Part.Text given -> given.text();
                    case Part.Filled given -> given.text();
                    case Part.Gap gap -> filling.next().text();
                })
                .collect(Collectors.joining());
    }
}
