package dev.magnet;

/** Compares embeddings. */
public final class Similarity {
    private Similarity() {}

    /**
     * Cosine of the angle between two vectors, in [-1, 1]; 0 if one of them is all zero.
     *
     * @throws IllegalArgumentException if their lengths differ
     */
    public static double cosine(float[] a, float[] b) {
        double norms = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
        return norms == 0 ? 0 : Math.clamp(dot(a, b) / norms, -1, 1);
    }

    /**
     * {@link #cosine(float[], float[])} of vectors in {@link Precision#INT8}.
     *
     * @throws IllegalArgumentException if their lengths differ
     */
    public static double cosine(byte[] a, byte[] b) {
        requireEqualLength(a.length, b.length);
        long ab = 0;
        long aa = 0;
        long bb = 0;
        for (int i = 0; i < a.length; i++) {
            ab += a[i] * b[i];
            aa += a[i] * a[i];
            bb += b[i] * b[i];
        }
        return aa == 0 || bb == 0 ? 0 : Math.clamp(ab / (Math.sqrt(aa) * Math.sqrt(bb)), -1, 1);
    }

    /**
     * Number of bits in which two vectors in {@link Precision#BINARY} differ: the smaller, the more alike.
     *
     * @throws IllegalArgumentException if their lengths differ
     */
    public static int hamming(byte[] a, byte[] b) {
        requireEqualLength(a.length, b.length);
        int differing = 0;
        for (int i = 0; i < a.length; i++) {
            differing += Integer.bitCount((a[i] ^ b[i]) & 0xFF);
        }
        return differing;
    }

    /**
     * Sum of products: the cosine of vectors that are normalised, as {@link Magnet#embed(String)} returns them.
     *
     * @throws IllegalArgumentException if their lengths differ
     */
    public static double dot(float[] a, float[] b) {
        requireEqualLength(a.length, b.length);
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    private static void requireEqualLength(int a, int b) {
        if (a != b) {
            throw new IllegalArgumentException("vectors of " + a + " and " + b + " dimensions");
        }
    }
}
