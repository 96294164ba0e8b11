package dev.magnet;

/** How the text around the gaps is read when they are filled or scored. */
public enum InfillContext {
    /** What the adapter was trained with; without an adapter {@link #ORDERED}. */
    DEFAULT,
    /** The MAGNET paper's mask (arXiv 2501.08648): context tokens see each other both ways, gaps see all of them. */
    HYBRID,
    /** Context is read left to right, gaps see all of it. The unchanged start of a text is not read again. */
    ORDERED,
    /** A baseline: plain left to right, what is right of a gap is not read. */
    LEFT
}
