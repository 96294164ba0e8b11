package dev.magnet;

import java.util.Objects;

/** A piece of a template: given text, a gap to be filled, or a gap filled with text that is to be scored. */
public sealed interface Part {
    /**
     * Given text.
     *
     * @param text any text, also empty
     */
    record Text(String text) implements Part {
        /** Checks its argument. */
        public Text {
            Objects.requireNonNull(text, "text");
        }
    }

    /**
     * A gap that infilling fills.
     *
     * @param length exact number of tokens, or 0 for an open gap, which the model ends
     * @param maxLength open gap: most tokens; 0 = {@link InfillOptions#maxTokens()}
     */
    record Gap(int length, int maxLength) implements Part {}

    /**
     * A gap that holds text, whose log-probability {@link Magnet#score} gives.
     *
     * @param text what fills the gap
     * @param length positions that the gap takes up, not fewer than {@code text} has tokens; 0 = as many as those, or
     *     an open gap
     * @param maxLength open gap: it takes up what {@link #gapUpTo} does, unless its text has more tokens; 0 = not open
     */
    record Filled(String text, int length, int maxLength) implements Part {
        /** Checks its arguments. */
        public Filled {
            Objects.requireNonNull(text, "text");
        }
    }

    /** Given text. */
    static Part text(String text) {
        return new Text(text);
    }

    /** An open gap: the model decides where it ends, after 1 to {@link InfillOptions#maxTokens()} tokens. */
    static Part gap() {
        return new Gap(0, 0);
    }

    /** A gap of exactly {@code length} tokens. */
    static Part gap(int length) {
        return new Gap(length, 0);
    }

    /** An open gap of 1 to {@code maxLength} tokens. */
    static Part gapUpTo(int maxLength) {
        return new Gap(0, maxLength);
    }

    /** A gap that is filled with {@code text}, for scoring; what follows stands right behind it. */
    static Part filled(String text) {
        return new Filled(text, 0, 0);
    }
}
