package dev.magnet;

/** How a session's cache keeps keys and values. */
public enum CacheType {
    /** 16 bits a value. */
    F16,
    /**
     * 8 bits, and a scale to 32 of them: little more than half the memory, results a little off. Not with
     * {@link FlashAttention#OFF}.
     */
    Q8_0
}
