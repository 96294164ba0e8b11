package dev.magnet;

import dev.magnet.internal.Packing;

/** How the numbers of a vector are kept in fewer bytes than those of a {@code float[]}, for stores that want them so. */
public enum Precision {
    /**
     * One byte a number: each vector is scaled so that its largest number is 127 or -127. Compare by cosine
     * ({@link Similarity#cosine(byte[], byte[])}).
     */
    INT8,

    /**
     * One bit a number, 1 where it is above 0; the first is the highest bit of the first byte, and bits that are left over
     * are 0, as NumPy's {@code packbits} has it. Compare by {@link Similarity#hamming(byte[], byte[])}.
     */
    BINARY;

    /**
     * A vector in this precision.
     *
     * @throws MagnetException {@link Status#INVALID_ARGUMENT} if it has no number, or one that is not finite
     */
    public byte[] pack(float[] vector) {
        return Packing.pack(vector, this);
    }

    /** The vectors of {@link Embeddings#vectors()}, each as {@link #pack(float[])} packs it. */
    public byte[][] pack(float[][] vectors) {
        byte[][] packed = new byte[vectors.length][];
        for (int i = 0; i < vectors.length; i++) {
            packed[i] = pack(vectors[i]);
        }
        return packed;
    }
}
