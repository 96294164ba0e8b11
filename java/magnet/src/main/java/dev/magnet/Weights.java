package dev.magnet;

/** What {@link Engine#FUSED} multiplies with. {@link ModelInfo} says how much memory each takes. */
public enum Weights {
    /** {@link #COPIED} where memory allows when the weights are first needed, else {@link #STORED}; the log says so. */
    AUTO,
    /** Copies in bf16: the fastest for prompts and embedding. */
    COPIED,
    /**
     * As the file stores them, unpacked as they are read: a large model takes hardly more memory than its file. Matrices
     * that are not quantised are copied all the same.
     */
    STORED
}
