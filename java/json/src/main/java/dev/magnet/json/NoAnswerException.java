package dev.magnet.json;

import dev.magnet.Generated;
import dev.magnet.StopReason;

/** What was generated is no value of the type that was asked for: mostly because it ends before its JSON does. */
public final class NoAnswerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Generated generated;

    NoAnswerException(Generated generated, Class<?> type, Exception cause) {
        super("the text is no " + type.getSimpleName() + "; it ends with " + generated.stop()
                + (generated.span().tokens().isEmpty() ? "" : " after " + generated.span().tokens().size() + " tokens")
                + (generated.stop() == StopReason.GRAMMAR ? ": " + cause.getMessage() : ". Raise maxTokens, or ask for less"), cause);
        this.generated = generated;
    }

    /** What there is. */
    public Generated generated() {
        return generated;
    }
}
