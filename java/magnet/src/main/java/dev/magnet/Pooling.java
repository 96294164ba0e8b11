package dev.magnet;

/** How the outputs of a text's tokens become one vector. */
public enum Pooling {
    /** What the adapter was trained with; without an adapter {@link #MEAN}. */
    DEFAULT,
    /** The output at the last token, the end-of-sequence token put behind the text. */
    LAST,
    /** The mean over the text's own tokens; instruction and end-of-sequence token are left out. */
    MEAN,
    /** The same mean, the i-th token counted i times (SGPT, arXiv 2202.08904). */
    WEIGHTED_MEAN
}
