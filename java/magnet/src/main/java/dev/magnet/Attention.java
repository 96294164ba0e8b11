package dev.magnet;

/** Which tokens of a text to embed see each other. */
public enum Attention {
    /** What the adapter was trained with; without an adapter {@link #BIDIRECTIONAL}. */
    DEFAULT,
    /** Every token sees every token. */
    BIDIRECTIONAL,
    /** Every token sees itself and those before it, as in generation. */
    CAUSAL
}
