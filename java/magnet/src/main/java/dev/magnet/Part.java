package dev.magnet;

import java.util.Objects;

/**
 * A piece of a template: given text, a gap to be filled, or a gap filled with text that is to be scored.
 *
 * <p>Models join a space to the word behind it. So the last space of a text before a gap is read as the beginning of what
 * fills the gap, and the filling's text leaves it out: {@code "keys. "} and {@code "keys."} are filled by the same tokens,
 * in the first case without the space in front. Texts and fillings, joined as they are, give the whole text.
 */
public sealed interface Part {
    /**
     * Given text.
     *
     * @param text any text, also empty
     * @param keepSpace whether its last space stays in it where a gap follows; false: the gap is read with it
     */
    record Text(String text, boolean keepSpace) implements Part {
        /** Checks its argument. */
        public Text {
            Objects.requireNonNull(text, "text");
        }

        /** Given text whose last space is read with the gap behind it. */
        public Text(String text) {
            this(text, false);
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

    /** Given text; its last space, where a gap follows, is read with the gap. */
    static Part text(String text) {
        return new Text(text);
    }

    /** Given text that keeps its last space though a gap follows: what fills the gap begins behind that space. */
    static Part textKeepingSpace(String text) {
        return new Text(text, true);
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
