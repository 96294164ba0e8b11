package dev.magnet;

/** With what the text of an open gap ends at the latest. */
public enum Until {
    /** With what the model or {@link InfillOptions#maxTokens()} says. */
    NONE,
    /** Before the first line break behind something visible. */
    LINE,
    /** Behind its first sentence: a terminator with its closing quotes. */
    SENTENCE,
    /** Before the first blank line behind something visible. */
    PARAGRAPH
}
