package dev.magnet.internal;

/**
 * Makes a thread that is nearly out of stack fail before a native call instead of inside it, where a callback that finds
 * no room ends the process: the JVM cannot throw a {@link StackOverflowError} through native code.
 */
final class Stack {
    /**
     * Twice what loading a model was measured to need, the deepest call; some 150 KiB of compiled frames, twice that
     * interpreted.
     */
    private static final int FRAMES = 600;

    private Stack() {}

    /** @throws StackOverflowError unless there is room for a native call and its callbacks */
    static void ensureRoom() {
        if (dive(FRAMES, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16) == 0) {
            throw new AssertionError("a sum of positive numbers");
        }
    }

    /** All arguments are needed after the inner call, so that every frame has to keep them. */
    private static long dive(
            int frames, long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l,
            long m, long n, long o, long p) {
        long below = frames == 0 ? 0 : dive(frames - 1, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, a);
        return (below & 0xFF) + a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p;
    }
}
