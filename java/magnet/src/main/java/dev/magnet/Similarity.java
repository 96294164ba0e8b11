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
     * Sum of products: the cosine of vectors that are normalised, as {@link Magnet#embed(String)} returns them.
     *
     * @throws IllegalArgumentException if their lengths differ
     */
    public static double dot(float[] a, float[] b) {
        if (a.length != b.length) {
            throw new IllegalArgumentException("vectors of " + a.length + " and " + b.length + " dimensions");
        }
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
