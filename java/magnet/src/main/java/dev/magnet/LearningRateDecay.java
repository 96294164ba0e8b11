package dev.magnet;

/** How the learning rate falls after its warm-up. */
public enum LearningRateDecay {
    /** Not at all. */
    CONSTANT,
    /** By the same amount every step. */
    LINEAR,
    /** Along half a cosine: slowly, fast, slowly. */
    COSINE
}
