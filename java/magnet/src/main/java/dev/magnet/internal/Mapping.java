package dev.magnet.internal;

import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A record and a struct of magnet.h that say the same, by name: component {@code maxTokens} is field {@code max_tokens},
 * or {@code n_max_tokens}, or {@code use_max_tokens}. {@link Codec} says which types there are.
 *
 * <p>A component that the struct has no such field of, or whose type has no codec, is Java's alone: who reads says its
 * value, and who writes sees to it. MappingTest holds the list of these, and of the fields without a component.
 */
final class Mapping<R extends Record> {
    /** What stands in front of names in C, and is not spoken in Java. */
    private static final List<String> PREFIXES = List.of("", "n_", "use_");

    /** A component, and where its value lies; {@code codec} is null for one of Java's alone. */
    record Field(RecordComponent declared, MethodHandle accessor, @Nullable String name, @Nullable Codec codec) {
        String component() {
            return declared.getName();
        }

        /** What it is where nobody says: null, 0 or false. */
        @Nullable Object none() {
            try {
                return MethodHandles.zero(declared.getType()).invoke();
            } catch (Throwable e) {
                throw thrown(e);
            }
        }
    }

    private final GroupLayout struct;
    private final @Nullable String within;
    private final MethodHandle constructor;
    private final List<Field> fields = new ArrayList<>();

    private Mapping(Class<R> type, GroupLayout struct, @Nullable String within) {
        this.struct = struct;
        this.within = within;
        RecordComponent[] components = type.getRecordComponents();
        var lookup = MethodHandles.lookup();
        try {
            Class<?>[] types = Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
            constructor = lookup.unreflectConstructor(type.getDeclaredConstructor(types))
                    .asSpreader(Object[].class, types.length)
                    .asType(MethodType.methodType(Record.class, Object[].class));
            for (RecordComponent component : components) {
                MethodHandle accessor = lookup.unreflect(component.getAccessor())
                        .asType(MethodType.methodType(Object.class, Record.class));
                fields.add(field(component, accessor, struct, within));
            }
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot read " + type + "; is it in reachability-metadata.json?", e);
        }
    }

    /** The components of {@code type} in {@code struct}. */
    static <R extends Record> Mapping<R> of(Class<R> type, GroupLayout struct) {
        return new Mapping<>(type, struct, null);
    }

    /** The components of {@code type} in the struct {@code within} that {@code struct} holds, or else in {@code struct}. */
    static <R extends Record> Mapping<R> of(Class<R> type, GroupLayout struct, String within) {
        return new Mapping<>(type, struct, within);
    }

    List<Field> fields() {
        return fields;
    }

    /** What the library's messages call each component, and those of the records in it: the way to it from the struct. */
    Map<String, String> componentsByField() {
        Map<String, String> components = new HashMap<>();
        for (Field field : fields) {
            if (field.name == null) {
                continue;
            }
            GroupLayout inner = within == null ? struct : (GroupLayout) struct.select(PathElement.groupElement(within));
            boolean isWithin = within != null && has(inner, field.name);
            String name = (isWithin ? within + "." : "") + field.name;
            components.put(name, field.component());
            if (field.declared.getType().isRecord()) {
                var nested = (GroupLayout) (isWithin ? inner : struct).select(PathElement.groupElement(field.name));
                of(field.declared.getType().asSubclass(Record.class), nested).componentsByField().forEach(
                        (c, java) -> components.put(name + "." + c, field.component() + "." + java));
            }
        }
        return components;
    }

    /** Says the same as {@code struct}, which has all components. */
    R read(MemorySegment struct) {
        return make(values(struct));
    }

    /** The components that {@code struct} has, by name; the caller may add others. */
    Map<String, Object> values(MemorySegment struct) {
        Map<String, Object> values = new HashMap<>();
        for (Field field : fields) {
            if (field.codec != null) {
                values.put(field.component(), field.codec.read(struct));
            }
        }
        return values;
    }

    /** A record of these components; null, 0 or false where there is none. */
    @SuppressWarnings("unchecked") // what the constructor makes
    R make(Map<String, Object> values) {
        Object[] arguments = fields.stream()
                .map(field -> values.containsKey(field.component()) ? values.get(field.component()) : field.none())
                .toArray();
        try {
            return (R) (Record) constructor.invokeExact(arguments);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /** Writes the components that {@code struct} has; what they point to lives as long as {@code arena}. */
    void write(Arena arena, R options, MemorySegment struct) {
        for (Field field : fields) {
            if (field.codec != null) {
                try {
                    field.codec.write(arena, struct, (Object) field.accessor.invokeExact((Record) options), field.component());
                } catch (Throwable e) {
                    throw thrown(e);
                }
            }
        }
    }

    private static Field field(
            RecordComponent component, MethodHandle accessor, GroupLayout struct, @Nullable String within) {
        String snake = component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
        if (within != null) {
            PathElement inner = PathElement.groupElement(within);
            Field field = field(component, accessor, snake, (GroupLayout) struct.select(inner), struct.byteOffset(inner));
            if (field.name != null) {
                return field;
            }
        }
        return field(component, accessor, snake, struct, 0);
    }

    private static Field field(
            RecordComponent component, MethodHandle accessor, String snake, GroupLayout struct, long offset) {
        String name = PREFIXES.stream()
                .map(prefix -> prefix + snake)
                .filter(each -> has(struct, each))
                .findFirst()
                .orElse(null);
        Codec codec = name == null ? null : Codec.of(component.getGenericType(), struct, name, offset);
        return new Field(component, accessor, name, codec);
    }

    private static boolean has(GroupLayout struct, String name) {
        return struct.memberLayouts().stream().map(MemoryLayout::name).anyMatch(each -> name.equals(each.orElse(null)));
    }

    private static RuntimeException thrown(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(e);
    }
}
