package dev.magnet;

/** What a document is in a file of plain text to train on. */
public enum TextUnit {
    /** A blank line ends it. */
    PARAGRAPHS,
    /** Each line is one. */
    LINES,
    /** The whole file is one. */
    FILES
}
