package dev.magnet;

/**
 * A continuation.
 *
 * @param span its text and tokens
 * @param usage what it cost
 */
public record Generated(Span span, Usage usage) {
    /** The text, without the prompt. */
    public String text() {
        return span.text();
    }

    /** Why it ends. */
    public StopReason stop() {
        return span.stop();
    }
}
