package dev.magnet;

/** What computes. */
public enum Engine {
    /** {@link #FUSED} where it covers the model and the work, else {@link #GRAPH}. */
    AUTO,
    /** MAGNET's own CPU engine; {@link Status#UNSUPPORTED} where it does not cover the model. */
    FUSED,
    /** llama.cpp's graph. */
    GRAPH
}
