package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class PrecisionTest {
    @Test
    void int8ScalesTheLargestNumberTo127() {
        assertArrayEquals(new byte[] {127, -64, 0, 32}, Precision.INT8.pack(new float[] {0.5f, -0.25f, 0, 0.125f}));
        assertArrayEquals(new byte[] {-127, 1}, Precision.INT8.pack(new float[] {-2, 0.02f}));
        assertArrayEquals(new byte[] {0, 0}, Precision.INT8.pack(new float[] {0, 0}));
    }

    @Test
    void binaryPutsTheFirstNumberIntoTheHighestBit() {
        float[] nine = {1, -1, 0, 1e-30f, -0.0f, 2, -3, 4, 5};
        assertArrayEquals(new byte[] {(byte) 0b10010101, (byte) 0b10000000}, Precision.BINARY.pack(nine));
    }

    @Test
    void packedVectorsCompareAsTheFloatsDo() {
        Random random = new Random(1);
        float[] a = new float[576];
        float[] b = new float[576];
        for (int i = 0; i < a.length; i++) {
            a[i] = (float) random.nextGaussian();
            b[i] = a[i] + (float) random.nextGaussian();
        }
        double cosine = Similarity.cosine(a, b);
        assertEquals(cosine, Similarity.cosine(Precision.INT8.pack(a), Precision.INT8.pack(b)), 0.01);
        // signs differ by the angle's share of half a turn
        int differing = Similarity.hamming(Precision.BINARY.pack(a), Precision.BINARY.pack(b));
        assertEquals(Math.acos(cosine) / Math.PI, differing / 576.0, 0.05);
        assertEquals(576, Similarity.hamming(Precision.BINARY.pack(new float[][] {a, negative(a)})[0],
                Precision.BINARY.pack(negative(a))));
    }

    @Test
    void whatIsNoVectorIsRefused() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            var refused = assertThrows(MagnetException.class, () -> Precision.INT8.pack(new float[] {1, bad}));
            assertEquals(Status.INVALID_ARGUMENT, refused.status());
            assertTrue(refused.getMessage().contains("at 1"), refused.getMessage());
        }
        assertThrows(MagnetException.class, () -> Precision.BINARY.pack(new float[0]));
        assertThrows(IllegalArgumentException.class, () -> Similarity.hamming(new byte[1], new byte[2]));
        assertThrows(IllegalArgumentException.class, () -> Similarity.cosine(new byte[1], new byte[2]));
    }

    private static float[] negative(float[] vector) {
        float[] opposite = new float[vector.length];
        for (int i = 0; i < vector.length; i++) {
            opposite[i] = -vector[i];
        }
        return opposite;
    }
}
