package dev.magnet.internal;

import dev.magnet.FimFile;
import dev.magnet.PairFile;
import dev.magnet.TrainStage;
import dev.magnet.ffi.c.magnet_fim_file;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_logit_bias;
import dev.magnet.ffi.c.magnet_train_pairs;
import dev.magnet.ffi.c.magnet_train_stage;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A value of Java as a field of a struct: numbers and booleans as they are, enums as their codes, texts and paths as
 * NUL-terminated UTF-8, a record as the struct that the field is, and a list or map as a pointer to its elements, whose
 * number is in field {@code n_name}. NULL is null, and an empty list.
 */
record Codec(Function<MemorySegment, @Nullable Object> reader, Writer writer) {
    /** Writes a value into its field; {@code what} names it in messages. */
    @FunctionalInterface
    interface Writer {
        void write(Arena arena, MemorySegment struct, @Nullable Object value, String what);
    }

    /** What an entry of {@code Map<Integer, Float>} is in C. */
    record Bias(int token, float bias) {}

    @Nullable Object read(MemorySegment struct) {
        return reader.apply(struct);
    }

    /** Writes {@code value}, which {@code what} names in messages. */
    void write(Arena arena, MemorySegment struct, @Nullable Object value, String what) {
        writer.write(arena, struct, value, what);
    }

    /** For field {@code name} of a struct that begins at {@code base}; null for a type that has no such form. */
    static @Nullable Codec of(Type type, GroupLayout struct, String name, long base) {
        long offset = base + struct.byteOffset(PathElement.groupElement(name));
        if (type instanceof ParameterizedType generic) {
            long count = base + struct.byteOffset(PathElement.groupElement("n_" + name));
            return generic.getRawType() == Map.class
                    ? biases(offset, count)
                    : list((Class<?>) generic.getActualTypeArguments()[0], offset, count);
        }
        return single((Class<?>) type, struct.select(PathElement.groupElement(name)), offset);
    }

    private static @Nullable Codec single(Class<?> type, MemoryLayout layout, long at) {
        return switch (layout) {
            case ValueLayout.OfInt i when type == int.class || type == Integer.class ->
                new Codec(s -> s.get(i, at), (arena, s, value, what) -> s.set(i, at, (int) value));
            case ValueLayout.OfInt i when type.isEnum() ->
                new Codec(s -> Codes.value(type, s.get(i, at)), (arena, s, value, what) -> s.set(i, at, Codes.code(value)));
            case ValueLayout.OfLong l when type == long.class ->
                new Codec(s -> s.get(l, at), (arena, s, value, what) -> s.set(l, at, (long) value));
            case ValueLayout.OfFloat f when type == float.class ->
                new Codec(s -> s.get(f, at), (arena, s, value, what) -> s.set(f, at, (float) value));
            case ValueLayout.OfFloat f when type == Double.class ->
                new Codec(s -> (double) s.get(f, at), (arena, s, value, what) -> s.set(f, at, ((Double) value).floatValue()));
            case ValueLayout.OfBoolean b when type == boolean.class ->
                new Codec(s -> s.get(b, at), (arena, s, value, what) -> s.set(b, at, (boolean) value));
            case AddressLayout p when type == String.class -> new Codec(
                    s -> string(s.get(p, at)),
                    (arena, s, value, what) -> s.set(p, at, value == null
                            ? MemorySegment.NULL
                            : Native.cString(arena, (String) value, what)));
            case AddressLayout p when type == Path.class -> new Codec(
                    s -> path(s.get(p, at)),
                    (arena, s, value, what) -> s.set(p, at, Native.path(arena, (Path) value, what)));
            case GroupLayout struct when type.isRecord() -> nested(type.asSubclass(Record.class), struct, at);
            default -> null;
        };
    }

    private static <R extends Record> Codec nested(Class<R> type, GroupLayout struct, long at) {
        Mapping<R> mapping = Mapping.of(type, struct);
        return new Codec(
                s -> mapping.read(s.asSlice(at, struct)),
                (arena, s, value, what) -> mapping.write(arena, type.cast(value), s.asSlice(at, struct)));
    }

    private static Codec list(Class<?> type, long at, long count) {
        MemoryLayout layout = type == String.class || type == Path.class ? magnet_h.C_POINTER
                : type == Double.class ? magnet_h.C_FLOAT
                : type == TrainStage.class ? magnet_train_stage.layout()
                : type == FimFile.class ? magnet_fim_file.layout()
                : type == PairFile.class ? magnet_train_pairs.layout()
                : type == Bias.class ? magnet_logit_bias.layout()
                : magnet_h.C_INT;
        Codec element = single(type, layout, 0);
        if (element == null) {
            throw new IllegalStateException("a list of " + type + " has no form in C; Codec must learn it");
        }
        long size = layout.byteSize();
        return new Codec(
                s -> {
                    MemorySegment array = s.get(magnet_h.C_POINTER, at);
                    List<Object> values = new ArrayList<>();
                    for (int i = 0; i < s.get(magnet_h.C_INT, count); i++) {
                        values.add(element.read(array.asSlice(i * size, size)));
                    }
                    return values;
                },
                (arena, s, value, what) -> {
                    List<?> values = (List<?>) value;
                    MemorySegment array = values.isEmpty() ? MemorySegment.NULL : arena.allocate(layout, values.size());
                    for (int i = 0; i < values.size(); i++) {
                        element.write(arena, array.asSlice(i * size, size), values.get(i), what + "[" + i + "]");
                    }
                    s.set(magnet_h.C_POINTER, at, array);
                    s.set(magnet_h.C_INT, count, values.size());
                });
    }

    private static Codec biases(long at, long count) {
        Codec list = list(Bias.class, at, count);
        return new Codec(
                s -> Map.of(), // no struct of the library's has any
                (arena, s, value, what) -> list.write(arena, s, ((Map<?, ?>) value).entrySet().stream()
                        .map(entry -> new Bias((Integer) entry.getKey(), (Float) entry.getValue()))
                        .toList(), what));
    }

    private static @Nullable String string(MemorySegment text) {
        return text.equals(MemorySegment.NULL) ? null : text.getString(0);
    }

    private static @Nullable Path path(MemorySegment text) {
        return text.equals(MemorySegment.NULL) ? null : Path.of(text.getString(0));
    }
}
