package dev.magnet;

/** How the matrices are stored that a merged adapter has changed. */
public enum MergeType {
    /** As they were in the base, quantised again: as small, but small changes get lost in a few bits. */
    BASE,
    /** 32-bit floats. */
    F32,
    /** 16-bit floats. */
    F16,
    /** 16-bit floats with the range of 32-bit ones. */
    BF16
}
