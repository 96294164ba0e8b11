package dev.magnet.internal;

import dev.magnet.Precision;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Vectors in fewer bytes. */
public final class Packing {
    private Packing() {}

    /** {@code vector} in {@code precision}. */
    public static byte[] pack(float[] vector, Precision precision) {
        Library.load();
        int code = Codes.of(precision);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = arena.allocateFrom(ValueLayout.JAVA_FLOAT, vector);
            MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
            Native.check(magnet_h.magnet_vectors_pack(from, 1, vector.length, code, MemorySegment.NULL, 0, size));
            MemorySegment out = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
            Native.check(magnet_h.magnet_vectors_pack(from, 1, vector.length, code, out, out.byteSize(), size));
            return out.toArray(ValueLayout.JAVA_BYTE);
        }
    }
}
