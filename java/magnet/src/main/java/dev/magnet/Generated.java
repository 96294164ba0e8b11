package dev.magnet;

import java.util.List;

/**
 * Continuations of a prompt: one, or {@link GenerateOptions#texts()}.
 *
 * @param spans their texts and tokens, in the order of their seeds; a call that ends early has those that had begun
 * @param usage what they cost, together
 */
public record Generated(List<Span> spans, Usage usage) {
    /** Checks that there is one, and makes the list immutable. */
    public Generated {
        spans = List.copyOf(spans);
        if (spans.isEmpty()) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "a generation has at least one text");
        }
    }

    /** The first of them. */
    public Span span() {
        return spans.getFirst();
    }

    /** Its text, without the prompt. */
    public String text() {
        return span().text();
    }

    /** All texts, without the prompt. */
    public List<String> texts() {
        return spans.stream().map(Span::text).toList();
    }

    /** Why the first ends. */
    public StopReason stop() {
        return span().stop();
    }
}
