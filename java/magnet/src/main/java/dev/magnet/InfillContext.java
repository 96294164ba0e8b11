package dev.magnet;

/** How the text around the gaps is read when they are filled or scored. */
public enum InfillContext {
    /** What the adapter was trained with; without an adapter {@link #FIM} if the model was trained on it, else {@link #ORDERED}. */
    DEFAULT,
    /** The MAGNET paper's mask (arXiv 2501.08648): context tokens see each other both ways, gaps see all of them. */
    HYBRID,
    /** Context is read left to right, gaps see all of it. The unchanged start of a text is not read again. */
    ORDERED,
    /** A baseline: plain left to right, what is right of a gap is not read. */
    LEFT,
    /**
     * The prompt that the vocabulary's fill-in-the-middle tokens make, for models that were trained on them (Qwen2.5-Coder,
     * StarCoder2, CodeGemma, ...). Spaces stay where they are; a gap may be left empty.
     */
    FIM
}
