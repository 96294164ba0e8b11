package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.Precision;
import dev.magnet.Status;

/** Vectors of fewer numbers, and in fewer bytes. */
public final class Packing {
    private Packing() {}

    /** The first {@code dimensions} numbers of {@code vector}, at length 1 if {@code normalize}; a zero vector stays zero. */
    static float[] shortened(float[] vector, int dimensions, boolean normalize) {
        double sum = 0;
        for (int i = 0; i < dimensions; i++) {
            sum += (double) vector[i] * vector[i];
        }
        double norm = normalize && sum > 0 ? Math.sqrt(sum) : 1;
        float[] first = new float[dimensions];
        for (int i = 0; i < dimensions; i++) {
            first[i] = (float) (vector[i] / norm);
        }
        return first;
    }

    /** {@code vector} in {@code precision}. */
    public static byte[] pack(float[] vector, Precision precision) {
        if (vector.length == 0) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "the vector has no number");
        }
        double largest = 0;
        for (int i = 0; i < vector.length; i++) {
            if (!Float.isFinite(vector[i])) {
                throw new MagnetException(
                        Status.INVALID_ARGUMENT, "the vector holds " + vector[i] + " at " + i + "; numbers must be finite");
            }
            largest = Math.max(largest, Math.abs(vector[i]));
        }
        return switch (precision) {
            case INT8 -> toInt8(vector, largest);
            case BINARY -> toBits(vector);
        };
    }

    private static byte[] toInt8(float[] vector, double largest) {
        byte[] packed = new byte[vector.length];
        for (int i = 0; i < vector.length && largest > 0; i++) {
            double scaled = vector[i] * (127 / largest);
            packed[i] = (byte) Math.copySign(Math.round(Math.abs(scaled)), scaled); // halves away from zero
        }
        return packed;
    }

    private static byte[] toBits(float[] vector) {
        byte[] packed = new byte[(vector.length + 7) / 8];
        for (int i = 0; i < vector.length; i++) {
            if (vector[i] > 0) {
                packed[i / 8] |= (byte) (0x80 >> i % 8);
            }
        }
        return packed;
    }
}
