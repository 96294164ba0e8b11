package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.Part;
import dev.magnet.Status;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_part;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Parts of a text as structs of magnet.h. */
public final class Parts {
    private Parts() {}

    /** {@code magnet_part[parts.size()]}. */
    static MemorySegment write(Arena arena, List<Part> parts) {
        MemorySegment array = magnet_part.allocateArray(Math.max(1, parts.size()), arena);
        for (int i = 0; i < parts.size(); i++) {
            MemorySegment part = magnet_part.asSlice(array, i);
            switch (parts.get(i)) {
                case Part.Text(String text, boolean keepSpace) -> {
                    magnet_part.type(part, magnet_h.MAGNET_PART_TEXT());
                    magnet_part.keep_space(part, keepSpace);
                    Native.setText(magnet_part.text(part), arena, text, "part " + i);
                }
                case Part.Gap(int length, int maxLength) -> {
                    magnet_part.type(part, magnet_h.MAGNET_PART_GAP());
                    magnet_part.length(part, length);
                    magnet_part.max_length(part, maxLength);
                }
                case Part.Filled(String text, int length, int maxLength) -> {
                    magnet_part.type(part, magnet_h.MAGNET_PART_GAP());
                    Native.setText(magnet_part.text(part), arena, text, "part " + i);
                    magnet_part.length(part, length);
                    magnet_part.max_length(part, maxLength);
                }
            }
        }
        return array;
    }

    /**
     * Parts whose gaps are all of one kind.
     *
     * @param unwanted the kind that the call has no use for
     * @param hint what to use instead
     */
    public static List<Part> without(Class<? extends Part> unwanted, List<Part> parts, String hint) {
        List<Part> copy = Lists.copyOf(parts, "part");
        for (int i = 0; i < copy.size(); i++) {
            if (unwanted.isInstance(copy.get(i))) {
                throw new MagnetException(
                        Status.INVALID_ARGUMENT,
                        "part " + i + " is a " + unwanted.getSimpleName() + "; " + hint);
            }
        }
        return copy;
    }
}
