package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_text;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Small conversions between Java and the C contract. */
final class Native {
    /** A call that fills a buffer of {@code capacity} elements and writes the number needed to {@code outSize}. */
    @FunctionalInterface
    interface Filler {
        int fill(MemorySegment buffer, int capacity, MemorySegment outSize);
    }

    private Native() {}

    /** Throws what a failing status means. To be called on the thread that made the call, before its next one. */
    static void check(int status) {
        if (status != magnet_h.MAGNET_STATUS_OK()) {
            throw new MagnetException(
                    Codes.value(Status.class, status), Wording.inJava(magnet_h.magnet_last_error().getString(0)));
        }
    }

    /**
     * UTF-8 of a text.
     *
     * @throws MagnetException if it holds half of a surrogate pair, which is no character
     */
    static byte[] utf8(String text, String what) {
        Objects.requireNonNull(text, what);
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (Character.charCount(text.codePointAt(i)) == 1) {
                    throw new MagnetException(
                            Status.INVALID_ARGUMENT,
                            what + " is not valid Unicode: unpaired surrogate \\u%04x at index %d"
                                    .formatted((int) text.charAt(i), i));
                }
                i++;
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A NUL-terminated copy, for parameters that have no size. */
    static MemorySegment cString(Arena arena, String text, String what) {
        int nul = text.indexOf('\0');
        if (nul >= 0) {
            throw new MagnetException(Status.INVALID_ARGUMENT, what + " contains a NUL character at index " + nul);
        }
        byte[] bytes = utf8(text, what);
        MemorySegment copy = arena.allocate(bytes.length + 1L);
        MemorySegment.copy(bytes, 0, copy, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return copy;
    }

    /** An absolute path, since a checkpoint remembers it; NULL for null. */
    static MemorySegment path(Arena arena, @Nullable Path path, String what) {
        return path == null
                ? MemorySegment.NULL
                : cString(arena, path.toAbsolutePath().toString(), what);
    }

    /** Points a {@code magnet_text} at a copy of {@code text}. */
    static void setText(MemorySegment target, Arena arena, String text, String what) {
        byte[] bytes = utf8(text, what);
        magnet_text.data(target, bytes.length == 0 ? MemorySegment.NULL : arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes));
        magnet_text.size(target, bytes.length);
    }

    static MemorySegment text(Arena arena, String text, String what) {
        MemorySegment target = magnet_text.allocate(arena);
        setText(target, arena, text, what);
        return target;
    }

    /** Copy of {@code size} bytes of UTF-8. */
    static String string(MemorySegment utf8, long size) {
        return new String(bytes(utf8, size), StandardCharsets.UTF_8);
    }

    static byte[] bytes(MemorySegment data, long size) {
        return size == 0 ? new byte[0] : data.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE);
    }

    /** Runs a call that writes bytes and a NUL, with a guess of the size first and then the size that it asks for. */
    static String string(Arena arena, int guess, Filler call) {
        MemorySegment outSize = arena.allocate(ValueLayout.JAVA_INT);
        MemorySegment buffer = arena.allocate(guess);
        int status = call.fill(buffer, guess, outSize);
        if (status == magnet_h.MAGNET_STATUS_BUFFER_TOO_SMALL()) {
            int capacity = outSize.get(ValueLayout.JAVA_INT, 0) + 1;
            buffer = arena.allocate(capacity);
            status = call.fill(buffer, capacity, outSize);
        }
        check(status);
        return string(buffer, outSize.get(ValueLayout.JAVA_INT, 0));
    }

    /** Runs a call that writes elements of {@code elementSize} bytes: asks for their number, then for them. */
    static MemorySegment elements(Arena arena, long elementSize, Filler call) {
        MemorySegment outSize = arena.allocate(ValueLayout.JAVA_INT);
        check(call.fill(MemorySegment.NULL, 0, outSize));
        int count = outSize.get(ValueLayout.JAVA_INT, 0);
        MemorySegment buffer = arena.allocate(count * elementSize, 8);
        if (count > 0) {
            check(call.fill(buffer, count, outSize));
        }
        return buffer;
    }
}
